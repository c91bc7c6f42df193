"""The vault's tables.

Times of a record (`inserted_at`, `sort_at`, `deleted_at`) are text as `records.iso` writes it:
such text sorts by time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from connectors.sdk.records import iso

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A time with a zone, kept as ISO 8601 text in UTC."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature is the library's
        """The text to keep."""
        return None if value is None else iso(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The time, in UTC."""
        return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


connections = Table(
    "connections",
    metadata,
    Column("id", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("profile", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("message", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("connection_id", ForeignKey(connections.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tokens", JSON, nullable=False),
)

handlers = Table(
    "handlers",
    metadata,
    Column("connection_id", ForeignKey(connections.c.id, ondelete="CASCADE"), primary_key=True),
    Column("handler_id", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("message", Text),
    Column("options", JSON, nullable=False),
    Column("frequency", String),
    Column("failures", Integer, nullable=False),
    #: Slices begun since one came to its end or kept something.
    Column("attempts", Integer, nullable=False, server_default="0"),
    #: Since the last run that came to its end: slices begun and not finished, how often the job
    #: was set aside for them, and slices that failed.
    Column("unfinished", Integer, nullable=False, server_default="0"),
    Column("set_aside", Integer, nullable=False, server_default="0"),
    Column("setbacks", Integer, nullable=False, server_default="0"),
    Column("last_run_id", String),
    Column("last_sync_at", Moment),
    Column("kept", Integer, nullable=False),
    Column("total", Integer),
    Column("seq", Integer, nullable=False),
    Column("position", JSON, nullable=False),
)

#: Outlives its connection, so that a worker from before a removal never writes after it.
fences = Table(
    "fences",
    metadata,
    Column("connection_id", String, primary_key=True),
    Column("handler_id", String, primary_key=True),
    Column("fence", Integer, nullable=False),
)

records = Table(
    "records",
    metadata,
    #: The change that inserted the record; also its row in the search index.
    Column("row", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("connection_id", String, nullable=False),
    Column("handler_id", String, nullable=False),
    Column("schema_uri", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("inserted_at", String, nullable=False),
    #: The schema's `sort_field`; `insertedAt` where a record has none.
    Column("sort_at", String, nullable=False),
    Column("deleted_at", String),
    Column("change", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    #: The record but for `sourceData`.
    Column("payload", Text, nullable=False),
    #: `sourceData`, last and apart: reading lists does not touch its pages.
    Column("source", Text, nullable=False),
    UniqueConstraint("connection_id", "handler_id", "source_id"),
    # Lists and counts of what is not deleted read this alone.
    Index("records_by_time", "schema_uri", "deleted_at", "sort_at", "row"),
    Index("records_by_change", "change", unique=True),
)

#: Records that were removed for good, for those who follow the changes.
removed = Table(
    "removed",
    metadata,
    Column("change", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("connection_id", String, nullable=False),
    Column("handler_id", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("connection_id", "handler_id", "source_id"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("connection_id", String, nullable=False),
    Column("handler_id", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String, nullable=False),
    Column("message", Text),
    Column("inserted", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Index("runs_by_connection", "connection_id", "started_at"),
)

#: One row: the number of the last change. Numbers are never used twice, even after a removal.
counter = Table("counter", metadata, Column("change", Integer, nullable=False))
