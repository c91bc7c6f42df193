"""Vaults whose content or file is gone: said, waited for, and never made anew over it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from vault import migrations
from vault.engine import make_engine
from vault.errors import NotFoundError, StatementRefusedError, VaultDamagedError, VaultError
from vault.vault import Vault
from vault.vaults import Vaults

Make = Callable[..., Any]


@pytest.fixture
def file(settings: Settings) -> Path:
    return settings.home / "vaults" / "owner.vault"


def give_it_a_page(vault: Vault) -> None:
    """What an empty file becomes when a database is opened there."""
    engine = make_engine(vault.path, vault._key, 1.0)
    with closing(engine.raw_connection()) as database:
        assert database.cursor().execute("PRAGMA user_version").fetchone() == (0,)
    engine.dispose()
    assert vault.path.stat().st_size


@pytest.mark.parametrize("create", [False, True])
def test_a_file_cut_to_nothing_is_damage_and_stays_as_it_is(
    vaults: Vaults, vault: Vault, file: Path, create: bool
) -> None:
    vaults.close()
    os.truncate(file, 0)
    with pytest.raises(VaultDamagedError, match=r"it is empty; put it back from a backup"):
        vaults.open("owner", create=create)
    assert file.stat().st_size == 0


def test_a_file_without_tables_is_damage_and_is_given_none(
    vaults: Vaults, vault: Vault, file: Path
) -> None:
    vaults.close()
    os.truncate(file, 0)
    give_it_a_page(vault)
    before = file.read_bytes()
    with pytest.raises(VaultDamagedError, match=r"it has no tables; put it back from a backup"):
        vaults.open("owner", create=True)
    assert file.read_bytes() == before


@pytest.mark.parametrize("with_a_page", [False, True])
@pytest.mark.parametrize("idle", [False, True])
def test_who_has_a_file_open_that_is_cut_to_nothing_says_damage_until_it_is_put_back(
    vault: Vault, email: Make, batch: Make, file: Path, with_a_page: bool, idle: bool
) -> None:
    vault.commit(batch(*(email(n) for n in range(50))))
    other = make_engine(vault.path, vault._key, 1.0)
    with closing(other.raw_connection()) as database:
        database.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.dispose()
    sound = file.read_bytes()
    if idle:
        vault.let_go()
    os.truncate(file, 0)
    if with_a_page:
        # A process that had it open, by an older version say; its log is gone with it.
        vault.let_go()
        for side in ("-wal", "-shm"):
            file.with_name(file.name + side).unlink(missing_ok=True)
        give_it_a_page(vault)
    for _ in range(2):
        with pytest.raises(VaultDamagedError, match="damaged"):
            vault.connections()
        with pytest.raises(VaultDamagedError, match="damaged"):
            vault.commit(batch(email(51)))
    assert any("damaged" in text for text in vault.check())
    for side in ("-wal", "-shm"):
        file.with_name(file.name + side).unlink(missing_ok=True)
    copy = file.with_name("copy")
    copy.write_bytes(sound)
    copy.replace(file)
    assert vault.count("email") == 50
    assert vault.check() == []


def test_a_statement_that_the_database_refuses_in_a_sound_vault_stays_a_bug(vault: Vault) -> None:
    with pytest.raises(StatementRefusedError, match="this is a bug"), vault._read() as database:
        database.exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.parametrize("create", [False, True])
def test_a_vault_that_is_away_while_its_key_is_there_is_waited_for_and_not_made_anew(
    settings: Settings, vaults: Vaults, vault: Vault, file: Path, create: bool
) -> None:
    vaults.close()
    file.rename(file.with_name("aside"))
    other = Vaults(settings)
    with pytest.raises(VaultError, match="is not there: put it back") as caught:
        other.open("owner", create=create)
    # The engine would take the person for one who has left.
    assert not isinstance(caught.value, NotFoundError)
    assert not file.exists()
    # A schedule that is built anew meanwhile must know that somebody is left out.
    assert other.people() == ["owner"]
    file.with_name("aside").rename(file)
    assert len(other.open("owner").connections()) == 1
    other.close()


def test_no_step_makes_tables_where_there_are_none(vault: Vault) -> None:
    with vault._write() as database:
        database.exec_driver_sql("PRAGMA user_version = 0")
        with pytest.raises(VaultDamagedError, match="no tables"):
            migrations.bring_up(database)
    assert vault.form() == (0, migrations.newest())
