"""Records that cannot be written as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.sdk.records import Failed
from connectors.sdk.schemas.email import Email
from vault.errors import UnwritableError

ACCOUNT = "google:1"


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


def circle():
    made: list[object] = []
    made.append(made)
    return made


ODD = [
    pytest.param({"sourceData": {"id": "2", "x": nested(700)}}, "nested", id="deep"),
    pytest.param({"extra": nested(700)}, "nested", id="deep field"),
    pytest.param({"size": float("nan")}, "ValueError", id="no number"),
    pytest.param({"sourceData": {"x": circle()}}, "ValueError", id="circle"),
    pytest.param({"sourceData": {"x": datetime.now(UTC)}}, "TypeError", id="no JSON"),
]


@pytest.mark.parametrize(("fields", "reason"), ODD)
def test_a_record_that_cannot_be_written_is_set_aside_alone(vault, email, batch, fields, reason):
    done = vault.commit(batch(email(1), email(2, **fields), email(3), position={"at": 3}))
    assert (done.inserted, done.quarantined) == (2, 1)
    assert {r["sourceId"] for r in vault.query("email")} == {"1", "3"}
    assert vault.handler(ACCOUNT, "gmail").position == {"at": 3}
    [item] = vault.quarantine()
    assert item.source_id == "2"
    assert reason in item.reason
    # What a retry needs is there, and all of it where it can be written.
    assert item.source == ({"id": "2"} if "sourceData" in fields else email(2)["sourceData"])


def test_an_item_whose_json_cannot_be_written_is_quarantined_with_its_id(vault, batch):
    items = [Failed("1", {"id": "1", "x": nested(940)}, "odd"), Failed("2", {"a": 1}, "odd")]
    assert vault.commit(batch(quarantined=items)).quarantined == 2
    assert [item.source for item in vault.quarantine()] == [{"id": "1"}, {"a": 1}]


def test_a_record_that_cannot_be_written_does_not_leave_quarantine(vault, email, batch):
    vault.commit(batch(quarantined=[Failed("1", {"id": "1"}, "odd")]))
    [item] = vault.quarantine()
    with pytest.raises(UnwritableError, match="nested"):
        vault.release(item.id, email(1, sourceData={"x": nested(700)}), Email)
    assert vault.quarantine() == [item]


def test_what_is_kept_can_be_read_from_a_deep_stack(vault, email, batch):
    """As a web server's is, whose frames leave the least room."""
    deepest = email(1, sourceData={"x": nested(399)})
    # Many brackets are not many levels.
    broad = email(2, messageText="{[" * 500, sourceData={"x": [[]] * 500})
    assert vault.commit(batch(deepest, broad)).inserted == 2

    def deeper(frames):
        return deeper(frames - 1) if frames else (vault.get("google:1:1"), vault.get("google:1:2"))

    assert deeper(350) == (deepest, broad)
    assert vault.commit(batch(email(3, sourceData={"x": nested(400)}))).quarantined == 1
