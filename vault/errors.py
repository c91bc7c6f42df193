"""Errors of the vault. Each message says the way out, and holds nothing of a person's content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

#: Primary result codes of SQLite, https://www.sqlite.org/rescode.html
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = (
    5, 6, 8, 10, 11, 13, 14, 26,
)  # fmt: skip


class VaultError(Exception):
    """Base of all errors of the vault."""


class NotFoundError(VaultError):
    """There is no such vault, connection, handler, schema or item."""


class FencedError(VaultError):
    """The right to write has gone to a newer worker: stop, without an error for the person."""


class AccessRenewedError(VaultError):
    """The person has connected again: what was found out about the access before is void."""


class KeyMissingError(VaultError):
    """The master key or a vault's own key is missing, or it is not the right one."""


class VaultDamagedError(VaultError):
    """The vault's file is damaged: put it back from a backup."""


class VaultLockedError(VaultError):
    """Another process held the vault for longer than `vault.busy_timeout`: try again."""


class VaultFullError(VaultError):
    """The disk has no room left: make some. Nothing that was kept is harmed."""


class UnwritableError(VaultError):
    """A record or an item cannot be written as JSON; says why without its content."""


class VaultUnreadableError(VaultError):
    """The system did not let the file be read or written: its permissions, or its disk."""


class StatementRefusedError(VaultError):
    """The database refused a statement: a bug, unless the tables are gone."""


def damaged(where: str, why: str = "") -> VaultDamagedError:
    """What is said of a damaged file.

    Args:
        where: The file.
        why: What is wrong with it, in a few words.
    """
    told = f": {why};" if why else ":"
    return VaultDamagedError(f"{where} is damaged{told} put it back from a backup")


def in_use(where: str) -> VaultLockedError:
    """What is said of a file that somebody else held for too long."""
    return VaultLockedError(
        f"{where} is in use by another process: try again, or raise vault.busy_timeout"
    )


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the database's errors into the vault's own.

    Args:
        where: The file that the message names.
    """
    try:
        yield
    except DBAPIError as error:
        # Not chained: statements and their values stay out of reports.
        raise _translate(error, where) from None
    except PoolTimeoutError:
        raise VaultLockedError(f"{where} is read by too many at once: try again") from None


def _translate(error: DBAPIError, where: str) -> VaultError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in (_NOTADB, _CORRUPT):
        return damaged(where)
    if primary in (_BUSY, _LOCKED):
        return in_use(where)
    if primary == _FULL:
        return VaultFullError(f"no space is left for {where}: make room, then try again")
    if primary in (_READONLY, _IOERR, _CANTOPEN):
        return VaultUnreadableError(
            f"{where} could not be read or written: look at the disk and the folder's permissions"
        )
    name = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    return StatementRefusedError(
        f"{where}: the database refused a statement ({name}); this is a bug"
    )
