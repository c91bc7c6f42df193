"""Reads records: by id, by selector, by words, by change."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Row,
    Select,
    and_,
    func,
    literal,
    select,
    text,
    union_all,
)

from connectors.sdk import registry
from connectors.sdk.records import Record
from connectors.sdk.schemas.base import RecordSchema
from vault import index, selectors
from vault.errors import NotFoundError
from vault.model import Change, Count, SearchHit, Selector, Sort
from vault.tables import quarantine, records, removed
from vault.writing import CHUNK, chunks

#: Rows read at a time where everything is read: no reader holds back the log's clean-up for long.
_PAGE = 200
_LIGHT = (records.c.row, records.c.payload, records.c.deleted_at)
_HITS = text(
    "SELECT rowid AS row, bm25(records_text, 8.0, 4.0, 1.0) AS score FROM records_text"
    " WHERE records_text MATCH :match"
)
_UNINDEXED = text(
    "SELECT count(*) FROM records WHERE deleted_at IS NULL"
    " AND row NOT IN (SELECT rowid FROM records_text)"
)


def schema_named(name: str) -> type[RecordSchema]:
    """The schema of a slug (`email`) or URI.

    Raises:
        NotFoundError: No such schema; names those there are.
    """
    known = registry.schemas()
    for slug, schema in known.items():
        if name in (slug, schema.uri):
            return schema
    raise NotFoundError(f"there is no schema {name[:80]!r}; there are: {', '.join(sorted(known))}")


def _columns(with_source: bool) -> tuple[ColumnElement[Any], ...]:
    return (*_LIGHT, records.c.source) if with_source else _LIGHT


def _record(row: Row[Any]) -> Record:
    record: Record = json.loads(row.payload)
    if "source" in row._fields:
        record["sourceData"] = json.loads(row.source)
    if row.deleted_at is not None:
        record["deletedAt"] = row.deleted_at
    return record


def get(connection: Connection, record_id: str) -> Record | None:
    """A record by its `_id`, with its `sourceData`; None when there is none."""
    query = select(*_columns(True)).where(records.c.id == record_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def query(
    connection: Connection,
    schema: type[RecordSchema],
    selector: Selector | None,
    sort: Sort | None,
    *,
    limit: int,
    offset: int,
    include_deleted: bool,
    with_source: bool,
) -> list[Record]:
    """The records that a selector asks for."""
    statement = (
        select(records.c.row)
        .where(_asked(schema, selector, include_deleted))
        .order_by(*selectors.order_by(sort, schema))
    )
    rows = connection.scalars(_page(statement, limit, offset)).all()
    return [_record(row) for row in _fetch(connection, rows, _columns(with_source))]


def _fetch(
    connection: Connection, rows: Sequence[int], columns: Sequence[ColumnElement[Any]]
) -> list[Row[Any]]:
    """The rows of these numbers, in their order.

    Read only after sorting: a sort would carry every payload through memory.
    """
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        for row in connection.execute(select(*columns).where(records.c.row.in_(chunk))):
            found[row.row] = row
    return [found[row] for row in rows]


def count(
    connection: Connection,
    schema: type[RecordSchema],
    selector: Selector | None,
    include_deleted: bool,
) -> int:
    """How many records a selector asks for."""
    statement = select(func.count()).select_from(records)
    return connection.execute(
        statement.where(_asked(schema, selector, include_deleted))
    ).scalar_one()


def _asked(
    schema: type[RecordSchema], selector: Selector | None, include_deleted: bool
) -> ColumnElement[bool]:
    condition = and_(records.c.schema_uri == schema.uri, selectors.where(selector, schema))
    return condition if include_deleted else and_(condition, records.c.deleted_at.is_(None))


def _page(statement: Select[Any], limit: int, offset: int) -> Select[Any]:
    if limit < 0 or offset < 0:
        raise ValueError("limit and offset are numbers from 0 on")
    return statement.limit(limit).offset(offset)


def search(
    connection: Connection, words: str, schema: type[RecordSchema] | None, limit: int, offset: int
) -> list[SearchHit]:
    """The records in which all the words occur, best first; deleted ones are not found."""
    asked = index.question(words)
    if not asked.match:
        return []
    hits = _HITS.bindparams(match=asked.match).columns(row=Integer(), score=Float()).subquery()
    statement = select(records.c.row).join(hits, hits.c.row == records.c.row)
    if schema is not None:
        statement = statement.where(records.c.schema_uri == schema.uri)
    statement = statement.order_by(hits.c.score, records.c.sort_at.desc(), records.c.row.desc())
    rows = connection.scalars(_page(statement, limit, offset)).all()
    searchable = {s.uri: s.searchable for s in registry.schemas().values()}
    found = []
    for row in _fetch(connection, rows, (*_LIGHT, records.c.schema_uri)):
        record = _record(row)
        snippet = index.snippet(record, searchable.get(row.schema_uri, ()), asked)
        found.append(SearchHit(record, snippet))
    return found


def search_count(connection: Connection, words: str, schema: type[RecordSchema] | None) -> int:
    """How many records the words find."""
    asked = index.question(words)
    if not asked.match:
        return 0
    parameters = {"match": asked.match, "uri": None if schema is None else schema.uri}
    counted: int = connection.execute(
        text(
            "SELECT count(*) FROM records_text WHERE records_text MATCH :match AND (:uri IS NULL"
            " OR rowid IN (SELECT row FROM records WHERE schema_uri = :uri))"
        ),
        parameters,
    ).scalar_one()
    return counted


def changes(connection: Connection, since: int, limit: int, with_source: bool) -> list[Change]:
    """The records changed after change number `since`, oldest change first."""
    kept = select(records.c.change, records.c.id, literal(0).label("gone")).where(
        records.c.change > since
    )
    gone = select(removed.c.change, removed.c.id, literal(1).label("gone")).where(
        removed.c.change > since
    )
    both = union_all(kept, gone).order_by("change").limit(limit)
    numbered = connection.execute(both).all()
    held = {
        row.id: _record(row)
        for chunk in chunks(row.id for row in numbered if not row.gone)
        for row in connection.execute(
            select(records.c.id, *_columns(with_source)).where(records.c.id.in_(chunk))
        )
    }
    return [
        Change(
            seq=row.change,
            record_id=row.id,
            deleted=bool(row.gone) or "deletedAt" in held[row.id],
            record=held.get(row.id),
        )
        for row in numbered
    ]


def after(connection: Connection, row: int) -> list[tuple[int, Record]]:
    """The next records in order of arrival, with their `sourceData`, for an export."""
    query = select(*_columns(True)).where(records.c.row > row).order_by(records.c.row).limit(_PAGE)
    return [(found.row, _record(found)) for found in connection.execute(query)]


def stats(connection: Connection) -> list[Count]:
    """Records by connection, handler and schema."""
    by = (records.c.connection_id, records.c.handler_id, records.c.schema_uri)
    counted = select(
        *by, func.count().label("all"), func.count(records.c.deleted_at).label("deleted")
    )
    return [
        Count(r.connection_id, r.handler_id, r.schema_uri, r.all - r.deleted, r.deleted)
        for r in connection.execute(counted.group_by(*by).order_by(*by))
    ]


def known(
    connection: Connection, connection_id: str, handler_id: str, source_ids: Collection[str],
    *, deleted: bool,
) -> set[str]:  # fmt: skip
    """Those of the ids that are kept or quarantined.

    Args:
        connection: Reads here.
        connection_id: The connection.
        handler_id: The handler.
        source_ids: Ids at the provider.
        deleted: Whether records marked deleted count.
    """
    found: set[str] = set()
    for chunk in chunks(source_ids):
        for table in (records, quarantine):
            query = select(table.c.source_id).where(
                table.c.connection_id == connection_id,
                table.c.handler_id == handler_id,
                table.c.source_id.in_(chunk),
            )
            if table is records and not deleted:
                query = query.where(records.c.deleted_at.is_(None))
            found.update(connection.scalars(query))
    return found


def by_source_id(
    connection: Connection, connection_id: str, handler_id: str, source_id: str
) -> Record | None:
    """A handler's record by the provider's id; None when not kept or marked deleted."""
    row = connection.execute(
        select(*_columns(True)).where(
            records.c.connection_id == connection_id,
            records.c.handler_id == handler_id,
            records.c.source_id == source_id,
            records.c.deleted_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else _record(row)


def source_ids(
    connection: Connection, connection_id: str, handler_id: str, after_id: str
) -> Sequence[str]:
    """The next ids of a handler's records, in order of id; deleted ones not."""
    return (
        connection.scalars(
            select(records.c.source_id)
            .where(
                records.c.connection_id == connection_id,
                records.c.handler_id == handler_id,
                records.c.source_id > after_id,
                records.c.deleted_at.is_(None),
            )
            .order_by(records.c.source_id)
            .limit(_PAGE * 10)
        )
    ).all()


def problems(connection: Connection) -> list[str]:
    """What is wrong with the file: seals of pages, the tables, the search index.

    https://www.zetetic.net/sqlcipher/sqlcipher-api/#cipher_integrity_check
    """
    found: list[str] = []
    for pragma in ("cipher_integrity_check", "integrity_check", "foreign_key_check"):
        rows = connection.exec_driver_sql(f"PRAGMA {pragma}").all()
        found += [" ".join(map(str, row)) for row in rows if row[0] != "ok"]
    rows = connection.execute(_UNINDEXED).scalar_one()
    if rows:
        found.append(f"{rows} records are missing from the search index")
    return found
