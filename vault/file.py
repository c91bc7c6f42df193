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
from vault.errors import VaultDamagedError, VaultError, translated

_log = logging.getLogger(__name__)


class VaultFile:
    """The file of one vault. Threads may share it, and it outlives a fork.

    Args:
        path: The file.
        key: Its raw key, 32 bytes.
        busy_timeout: Seconds to wait for another writer.
        look_only: Neither make the tables nor bring them up to date; `form` tells how they are.
    """

    def __init__(
        self, path: Path, key: bytes, busy_timeout: float, *, look_only: bool = False
    ) -> None:
        self.path = path
        self._look_only = look_only
        self._key = key
        self._busy_timeout = busy_timeout
        self._left_behind: list[Engine] = []
        self._start()
        try:
            self._bring_up()
        except VaultError:
            self._engine.dispose()
            raise

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._file = self._identity()
        self._engine = make_engine(self.path, self._key, self._busy_timeout)

    def _bring_up(self) -> None:
        if self._look_only:
            return
        with self._write() as database:
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
        return found.st_dev, found.st_ino

    def _own_engine(self) -> Engine:
        if self._pid != os.getpid():
            # A forked child must neither use nor close what its parent has open.
            # https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_
            self._left_behind.append(self._engine)
            self._start()
        elif self._identity() != self._file:
            _log.warning("%s was replaced by another file, which is opened now", self.path.name)
            old, self._file = self._engine, self._identity()
            self._engine = make_engine(self.path, self._key, self._busy_timeout)
            old.dispose()
            self._bring_up()
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

    @contextmanager
    def _read(self) -> Iterator[Database]:
        with self._translated(), self._own_engine().begin() as database:
            yield database

    @contextmanager
    def _fresh(self) -> Iterator[Database]:
        """As `_read`, on a connection that has never been used and will not be again."""
        engine = make_engine(self.path, self._key, self._busy_timeout)
        try:
            with self._translated(), engine.begin() as database:
                yield database
        finally:
            engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[Database]:
        engine = self._own_engine().execution_options(**{WRITES: True})
        # Threads of one process take turns; only processes wait for each other by polling.
        with self._lock, self._translated(), engine.begin() as database:
            yield database

    def form(self) -> tuple[int, int]:
        """The form that the tables have, 0 where there are none, and the newest that we know."""
        with self._read() as database:
            found: int = database.exec_driver_sql("PRAGMA user_version").scalar_one()
        return found, 1 + len(migrations.STEPS)

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
