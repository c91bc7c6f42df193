"""Makes a handler's batch ready to be kept: checks each record, accounts for each listed id."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from marshmallow import ValidationError

from connectors.sdk.handler import Handler, Kept
from connectors.sdk.records import Batch, Failed, Position, Record
from connectors.sdk.schemas.quick import check_of

#: Written to quarantine when a handler listed an item and then said nothing of it.
NOT_DELIVERED = "listed by the provider, but not delivered"


@dataclass(slots=True)
class Timings:
    """Seconds of a run by part of the work; mapping includes parsing the answers.

    Args:
        mapping: Turning answers into records, network left out.
        schema: Checking records.
        vault: Committing.
        fetched: All of fetching, network and waits included.
    """

    mapping: float = 0.0
    schema: float = 0.0
    vault: float = 0.0
    fetched: float = 0.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose records all pass their schema; what did not is in `failed`."""

    position: Position
    records: list[Record]
    failed: list[Failed]
    deleted: list[str]
    total: int | None
    #: Ids that must be kept, deleted ones too, or in quarantine, once this is.
    listed: frozenset[str] = frozenset()


class Preparer:
    """Prepares one handler's batches.

    Args:
        handler: Whose schema and identity the records must have.
        kept: What the vault holds.
        timings: Where the seconds are counted.
    """

    def __init__(self, handler: Handler, kept: Kept, timings: Timings | None = None) -> None:
        self.handler = handler
        self.kept = kept
        self.timings = timings or Timings()
        self._checks = {uri: check_of(schema) for uri, schema in handler.schemas().items()}
        self._prefix = handler.build(id="", name="", inserted_at="", source={})["_id"]

    def prepare(self, batch: Batch) -> Prepared:
        """Check the batch. Records that fail and listed ids unaccounted for become `failed`.

        The batches before it must be committed: their items count as kept.
        """
        records: dict[str, Record] = {}
        failed: list[Failed] = []
        for record in batch.records:
            problem = self.check(record)
            if problem:
                failed.append(Failed(_source_id(record), _source(record), problem))
            else:
                # The last of two with one id wins, as two batches in turn would have it.
                records[record["_id"]] = record
        # After the records: what could not be mapped is known only now.
        failed = [*batch.failed, *failed]
        deleted = list(batch.deleted)
        listed = frozenset(batch.listed).difference(batch.gone, deleted)
        kept_now = {record["sourceId"] for record in records.values()}
        left = listed - kept_now - {f.source_id for f in failed}
        if left:
            left = left - self.kept.known(left)
            failed.extend(Failed(i, {"id": i}, NOT_DELIVERED) for i in sorted(left))
        return Prepared(
            batch.position, list(records.values()), _unique(failed), deleted, batch.total, listed
        )

    def check(self, record: Record) -> str | None:
        """Why the record cannot be kept, without its content; None when it can."""
        found = self._checks.get(record.get("schema", ""))
        if found is None:
            return "schema is not the handler's"
        schema, look = found
        started = time.perf_counter()
        try:
            if not look(record):
                schema.load(record)
        except ValidationError as error:
            return _describe(error.messages)
        finally:
            self.timings.schema += time.perf_counter() - started
        if not str(record["_id"]).startswith(self._prefix):
            return "_id was not made by build()"
        return None


def _unique(failed: Iterable[Failed]) -> list[Failed]:
    return list({item.source_id: item for item in failed}.values())


def _source_id(record: Record) -> str:
    return str(record.get("sourceId") or record.get("_id") or "unknown")


def _source(record: Record) -> Record:
    source = record.get("sourceData")
    return source if isinstance(source, dict) else {"id": _source_id(record)}


def _describe(messages: object, path: str = "") -> str:
    """Field names and marshmallow's fixed messages; the values themselves never appear."""
    if isinstance(messages, dict):
        parts = (
            _describe(value, f"{path}.{key}" if path else str(key))
            for key, value in messages.items()
        )
        return "; ".join(parts)
    if isinstance(messages, list):
        return f"{path}: " + ", ".join(str(message).rstrip(".").lower() for message in messages)
    return f"{path}: {messages}"
