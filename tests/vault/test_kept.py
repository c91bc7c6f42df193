"""What the vault tells a handler of the items that it holds."""

from __future__ import annotations

ACCOUNT = "google:1"


def test_ids_come_in_order_from_any_one_on(vault, email, batch):
    keys = sorted(["12", "123", "1230", "12:7", "123:5", "9"])
    assert keys == ["12", "123", "1230", "123:5", "12:7", "9"]
    vault.commit(batch(*(email(key) for key in reversed(keys))))
    kept = vault.kept(ACCOUNT, "gmail")
    assert list(kept.source_ids()) == keys
    assert list(kept.source_ids("123:")) == ["123:5", "12:7", "9"]
    assert list(kept.source_ids("123:5")) == ["12:7", "9"]
    assert list(kept.source_ids("9")) == []
