"""`VaultFile`: a vault's file, opened for transactions."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlcipher3
from sqlalchemy import Connection as Database
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from vault import migrations
from vault.engine import WRITES, make_engine
from vault.errors import (
    StatementRefusedError,
    VaultDamagedError,
    VaultError,
    damaged,
    translated,
)

_log = logging.getLogger(__name__)

_NO_TABLES = "it has no tables"


class VaultFile:
    """The file of one vault. Threads may share it, and it outlives a fork.

    Args:
        path: The file.
        key: Its raw key, 32 bytes.
        busy_timeout: Seconds to wait for another writer.
        look_only: Do not bring the tables up to date; `form` tells how they are.

    Raises:
        VaultError: The file is not there. It is never made here: see `making`.
        VaultDamagedError: It is damaged, or has no tables.
    """

    def __init__(
        self, path: Path, key: bytes, busy_timeout: float, *, look_only: bool = False
    ) -> None:
        self.path = path
        self._look_only = look_only
        self._key = key
        self._busy_timeout = busy_timeout
        self._left_behind: list[Engine] = []
        self._engine: Engine
        #: The file that the engine is for, once it has the newest form; None before the first.
        self._file: tuple[int, int] | None = None
        self._start()
        self._take_up()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._taking_up = threading.Lock()
        # Last: another thread must not go on with what was held at a fork.
        self._pid = os.getpid()

    def _take_up(self) -> None:
        """Use the file that is in the place now, once its tables have the newest form."""
        with self._taking_up:
            found = self._identity()
            if found == self._file:
                # Another thread was quicker.
                return
            engine = self._new_engine()
            try:
                self._bring_up(engine)
            except BaseException:
                engine.dispose()
                raise
            if self._file is not None:
                _log.warning("%s was replaced by another file, which is open now", self.path.name)
                # Whoever still reads the old one reads it to the end.
                self._engine.dispose()
            # Only now: a file that could not be brought up, locked as it was, is tried again.
            self._engine, self._file = engine, found

    def _new_engine(self) -> Engine:
        return make_engine(self.path, self._key, self._busy_timeout)

    def _bring_up(self, engine: Engine) -> None:
        if self._look_only:
            return
        with translated(self.path.name):
            # Readers wait for no writer in this mode, https://www.sqlite.org/wal.html#concurrency
            with engine.begin() as database:
                found, newest = _form(database)
            if not found:
                # Tables made now would hide that everything is lost.
                raise damaged(self.path.name, _NO_TABLES)
            if found == newest:
                return
            with engine.execution_options(**{WRITES: True}).begin() as database:
                migrations.bring_up(database)

    def _identity(self) -> tuple[int, int]:
        """Which file this is: another one may be put in its place, as from a backup."""
        try:
            found = self.path.stat()
        except OSError:
            # Opening it would make an empty one.
            raise VaultError(
                f"{self.path.name} is not there: put it back, or the disk that it is on"
            ) from None
        if not found.st_size:
            raise damaged(self.path.name, "it is empty")
        return found.st_dev, found.st_ino

    def _own_engine(self) -> Engine:
        if self._pid != os.getpid():
            # A forked child must neither use nor close what its parent has open.
            # https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_
            self._left_behind.append(self._engine)
            self._engine = self._new_engine()
            self._start()
        if self._identity() != self._file:
            self._take_up()
        return self._engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated(self.path.name):
                yield
        except VaultDamagedError:
            # Once it is mended, nothing that was read before may be remembered of it.
            self._engine.dispose()
            raise
        except StatementRefusedError as error:
            if self._has_tables():
                raise
            self._engine.dispose()
            # What cut the file to nothing, or opened it then and so gave it a page, is no bug here.
            raise damaged(self.path.name, _NO_TABLES) from error

    def _has_tables(self) -> bool:
        engine = self._new_engine()
        try:
            self._identity()
            with translated(self.path.name), engine.begin() as database:
                return bool(_form(database)[0])
        except VaultDamagedError:
            return False
        except VaultError:
            # Not to be known just now: what the statement met is all that can be said.
            return True
        finally:
            engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Database]:
        with self._translated(), self._own_engine().begin() as database:
            yield database

    @contextmanager
    def _fresh(self) -> Iterator[Database]:
        """As `_read`, on a connection that has never been used and will not be again."""
        engine = self._new_engine()
        try:
            with self._translated():
                # Opening an empty file would make it look like a new one.
                self._identity()
                with engine.begin() as database:
                    yield database
        finally:
            engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[Database]:
        with self._translated():
            engine = self._own_engine().execution_options(**{WRITES: True})
            # Threads of one process take turns; only processes wait for each other by polling.
            with self._lock, engine.begin() as database:
                yield database

    def form(self) -> tuple[int, int]:
        """The form that the tables have, 0 where there are none, and the newest that we know."""
        with self._read() as database:
            return _form(database)

    def let_go(self) -> None:
        """Close what is not in use just now; whoever still has the vault can go on using it."""
        if self._pid == os.getpid():
            self._engine.dispose()

    def close(self) -> None:
        """Close the file; afterwards everything is in it, if no other process has it open."""
        if self._pid != os.getpid():
            return
        try:
            raw = self._engine.raw_connection()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()
        except (SQLAlchemyError, sqlcipher3.Error):
            # What is still in the log is as safe there; the next opening reads it.
            _log.warning("%s could not be tidied up on closing", self.path.name)
        finally:
            self._engine.dispose()


def _form(database: Database) -> tuple[int, int]:
    found: int = database.exec_driver_sql("PRAGMA user_version").scalar_one()
    return found, migrations.newest()
