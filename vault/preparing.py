"""Makes records ready for their rows: all that costs time and needs no database.

JSON, hashes and the words for search are made before the transaction, so that the file is locked
for as short as can be.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from connectors.sdk.records import Failed, Record
from connectors.sdk.schemas.base import RecordSchema
from vault import index
from vault.errors import UnwritableError
from vault.model import Commit

#: Lists and objects within one another that a value may have. Python writes and reads as many as
#: its stack has room for, less what stands on it: what is kept must be readable from anywhere.
#: https://docs.python.org/3/library/json.html#implementation-limitations
_DEEPEST = 400


@dataclass(slots=True)
class Prepared:
    """A record, ready for its row."""

    id: str
    values: dict[str, Any]
    words: tuple[str, str, str]


def prepare(record: Record, schema: type[RecordSchema]) -> Prepared:
    """Make a record's row.

    Raises:
        UnwritableError: The record cannot be written as JSON.
        KeyError: A base field is missing.
    """
    kept = {k: v for k, v in record.items() if k not in ("sourceData", "deletedAt")}
    # Strict: SQLite reads the payload.
    payload, payload_bytes = _json(kept, allow_nan=False)
    source, source_bytes = _json(record["sourceData"])
    digest = hashlib.blake2b(payload_bytes, digest_size=16)
    digest.update(source_bytes)
    values = {
        "id": record["_id"],
        "schema_uri": schema.uri,
        "source_id": record["sourceId"],
        "name": index.clean(record["name"]),
        "inserted_at": record["insertedAt"],
        "sort_at": record.get(schema.sort_field) or record["insertedAt"],
        "hash": digest.digest(),
        "payload": payload,
        "source": source,
    }
    return Prepared(record["_id"], values, index.texts(record, schema.searchable))


def prepare_all(batch: Commit) -> tuple[list[Prepared], list[Failed]]:
    """Make the rows of a batch's records, and tell which of them cannot be written.

    Raises:
        KeyError: A base field is missing, or the record's schema is not the batch's.
    """
    prepared, failed = [], []
    for record in batch.records:
        try:
            prepared.append(prepare(record, batch.schemas[record["schema"]]))
        except UnwritableError as error:
            # Whatever is odd about one record must not stop the others.
            failed.append(Failed(record["sourceId"], record["sourceData"], str(error)))
    return prepared, failed


def source_text(item: Failed) -> str:
    """A quarantined item's JSON; where that cannot be written, all that a retry needs at least."""
    try:
        return _json(item.source)[0]
    except UnwritableError:
        return _json({"id": item.source_id})[0]


def _json(value: Any, *, allow_nan: bool = True) -> tuple[str, bytes]:
    """A value as JSON, and that text's UTF-8.

    Raises:
        UnwritableError: There is no such JSON, or it could not be read everywhere.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=allow_nan, separators=(",", ":"))
        try:
            written = text.encode()
        except UnicodeEncodeError:
            # Half of a pair, as broken mail brings it: only the escaped form can keep it.
            text = json.dumps(value, allow_nan=allow_nan, separators=(",", ":"))
            written = text.encode()
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError) as error:
        # Not chained: the library's message may quote the value.
        raise UnwritableError(f"cannot be written as JSON ({type(error).__name__})") from None
    # Counting is quick, and few values need the closer look.
    if text.count("[") + text.count("{") > _DEEPEST and _deep(value):
        raise _too_deep()
    return text, written


def _too_deep() -> UnwritableError:
    return UnwritableError(f"nested over {_DEEPEST} levels deep: too deep to be kept")


def _deep(value: Any) -> bool:
    """Whether there are more levels of lists and objects than may be kept."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return False
    return True
