"""Keeps batches: what happens within the one transaction of a commit.

What costs time and needs no database is done before the transaction: see `vault.preparing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from connectors.sdk.records import Failed, iso
from vault import index
from vault.errors import FencedError, NotFoundError, VaultError
from vault.model import Commit, Committed
from vault.preparing import Prepared, source_text
from vault.tables import counter, fences, handlers, quarantine, records, removed

#: Values in one IN list; keeps statements few and small.
CHUNK = 500

_INSERT = insert(records)
_CONTENT = ("name", "inserted_at", "sort_at", "hash", "payload", "source")
_UPDATE = (
    update(records)
    .where(records.c.row == bindparam("b_row"))
    .values(
        deleted_at=None,
        change=bindparam("b_change"),
        **{name: bindparam(f"b_{name}") for name in _CONTENT},
    )
)
_MARK_DELETED = (
    update(records)
    .where(records.c.row == bindparam("b_row"))
    .values(deleted_at=bindparam("b_at"), change=bindparam("b_change"))
)
_FENCE = sqlite_insert(fences)
_CLAIM = _FENCE.on_conflict_do_update(
    index_elements=["connection_id", "handler_id"],
    set_={"fence": _FENCE.excluded.fence},
    where=fences.c.fence <= _FENCE.excluded.fence,
).returning(fences.c.fence)


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """The values in lists of up to `CHUNK`."""
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def commit(
    connection: Connection, batch: Commit, prepared: Sequence[Prepared], failed: Sequence[Failed]
) -> Committed:
    """Keep a batch; the caller's transaction makes it one.

    Args:
        connection: To the database.
        batch: The batch.
        prepared: Its records' rows.
        failed: Its records that cannot be written; they go to quarantine with the batch's own.

    Raises:
        FencedError: A newer fence has been claimed, or the connection was removed.
        VaultError: A record's `_id` belongs to another handler.
    """
    writer = Writer(connection, batch.connection_id, batch.handler_id)
    state = writer.admit(batch.fence)
    if batch.seq is not None and state.seq != batch.seq:
        # Another file was put in this one's place: what came between is not in it.
        raise FencedError(f"the vault of {batch.connection_id} was put back: begin from it")
    quarantined = writer.quarantine([*batch.quarantined, *failed])
    inserted, updated, unchanged = writer.keep(prepared)
    deleted, missing = writer.mark_deleted(batch.deleted)
    writer.release(p.values["source_id"] for p in prepared)
    writer.release(batch.deleted)
    writer.advance(
        position=batch.position,
        seq=state.seq + 1,
        total=state.total if batch.total is None else batch.total,
    )
    return Committed(
        seq=state.seq + 1,
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        deleted=deleted,
        quarantined=quarantined,
        missing=missing,
    )


class Writer:
    """Writes what belongs to one handler of one connection, within one transaction."""

    def __init__(self, connection: Connection, connection_id: str, handler_id: str) -> None:
        self.connection = connection
        self.connection_id = connection_id
        self.handler_id = handler_id
        self._kept = self._changed = 0
        self._key = {"connection_id": connection_id, "handler_id": handler_id}

    def admit(self, fence: int) -> Any:
        """The handler's `seq` and `total`, if the fence is not older than the last one seen."""
        here = self._here(handlers)
        state = self.connection.execute(
            select(handlers.c.seq, handlers.c.total).where(*here)
        ).one_or_none()
        if state is None:
            raise FencedError(f"{self.handler_id} of {self.connection_id} was removed")
        claim(self.connection, self.connection_id, self.handler_id, fence)
        return state

    def keep(self, prepared: Sequence[Prepared]) -> tuple[int, int, int]:
        """Insert or update records; the numbers of inserted, updated and unchanged ones."""
        latest = {p.id: p for p in prepared}
        held = self._held(latest)
        new = [p for p in latest.values() if p.id not in held]
        changed, unchanged = [], 0
        for record in latest.values():
            row = held.get(record.id)
            if row is None:
                continue
            if row.hash == record.values["hash"] and row.deleted_at is None:
                unchanged += 1
            else:
                changed.append((row.row, record))
        numbers = next_changes(self.connection, len(new) + len(changed))
        words = self._insert(new, numbers[: len(new)])
        words += self._update(changed, numbers[len(new) :])
        index.put(self.connection, words)
        self._changed += len(new) + len(changed)
        self._kept += len(new) + sum(held[p.id].deleted_at is not None for _, p in changed)
        return len(new), len(changed), unchanged

    def mark_deleted(self, source_ids: Sequence[str]) -> tuple[int, int]:
        """Mark records deleted; the numbers of those newly marked and of those not there."""
        asked = dict.fromkeys(source_ids)
        rows: list[int] = []
        for chunk in chunks(asked):
            query = select(records.c.row).where(
                *self._here(records), records.c.source_id.in_(chunk), records.c.deleted_at.is_(None)
            )
            rows += self.connection.scalars(query)
        if rows:
            now = iso(datetime.now(UTC))
            changes = zip(rows, next_changes(self.connection, len(rows)), strict=True)
            self.connection.execute(
                _MARK_DELETED, [{"b_row": r, "b_at": now, "b_change": n} for r, n in changes]
            )
            index.remove(self.connection, rows)
        self._changed += len(rows)
        self._kept -= len(rows)
        return len(rows), len(asked) - len(rows)

    def quarantine(self, items: Sequence[Failed]) -> int:
        """Put items into quarantine; the number of those that were not in it."""
        latest = {item.source_id: item for item in items}
        if not latest:
            return 0
        table, now = quarantine, datetime.now(UTC)
        held = sum(
            len(self.connection.scalars(
                select(table.c.id).where(*self._here(table), table.c.source_id.in_(chunk))
            ).all())
            for chunk in chunks(latest)
        )  # fmt: skip
        statement = sqlite_insert(table)
        upsert = statement.on_conflict_do_update(
            index_elements=["connection_id", "handler_id", "source_id"],
            set_={name: statement.excluded[name] for name in ("source", "reason", "at")},
        )
        self.connection.execute(
            upsert,
            [
                {
                    **self._key,
                    "source_id": item.source_id,
                    "source": source_text(item),
                    "reason": index.clean(item.reason),
                    "tries": 0,
                    "at": now,
                }
                for item in latest.values()
            ],
        )
        return len(latest) - held

    def release(self, source_ids: Iterable[str]) -> None:
        """Take items out of quarantine."""
        for chunk in chunks(source_ids):
            self.connection.execute(
                delete(quarantine).where(*self._here(quarantine), quarantine.c.source_id.in_(chunk))
            )

    def advance(self, **values: Any) -> None:
        """Write the handler's row: the values, and the count of records kept."""
        # Who gets something done is no job that kills its worker at once; `unfinished` goes on
        # counting.
        lived = {"attempts": 0} if self._changed else {}
        self.connection.execute(
            update(handlers)
            .where(*self._here(handlers))
            .values(kept=handlers.c.kept + self._kept, **lived, **values)
        )

    def _held(self, ids: Iterable[str]) -> dict[str, Any]:
        columns = (
            records.c.id, records.c.row, records.c.hash, records.c.deleted_at,
            records.c.connection_id, records.c.handler_id,
        )  # fmt: skip
        held = {
            row.id: row
            for chunk in chunks(ids)
            for row in self.connection.execute(select(*columns).where(records.c.id.in_(chunk)))
        }
        for row in held.values():
            if (row.connection_id, row.handler_id) != (self.connection_id, self.handler_id):
                raise VaultError(
                    f"{self.handler_id} of {self.connection_id} gave a record the _id of one that"
                    f" {row.handler_id} of {row.connection_id} keeps: ids must differ"
                )
        return held

    def _insert(self, new: Sequence[Prepared], numbers: range) -> list[index.Row]:
        if not new:
            return []
        numbered = list(zip(numbers, new, strict=True))
        self.connection.execute(
            _INSERT, [{**p.values, **self._key, "row": n, "change": n} for n, p in numbered]
        )
        for chunk in chunks(p.id for p in new):
            self.connection.execute(delete(removed).where(removed.c.id.in_(chunk)))
        return [(n, *p.words) for n, p in numbered]

    def _update(self, changed: Sequence[tuple[int, Prepared]], numbers: range) -> list[index.Row]:
        if not changed:
            return []
        values = [
            {f"b_{name}": p.values[name] for name in _CONTENT} | {"b_row": row, "b_change": n}
            for n, (row, p) in zip(numbers, changed, strict=True)
        ]
        self.connection.execute(_UPDATE, values)
        return [(row, *p.words) for row, p in changed]

    def _here(self, table: Any) -> tuple[Any, Any]:
        return table.c.connection_id == self.connection_id, table.c.handler_id == self.handler_id


def next_changes(connection: Connection, count: int) -> range:
    """Take the next `count` change numbers."""
    if not count:
        return range(0)
    last: int = connection.execute(
        update(counter).values(change=counter.c.change + count).returning(counter.c.change)
    ).scalar_one()
    return range(last - count + 1, last + 1)


def claim(connection: Connection, connection_id: str, handler_id: str, fence: int) -> None:
    """Take note of a fence number.

    Raises:
        FencedError: A newer one has been seen.
    """
    taken = connection.execute(
        _CLAIM, {"connection_id": connection_id, "handler_id": handler_id, "fence": fence}
    ).one_or_none()
    if taken is None:
        raise FencedError(f"a newer worker syncs {handler_id} of {connection_id}: stop")


def waiting(connection: Connection, item_id: int, fence: int | None) -> tuple[Writer, str]:
    """Who writes for a quarantined item's handler, and the item's id at the provider.

    Args:
        connection: To the database.
        item_id: The item.
        fence: Of the worker that tries it again; None where a person does.

    Raises:
        FencedError: A newer fence has been claimed, or the connection was removed.
        NotFoundError: There is no such item; another retry has released it.
    """
    item = connection.execute(select(quarantine).where(quarantine.c.id == item_id)).one_or_none()
    if item is None:
        raise NotFoundError(f"there is no quarantined item {item_id}")
    writer = Writer(connection, item.connection_id, item.handler_id)
    if fence is not None:
        writer.admit(fence)
    return writer, item.source_id


def release(
    connection: Connection,
    item_id: int,
    prepared: Prepared | None,
    *,
    deleted: bool,
    fence: int | None,
) -> None:
    """Keep the record of a quarantined item, if there is one, and remove the item.

    Raises:
        FencedError, NotFoundError: See `waiting`.
    """
    writer, source_id = waiting(connection, item_id, fence)
    released = [source_id]
    if prepared is not None:
        released.append(prepared.values["source_id"])
        writer.keep([prepared])
    if deleted:
        writer.mark_deleted(released)
    writer.release(released)
    writer.advance()
