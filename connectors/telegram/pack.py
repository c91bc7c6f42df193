"""Collects what goes into the next batch, of one chat or of many."""

from __future__ import annotations

from connectors.sdk.handler import Kept
from connectors.sdk.records import Batch, Failed, Position, Record


class Pack:
    """Records, deletions and failures, and what the vault does not know yet of those before.

    Args:
        kept: What the vault holds.
        size: Entries from which on it is full.
    """

    def __init__(self, kept: Kept, size: int) -> None:
        self._kept = kept
        self._size = size
        self._records: dict[str, Record] = {}
        self._failed: dict[str, Failed] = {}
        self._deleted: set[str] = set()
        #: What the batch yielded last has said: the vault may not hold it yet.
        self._before: dict[str, Record | None] = {}

    @property
    def is_full(self) -> bool:
        """Whether it is time for a batch."""
        return len(self._records) + len(self._deleted) + len(self._failed) >= self._size

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self._records or self._deleted or self._failed)

    def held(self, source_id: str) -> Record | None:
        """The record as it is held, or is about to be; None where there is none."""
        if source_id in self._records:
            return self._records[source_id]
        if source_id in self._deleted:
            return None
        if source_id in self._before:
            return self._before[source_id]
        return self._kept.get(source_id)

    def known(self, source_ids: list[str]) -> set[str]:
        """Those of the ids that are held, in quarantine, or about to be."""
        near = {
            i for i in source_ids if i in self._records or i in self._failed or self._before.get(i)
        }
        return near | self._kept.known(source_ids)

    def put(self, record: Record) -> None:
        """Keep a record."""
        source_id = record["sourceId"]
        self._records[source_id] = record
        self._failed.pop(source_id, None)
        self._deleted.discard(source_id)

    def fail(self, failed: Failed) -> None:
        """Put an item into quarantine."""
        self._failed[failed.source_id] = failed

    def drop(self, source_id: str) -> None:
        """Mark an item as deleted."""
        self._records.pop(source_id, None)
        self._failed.pop(source_id, None)
        self._deleted.add(source_id)

    def batch(self, position: Position) -> Batch:
        """What there is, as a batch; begins anew."""
        made = Batch(
            list(self._records.values()),
            position,
            deleted=list(self._deleted),
            failed=list(self._failed.values()),
            listed=[*self._records, *self._failed],
        )
        self._before = {**self._records, **dict.fromkeys(self._deleted)}
        self._records, self._failed, self._deleted = {}, {}, set()
        return made
