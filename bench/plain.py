"""Plain SQLite with the vault's tables: what the vault's own work and its encryption are added to.

The standard library's `sqlite3`, the same tables and indexes, the same pragmas, JSON made and read
the same. It has no look at what is there before an insert, no fence, no schema, no encryption. Its
SQLite may be too old for `contentless_delete`; the full-text table is made without it then.

https://www.sqlite.org/fts5.html#contentless_delete_tables
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from connectors.sdk.records import Record
from connectors.sdk.schemas.email import Email
from vault.tables import metadata

_COLUMNS = (
    "row", "id", "connection_id", "handler_id", "schema_uri", "source_id", "name", "inserted_at",
    "sort_at", "change", "hash", "payload", "source",
)  # fmt: skip
# A record that is there with the same content is not written, as in the vault.
_PUT = (
    f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, source = excluded.source"
    " WHERE payload <> excluded.payload OR source <> excluded.source"
)
_INDEX = "INSERT INTO records_text (rowid, name, summary, text) VALUES (?, ?, ?, ?)"
_FTS = (
    "CREATE VIRTUAL TABLE records_text USING fts5(name, summary, text, content='',{}"
    " tokenize='unicode61 remove_diacritics 2')"
)
_DELETES_SINCE = (3, 43, 0)


class Plain:
    """The baseline's file.

    Args:
        path: Where it is made.
    """

    def __init__(self, path: Path) -> None:
        engine = create_engine(f"sqlite:///{path}")
        metadata.create_all(engine)
        engine.dispose()
        self._database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY"):
            self._database.execute(f"PRAGMA {pragma}")
        old = sqlite3.sqlite_version_info < _DELETES_SINCE
        self._database.execute(_FTS.format("" if old else " contentless_delete=1,"))
        self._row = 0

    def put(self, records: Sequence[Record], *, new: bool) -> None:
        """Insert or update records in one transaction.

        Args:
            records: What to keep.
            new: Whether none of them is there; only then words are indexed.
        """
        rows = []
        for record in records:
            self._row += 1
            payload = {key: value for key, value in record.items() if key != "sourceData"}
            times = record["insertedAt"], record["sentAt"]
            where = ("bench:1", "mail", Email.uri, record["sourceId"])
            texts = json.dumps(payload), json.dumps(record["sourceData"])
            one = (self._row, record["_id"], *where, record["name"], *times, self._row, b"")
            rows.append((*one, *texts))
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(_PUT, rows)
        if new:
            texts_ = [f"{r['fromName']} {r['fromEmail']} {r['messageText']}" for r in records]
            told = zip(rows, records, texts_, strict=True)
            words = [(row[0], record["name"], "", text) for row, record, text in told]
            self._database.executemany(_INDEX, words)
        self._database.execute("COMMIT")

    def get(self, ident: str) -> Any:
        """A record by its id."""
        return self._read("SELECT payload, source FROM records WHERE id = ?", ident)

    def latest(self, limit: int) -> Any:
        """The newest records."""
        return self._read(
            "SELECT payload FROM records WHERE schema_uri = ? AND deleted_at IS NULL"
            " ORDER BY sort_at DESC, row DESC LIMIT ?",
            Email.uri,
            limit,
        )

    def sent_by(self, sender: str, limit: int) -> Any:
        """The newest records of a sender, which no index helps to find."""
        return self._read(
            "SELECT payload FROM records WHERE schema_uri = ? AND deleted_at IS NULL"
            " AND json_extract(payload, '$.fromEmail') = ? ORDER BY sort_at DESC, row DESC LIMIT ?",
            Email.uri,
            sender,
            limit,
        )

    def search(self, word: str, limit: int) -> Any:
        """The records in which a word occurs, best first."""
        return self._read(
            "SELECT payload FROM records JOIN (SELECT rowid AS hit, bm25(records_text, 8.0, 4.0,"
            " 1.0) AS score FROM records_text WHERE records_text MATCH ?) ON hit = records.row"
            " ORDER BY score, sort_at DESC, row DESC LIMIT ?",
            word,
            limit,
        )

    def changes(self, since: int, limit: int) -> Any:
        """Records by change number."""
        return self._read(
            "SELECT payload FROM records WHERE change > ? ORDER BY change LIMIT ?", since, limit
        )

    def _read(self, query: str, *values: Any) -> list[list[Any]]:
        found = self._database.execute(query, values).fetchall()
        return [[json.loads(text) for text in row] for row in found]

    def close(self) -> None:
        """Close the file."""
        self._database.close()
