"""Opens a vault's file: SQLCipher 4 with a raw key, through SQLAlchemy.

https://www.zetetic.net/sqlcipher/sqlcipher-api/#key
https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#module-sqlalchemy.dialects.sqlite.pysqlcipher
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlcipher3
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

#: In the execution options of a connection that will write.
WRITES = "vault_writes"

_PRAGMAS = (
    # Its log goes to standard error; errors reach us as exceptions anyway.
    "cipher_log_level = NONE",
    "journal_mode = WAL",
    # A kept batch survives a power cut, and so does a refresh token that the provider has just
    # rotated and will never give again. Measured: no difference to NORMAL at 25 records a batch.
    "synchronous = FULL",
    "foreign_keys = ON",
    # Temporary files would be written in plain text.
    "temp_store = MEMORY",
)


def make_engine(path: Path, key: bytes, busy_timeout: float) -> Engine:
    """An engine for one vault file, for use by many threads.

    Connections are pooled: opening one costs 0.4 ms, but its page cache costs far more.

    Args:
        path: The file; made when missing.
        key: 32 bytes, used as they are: no derivation slows the opening.
        busy_timeout: Seconds to wait for another writer.
    """
    # The dialect quotes the password, which makes it SQLCipher's form of a raw key. The URL's
    # repr hides it.
    url = URL.create("sqlite+pysqlcipher", password=f"x'{key.hex()}'", database=str(path))
    engine = create_engine(
        url,
        module=sqlcipher3,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
        # Values of statements are a person's content: they stay out of messages and logs.
        hide_parameters=True,
        connect_args={
            "check_same_thread": False,
            "timeout": busy_timeout,
            # Transactions are ours: the driver would begin them late and commit them early.
            "isolation_level": None,
        },
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(dbapi_connection: Any, record: object) -> None:  # noqa: ARG001 - the signature is the library's
    for pragma in _PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    # A writer takes the lock at the start: one that has read first could not wait for it.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
