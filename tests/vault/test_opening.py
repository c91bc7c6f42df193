"""Opening vaults while other threads and processes have them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from config.settings import Settings, load
from vault.engine import WRITES, make_engine
from vault.errors import VaultError, VaultLockedError
from vault.locks import locked
from vault.model import Connection
from vault.vault import Vault
from vault.vaults import Vaults

ACCOUNT = "google:1"


@contextmanager
def writing(engine: Engine) -> Iterator[Any]:
    """The file held as by another process that writes."""
    with engine.execution_options(**{WRITES: True}).begin() as database:
        yield database


def make_older(vault: Vault) -> None:
    """Give the vault the first of its forms."""
    with vault._write() as database:
        for column in ("attempts", "unfinished", "set_aside", "setbacks"):
            found = database.exec_driver_sql("SELECT name FROM pragma_table_info('handlers')")
            if column in set(found.scalars()):
                database.exec_driver_sql(f"ALTER TABLE handlers DROP COLUMN {column}")
        database.exec_driver_sql("PRAGMA user_version = 1")


def test_who_opens_a_locked_vault_keeps_nobody_else_waiting(
    settings: Settings, vaults: Vaults
) -> None:
    for person in ("ann", "bob", "cid"):
        vaults.open(person, create=True)
    other = Vaults(settings)
    other.open("bob")
    began, opened = threading.Event(), threading.Event()

    def open_ann() -> None:
        began.set()
        other.open("ann")
        opened.set()

    opener = threading.Thread(target=open_ann)
    # What a process holds that opens it.
    with locked(settings.home / "vaults" / "ann.key", 5.0, "ann.vault"):
        opener.start()
        assert began.wait(5)
        done: list[str] = []

        def open_others() -> None:
            done.extend((other.open("bob").path.stem, other.open("cid").path.stem))

        beside = threading.Thread(target=open_others)
        beside.start()
        beside.join(5)
        assert done == ["bob", "cid"]
        assert not opened.is_set()
    opener.join(5)
    beside.join(5)
    assert opened.is_set()
    assert other._turns == {}
    other.close()


def test_a_vault_that_another_process_opens_without_end_is_given_up_after_the_timeout(
    settings: Settings, vault: Vault
) -> None:
    impatient = Vaults(load(home=settings.home, vault={"busy_timeout": 0.2}))
    failures: list[str] = []

    def open_it() -> None:
        with pytest.raises(VaultLockedError) as caught:
            impatient.open("owner")
        failures.append(str(caught.value))

    threads = [threading.Thread(target=open_it, daemon=True) for _ in range(8)]
    began = time.monotonic()
    # As by one that is stopped in the middle of it.
    with locked(vault.path.with_suffix(".key"), 0, "a"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
    # Threads that wait for each other do not add up their waits.
    assert time.monotonic() - began < 1.2
    assert len(failures) == 8
    assert all("owner.vault is in use by another process" in text for text in failures)
    assert impatient._turns == {}
    assert impatient.open("owner").connections()
    impatient.close()


def test_threads_that_open_a_vault_at_once_get_the_same_one(vaults: Vaults) -> None:
    start = threading.Barrier(8)
    found: list[Vault] = []

    def open_it(person: str) -> None:
        start.wait(5)
        found.append(vaults.open(person, create=True))

    threads = [threading.Thread(target=open_it, args=(f"p{n % 2}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(vault) for vault in found}) == 2
    assert vaults._turns == {}


def test_a_vault_that_cannot_be_opened_leaves_no_turn_behind(vaults: Vaults) -> None:
    with pytest.raises(VaultError):
        vaults.open("nobody")
    assert vaults._turns == {}


def test_a_vault_of_the_newest_form_is_opened_while_another_writes(
    settings: Settings, vaults: Vaults, vault: Vault
) -> None:
    impatient = Vaults(load(home=settings.home, vault={"busy_timeout": 0.05}))
    with vault._write():
        assert impatient.open("owner").connection(ACCOUNT).id == ACCOUNT
    impatient.close()


def test_a_vault_of_an_older_form_waits_for_who_writes_and_is_brought_up_then(
    settings: Settings, vaults: Vaults, vault: Vault
) -> None:
    make_older(vault)
    impatient = Vaults(load(home=settings.home, vault={"busy_timeout": 0.05}))
    with vault._write(), pytest.raises(VaultLockedError):
        impatient.open("owner")
    assert impatient.open("owner").handler(ACCOUNT, "gmail").attempts == 0
    impatient.close()


@pytest.fixture
def replaced(settings: Settings, vaults: Vaults, vault: Vault) -> Vault:
    """A vault whose file was replaced by one of an older form, while it was open."""
    file = settings.home / "vaults" / "owner.vault"
    vaults.close()
    older = Vaults(settings)
    make_older(older.open("owner"))
    older.close()
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    Vaults(settings).open("owner").close()
    opened = Vaults(load(home=settings.home, vault={"busy_timeout": 0.05})).open("owner")
    opened.connections()
    for name in ("owner.vault-wal", "owner.vault-shm"):
        file.with_name(name).unlink(missing_ok=True)
    copy.replace(file)
    return opened


def test_a_file_put_back_that_is_locked_at_first_is_brought_up_once_it_is_free(
    replaced: Vault,
) -> None:
    other = make_engine(replaced.path, replaced._key, 1.0)
    with writing(other):
        for _ in range(2):
            with pytest.raises(VaultLockedError):
                replaced.handler(ACCOUNT, "gmail")
    other.dispose()
    assert replaced.handler(ACCOUNT, "gmail").attempts == 0
    replaced.close()


def test_threads_that_find_a_file_replaced_all_write_into_the_new_one(
    replaced: Vault, connection: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[Path] = []

    def slow(path: Path, key: bytes, busy_timeout: float) -> Engine:
        engines.append(path)
        time.sleep(0.05)
        return make_engine(path, key, busy_timeout)

    monkeypatch.setattr("vault.file.make_engine", slow)
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait(5)
        replaced.save_connection(connection(f"t{number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replaced.connections()) == 1 + 8
    assert len(engines) == 1
    replaced.close()
