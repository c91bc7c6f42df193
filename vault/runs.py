"""The sync log, and what begins and ends each slice of a run, within the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import literal, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from vault import accounts, writing
from vault.errors import AccessRenewedError, FencedError, NotFoundError
from vault.model import Begun, Ending, HandlerState, Run
from vault.tables import connections, handlers, runs

#: Said of a run that another has taken the place of.
INTERRUPTED = "interrupted; another run went on"
#: Said of a run whose connection was removed.
REMOVED = "the connection was removed"


def begin(database: Database, run: Run, fence: int, *, alive: bool) -> Begun:
    """Claim the fence, and note that a slice has begun."""
    here = (handlers.c.connection_id == run.connection_id, handlers.c.handler_id == run.handler_id)
    states = accounts.handler_states(database, run.connection_id, run.handler_id)
    if not states:
        raise NotFoundError(f"there is no handler {run.handler_id} of {run.connection_id}")
    before = states[0]
    writing.claim(database, run.connection_id, run.handler_id, fence)
    died = max(0, before.attempts - alive)
    unfinished = max(0, before.unfinished - alive)
    if before.last_run_id not in (None, run.id):
        # One that nobody ended: Redis forgot it, say. So at most the last one is ever open.
        _end_open(database, before.last_run_id, "paused", INTERRUPTED)
    noted = database.execute(sqlite_insert(runs).values(asdict(run)).on_conflict_do_nothing())
    database.execute(
        update(handlers)
        .where(*here)
        .values(
            # A handler that was switched off and is run by force stays off.
            status="disabled" if before.status == "disabled" else "syncing",
            last_run_id=run.id,
            attempts=died + 1,
            unfinished=unfinished + 1,
        )
    )
    database.execute(
        update(connections)
        .where(connections.c.id == run.connection_id, connections.c.status == "connected")
        .values(status="active", updated_at=datetime.now(UTC))
    )
    return Begun(
        position=before.position,
        seq=before.seq,
        died=died,
        quarantined=before.quarantined,
        first=bool(noted.rowcount),
        failures=before.failures,
        unfinished=unfinished,
        set_aside=before.set_aside,
        setbacks=before.setbacks,
    )


def finish(database: Database, ending: Ending) -> None:
    """Write how the slice came out."""
    states = accounts.handler_states(database, ending.connection_id, ending.handler_id)
    if not states:
        raise NotFoundError(f"there is no handler {ending.handler_id} of {ending.connection_id}")
    writing.claim(database, ending.connection_id, ending.handler_id, ending.fence)
    _same_slice(states[0], ending)
    if "invalid-auth" in (ending.handler, ending.connection):
        held = accounts.read_tokens(database, ending.connection_id)
        if ending.access is not None and held != ending.access:
            raise AccessRenewedError(f"the access of {ending.connection_id} was renewed meanwhile")
    before = states[0].status
    status = ending.handler or ("enabled" if before == "syncing" else before)
    accounts.update_handler(
        database,
        ending.connection_id,
        ending.handler_id,
        {
            # Switched off meanwhile: the person's word is the last.
            "status": "disabled" if before == "disabled" else status,
            "message": ending.message,
            "failures": ending.failures,
            "attempts": ending.attempts,
        }
        | _counts(states[0], ending)
        | ({"last_sync_at": datetime.now(UTC)} if ending.complete else {}),
    )
    _finish_connection(database, ending)
    if ending.run_id is None and ending.ended:
        # It was refused before it began: what the run's earlier slices wrote is its end.
        _end_open(database, states[0].last_run_id, ending.outcome, ending.message)
    if ending.run_id is not None:
        _add(database, ending.run_id, ending.outcome, ending.message, ending.counts, ending.ended)


def end(database: Database, run_id: str, outcome: str, message: str | None) -> None:
    """Write that a run has come to rest."""
    if not _add(database, run_id, outcome, message, {}, True):
        raise NotFoundError(f"there is no run {run_id}")


def end_last(
    database: Database, connection_id: str, handler_id: str, outcome: str, message: str | None
) -> None:
    """Write that a handler's last run has come to rest, unless it has: nobody works on it."""
    for state in accounts.handler_states(database, connection_id, handler_id):
        _end_open(database, state.last_run_id, outcome, message)
        if state.status == "syncing":
            accounts.update_handler(database, connection_id, handler_id, {"status": "enabled"})


def end_all(database: Database, connection_id: str, outcome: str, message: str | None) -> None:
    """The same for all handlers of a connection."""
    for state in accounts.handler_states(database, connection_id):
        end_last(database, connection_id, state.handler_id, outcome, message)


def open_handlers(database: Database, connection_id: str) -> set[str]:
    """The handlers of a connection whose last run has not ended."""
    query = (
        select(handlers.c.handler_id)
        .join(runs, runs.c.id == handlers.c.last_run_id)
        .where(handlers.c.connection_id == connection_id, runs.c.ended_at.is_(None))
    )
    return set(database.scalars(query))


def all_runs(database: Database, connection_id: str | None, limit: int) -> list[Run]:
    """The runs begun last, newest first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id).limit(limit)
    if connection_id is not None:
        query = query.where(runs.c.connection_id == connection_id)
    return [Run(**row) for row in database.execute(query).mappings()]


def _end_open(database: Database, run_id: str | None, outcome: str, message: str | None) -> None:
    database.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.ended_at.is_(None))
        .values(outcome=outcome, message=message, ended_at=datetime.now(UTC))
    )


def _same_slice(held: HandlerState, ending: Ending) -> None:
    """Raise FencedError where another slice has begun or kept something since.

    A Redis that was wiped just then may give out a fence number twice.
    """
    if ending.run_id is not None and held.last_run_id != ending.run_id:
        raise FencedError(f"another run of {ending.handler_id} has begun meanwhile")
    if ending.seq is not None and held.seq != ending.seq:
        raise FencedError(f"another worker has synced {ending.handler_id} meanwhile")


def _counts(before: HandlerState, ending: Ending) -> dict[str, int]:
    """What is counted until a run comes to its end, whatever was kept in between."""
    if ending.complete:
        return {"unfinished": 0, "set_aside": 0, "setbacks": 0}
    # A slice that was refused before it began was not counted as begun.
    left = max(0, before.unfinished - (ending.run_id is not None))
    return {
        "unfinished": left if ending.unfinished is None else ending.unfinished,
        "set_aside": before.set_aside + ending.set_aside,
        "setbacks": before.setbacks + ending.setback,
    }


def _finish_connection(database: Database, ending: Ending) -> None:
    connection = accounts.one_connection(database, ending.connection_id)
    identity, current = connection.id, connection.status
    if ending.connection:
        accounts.set_connection_status(database, identity, ending.connection, ending.message)
    elif ending.handler == "error" and current in ("connected", "active"):
        accounts.set_connection_status(database, identity, "error", ending.message)
    elif ending.complete and current == "error":
        failing = [s for s in accounts.handler_states(database, identity) if s.status == "error"]
        if failing:
            accounts.set_connection_status(database, identity, "error", failing[0].message)
        else:
            accounts.set_connection_status(database, identity, "active", None)


def _add(
    database: Database, run_id: str, outcome: str, message: str | None, counts: Any, ended: bool
) -> bool:
    """Write a run's outcome so far, its counts added up; False when there is no such run."""
    added: dict[str, Any] = {name: runs.c[name] + literal(n) for name, n in counts.items()}
    at = datetime.now(UTC) if ended else None
    done = database.execute(
        update(runs)
        .where(runs.c.id == run_id)
        .values(outcome=outcome, message=message, ended_at=at, **added)
    )
    return bool(done.rowcount)
