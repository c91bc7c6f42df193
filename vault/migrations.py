"""Brings a vault's tables to the form that this code knows.

`user_version` of the file counts the steps, from 1 on; it is 0 in an empty file. A new vault gets
the newest form at once; to change the form, change `vault/tables.py` and append a step that does
the same to a vault that exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert

from vault import index, tables
from vault.errors import VaultDamagedError, VaultError

Step = Callable[[Connection], None]


def _attempts(connection: Connection) -> None:
    connection.exec_driver_sql(
        "ALTER TABLE handlers ADD COLUMN attempts INTEGER DEFAULT '0' NOT NULL"
    )


def _counts_of_a_run(connection: Connection) -> None:
    for name in ("unfinished", "set_aside", "setbacks"):
        connection.exec_driver_sql(
            f"ALTER TABLE handlers ADD COLUMN {name} INTEGER DEFAULT '0' NOT NULL"
        )


#: From version 1 to 2, from 2 to 3, ...
STEPS: Sequence[Step] = (_attempts, _counts_of_a_run)


def newest() -> int:
    """The newest form that this code knows."""
    return 1 + len(STEPS)


def create(connection: Connection) -> None:
    """Make the tables in an empty file, within the transaction at hand."""
    tables.metadata.create_all(connection)
    connection.execute(insert(tables.counter).values(change=0))
    index.create(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {newest():d}")


def bring_up(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring the tables up to date, within the transaction at hand.

    Raises:
        VaultDamagedError: There are none: a vault has them before it comes into its place.
        VaultError: The vault was written by a newer version of this server.
    """
    last = 1 + len(steps)
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if not version:
        raise VaultDamagedError("the vault has no tables: put it back from a backup")
    if version > last:
        raise VaultError(
            f"the vault has form {version} and this server knows forms up to {last}:"
            " use the newer version of the server that wrote it"
        )
    for step in steps[version - 1 :]:
        step(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {last:d}")
