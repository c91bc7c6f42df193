"""Brings a vault's tables to the form that this code knows.

`user_version` of the file counts the steps. A new vault gets the newest form at once; to change
the form, change `vault/tables.py` and append a step that does the same to a vault that exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert

from vault import index, tables
from vault.errors import VaultError

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


def bring_up(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Make the tables, or bring them up to date, within the transaction at hand.

    Raises:
        VaultError: The vault was written by a newer version of this server.
    """
    newest = 1 + len(steps)
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > newest:
        raise VaultError(
            f"the vault has form {version} and this server knows forms up to {newest}:"
            " use the newer version of the server that wrote it"
        )
    if version == newest:
        return
    if version == 0:
        _create(connection)
    else:
        for step in steps[version - 1 :]:
            step(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {newest:d}")


def _create(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    connection.execute(insert(tables.counter).values(change=0))
    index.create(connection)
