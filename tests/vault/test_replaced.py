"""Files that change under those who have them open: by another process, or from a backup."""

from __future__ import annotations

import pytest

from vault.errors import FencedError, VaultDamagedError, VaultError
from vault.vaults import Vaults


def test_a_sound_vault_stays_sound_in_the_eyes_of_one_who_has_looked_before(
    settings, vault, email, batch
):
    """FTS5 checks the index by what the connection remembers of it."""

    def words(seed):
        return " ".join(f"{chr(97 + (seed * n) % 12) * 3}{seed * n % 50}" for n in range(30))

    other = Vaults(settings)
    try:
        writer = other.open("owner")
        # Many small pieces of the index, until FTS5 merges them.
        for number in range(7):
            for n in range(40):
                text = words(number * 40 + n + 1)
                writer.commit(batch(email(number * 20 + n, messageText=text)))
            assert vault.check() == []
    finally:
        other.close()


def test_a_vault_put_back_from_a_copy_is_noticed_by_those_who_have_it_open(
    settings, vaults, vault, email, batch
):
    file = settings.home / "vaults" / "owner.vault"
    vault.commit(batch(email(1)))
    vaults.close()
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    vault = vaults.open("owner")
    vault.commit(batch(email(2)))
    assert vault.count("email") == 2
    for name in ("owner.vault-wal", "owner.vault-shm"):
        file.with_name(name).unlink(missing_ok=True)
    copy.replace(file)
    assert vault.count("email") == 1
    vault.commit(batch(email(3)))
    vaults.close()
    assert Vaults(settings).open("owner").count("email") == 2


def test_a_vault_mended_in_its_place_is_sound_again_for_those_who_saw_the_damage(
    settings, vaults, vault, email, batch
):
    file = settings.home / "vaults" / "owner.vault"
    vault.commit(batch(*(email(n, messageText="x" * 3000) for n in range(50))))
    vaults.close()
    sound = file.read_bytes()
    half = len(sound) // 2 // 4096 * 4096
    file.write_bytes(sound[:half] + bytes(len(sound) - half))
    damaged = vaults.open("owner")
    with pytest.raises(VaultDamagedError):
        list(damaged.export())
    file.write_bytes(sound)
    for name in ("owner.vault-wal", "owner.vault-shm"):
        file.with_name(name).unlink(missing_ok=True)
    assert len(list(damaged.export())) == 50
    assert damaged.check() == []


def test_a_vault_that_has_gone_is_not_made_anew(settings, vaults, vault):
    file = settings.home / "vaults" / "owner.vault"
    file.rename(file.with_name("aside"))
    with pytest.raises(VaultError, match="not there"):
        vault.connections()
    assert not file.exists()
    file.with_name("aside").rename(file)
    assert len(vault.connections()) == 1


def test_a_worker_that_knows_of_more_commits_than_the_vault_keeps_nothing(vault, email, batch):
    """As when an older copy was put in the file's place: the worker's position is ahead of it."""
    vault.commit(batch(email(1), seq=0))
    with pytest.raises(FencedError):
        vault.commit(batch(email(2), seq=5))
    assert vault.count("email") == 1
    assert vault.commit(batch(email(2), seq=1)).seq == 2
