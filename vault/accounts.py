"""Connections, tokens, handlers and quarantine, within the caller's transaction."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Position
from vault import index, writing
from vault.errors import NotFoundError
from vault.model import Connection, ConnectionStatus, HandlerState, QuarantineItem
from vault.tables import (
    connections,
    fences,
    handlers,
    quarantine,
    records,
    removed,
    tokens,
)

_CHANGEABLE = frozenset(
    {
        "status", "message", "options", "frequency", "failures", "attempts", "unfinished",
        "set_aside", "setbacks", "last_run_id", "last_sync_at", "total",
    }
)  # fmt: skip

# What each slice asks several times is put together once.
_ONE_CONNECTION = select(connections).where(connections.c.id == bindparam("id"))
_WAITING = (
    select(func.count())
    .where(
        quarantine.c.connection_id == handlers.c.connection_id,
        quarantine.c.handler_id == handlers.c.handler_id,
    )
    .scalar_subquery()
)
_STATES = (
    select(handlers, _WAITING.label("quarantined"))
    .where(handlers.c.connection_id == bindparam("connection"))
    .order_by(handlers.c.handler_id)
)
_STATE = _STATES.where(handlers.c.handler_id == bindparam("handler"))


def all_connections(database: Database) -> list[Connection]:
    """All connections, in order of id."""
    query = select(connections).order_by(connections.c.id)
    return [Connection(**row) for row in database.execute(query).mappings()]


def one_connection(database: Database, connection_id: str) -> Connection:
    """A connection; raises NotFoundError when there is none."""
    row = database.execute(_ONE_CONNECTION, {"id": connection_id}).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"there is no connection {connection_id}")
    return Connection(**row)


def save_connection(database: Database, connection: Connection) -> None:
    """Insert a connection or replace what is known of it, but for `created_at`."""
    statement = sqlite_insert(connections).values(asdict(connection))
    replaced = ("provider", "account_id", "profile", "status", "message", "updated_at")
    database.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={name: statement.excluded[name] for name in replaced}
        )
    )


def set_connection_status(
    database: Database, connection_id: str, status: ConnectionStatus, message: str | None
) -> None:
    """Write a connection's status."""
    done = database.execute(
        update(connections)
        .where(connections.c.id == connection_id)
        .values(status=status, message=message, updated_at=datetime.now(UTC))
    )
    if not done.rowcount:
        raise NotFoundError(f"there is no connection {connection_id}")


def remove_connection(database: Database, connection_id: str) -> None:
    """Remove a connection with its tokens and handlers; its records stay."""
    database.execute(delete(connections).where(connections.c.id == connection_id))


def read_tokens(database: Database, connection_id: str) -> Tokens | None:
    """A connection's tokens."""
    query = select(tokens.c.tokens).where(tokens.c.connection_id == connection_id)
    held = database.scalars(query).one_or_none()
    return None if held is None else Tokens.from_json(held)


def save_tokens(database: Database, connection_id: str, held: Tokens) -> None:
    """Keep a connection's tokens."""
    one_connection(database, connection_id)
    statement = sqlite_insert(tokens).values(connection_id=connection_id, tokens=held.to_json())
    database.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id"], set_={"tokens": statement.excluded.tokens}
        )
    )


def connect(database: Database, connection: Connection, given: Tokens) -> None:
    """Keep a connection with its tokens; a refresh token that did not come along stays."""
    save_connection(database, connection)
    held = read_tokens(database, connection.id)
    save_tokens(database, connection.id, given.keeping_refresh_token(held))


def replace_tokens(database: Database, connection_id: str, old: Tokens, new: Tokens) -> Tokens:
    """Keep tokens in the place of these, unless others are held by now; those held then."""
    held = read_tokens(database, connection_id)
    if held is None:
        raise NotFoundError(f"there are no tokens of {connection_id}")
    if held != old:
        return held
    save_tokens(database, connection_id, new)
    return new


def handler_states(
    database: Database, connection_id: str, handler_id: str | None = None
) -> list[HandlerState]:
    """Where a connection's handlers stand, in order of id."""
    query = _STATES if handler_id is None else _STATE
    rows = database.execute(query, {"connection": connection_id, "handler": handler_id})
    return [HandlerState(**row) for row in rows.mappings()]


def ensure_handler(database: Database, connection_id: str, handler_id: str, enabled: bool) -> None:
    """Make a handler's row when there is none; one that exists stays as it is."""
    one_connection(database, connection_id)
    kept = (
        select(func.count())
        .where(
            records.c.connection_id == connection_id,
            records.c.handler_id == handler_id,
            records.c.deleted_at.is_(None),
        )
        .scalar_subquery()
    )
    database.execute(
        sqlite_insert(handlers)
        .values(
            connection_id=connection_id,
            handler_id=handler_id,
            status="enabled" if enabled else "disabled",
            options={},
            failures=0,
            kept=kept,
            seq=0,
            position={},
        )
        .on_conflict_do_nothing()
    )


def update_handler(
    database: Database, connection_id: str, handler_id: str, changes: dict[str, Any]
) -> None:
    """Change what may be changed of a handler from outside a commit."""
    if wrong := changes.keys() - _CHANGEABLE:
        raise ValueError(f"not to be changed here: {', '.join(sorted(wrong))}")
    if not changes:
        return
    done = database.execute(
        update(handlers).where(*_of(handlers, connection_id, handler_id)).values(changes)
    )
    if not done.rowcount:
        raise NotFoundError(f"there is no handler {handler_id} of {connection_id}")


def last_fence(database: Database, connection_id: str, handler_id: str) -> int:
    """The newest fence seen; 0 when there was none."""
    query = select(fences.c.fence).where(*_of(fences, connection_id, handler_id))
    return database.scalars(query).one_or_none() or 0


def claim(
    database: Database, connection_id: str, handler_id: str, fence: int
) -> tuple[Position, int]:
    """Take note of a fence; the position and its sequence number."""
    states = handler_states(database, connection_id, handler_id)
    if not states:
        raise NotFoundError(f"there is no handler {handler_id} of {connection_id}")
    writing.claim(database, connection_id, handler_id, fence)
    return states[0].position, states[0].seq


def reset(
    database: Database,
    connection_id: str,
    handler_id: str | None,
    delete_data: bool,
    fence: int | None,
) -> int:
    """Set positions back to the start; the number of records removed."""
    of_handlers = _of(handlers, connection_id, handler_id)
    counts: dict[str, int] = {}
    if fence is not None and handler_id is not None:
        writing.claim(database, connection_id, handler_id, fence)
    else:
        # The slice that is fenced off so has not died. A worker that begins again by itself goes
        # on to count how often something went wrong: its waits are to grow.
        counts = dict.fromkeys(("attempts", "unfinished", "set_aside", "failures", "setbacks"), 0)
        # A sync at work must not write its old position over this.
        database.execute(
            update(fences)
            .where(*_of(fences, connection_id, handler_id))
            .values(fence=fences.c.fence + 1)
        )
    database.execute(
        update(handlers)
        .where(*of_handlers)
        .values(position={}, seq=handlers.c.seq + 1, total=None, **counts)
    )
    if not delete_data:
        return 0
    database.execute(update(handlers).where(*of_handlers).values(kept=0))
    database.execute(delete(quarantine).where(*_of(quarantine, connection_id, handler_id)))
    return _remove_records(database, connection_id, handler_id)


def _remove_records(database: Database, connection_id: str, handler_id: str | None) -> int:
    here = _of(records, connection_id, handler_id)
    rows = database.execute(select(records.c.row, records.c.id).where(*here)).all()
    if not rows:
        return 0
    index.remove(database, [row.row for row in rows])
    numbers = writing.next_changes(database, len(rows))
    database.execute(
        insert(removed),
        [{"change": n, "id": row.id} for n, row in zip(numbers, rows, strict=True)],
    )
    database.execute(delete(records).where(*here))
    return len(rows)


def quarantined(
    database: Database, connection_id: str | None, handler_id: str | None
) -> list[QuarantineItem]:
    """The items in quarantine, oldest first."""
    query = select(quarantine).where(*_of(quarantine, connection_id, handler_id))
    return [
        QuarantineItem(**{**row, "source": json.loads(row["source"])})
        for row in database.execute(query.order_by(quarantine.c.id)).mappings()
    ]


def quarantine_failed(database: Database, item_id: int, reason: str) -> None:
    """Note that a retry failed."""
    done = database.execute(
        update(quarantine)
        .where(quarantine.c.id == item_id)
        .values(tries=quarantine.c.tries + 1, reason=index.clean(reason), at=datetime.now(UTC))
    )
    if not done.rowcount:
        raise NotFoundError(f"there is no quarantined item {item_id}")


def _of(table: Any, connection_id: str | None, handler_id: str | None) -> list[Any]:
    conditions = []
    if connection_id is not None:
        conditions.append(table.c.connection_id == connection_id)
    if handler_id is not None:
        conditions.append(table.c.handler_id == handler_id)
    return conditions
