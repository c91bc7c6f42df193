"""Handlers with one mistake each, which the suite must catch."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from connectors.sdk import registry
from connectors.sdk.handler import Handler
from connectors.sdk.records import Batch, Json, Position, Record

_COUNT = itertools.count()


class _Wrapped:
    """Mixed into a handler: its batches are tampered with."""

    def batches(self, position: Position) -> Iterator[Batch]:
        yield from self.tampered(super().batches(position))  # type: ignore[misc]

    def tampered(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        return batches


class EarlyPosition(_Wrapped):
    """Saves the position of the next batch with this one: a crash between them loses items."""

    def tampered(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        waiting: Batch | None = None
        for batch in batches:
            if waiting is not None:
                yield dataclasses.replace(waiting, position=batch.position)
            waiting = batch
        if waiting is not None:
            yield waiting


class SkippedPage(_Wrapped):
    """Leaves out the second batch that has records."""

    def tampered(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        seen = 0
        for batch in batches:
            records = list(batch.records)
            seen += bool(records)
            if records and seen == 2:
                yield Batch((), batch.position, deleted=batch.deleted, total=batch.total)
            else:
                yield dataclasses.replace(batch, records=records)


class Restarting(_Wrapped):
    """Begins again from the start in every run."""

    def batches(self, position: Position) -> Iterator[Batch]:
        yield from super().batches({})


class LostDeletion(_Wrapped):
    """Does not hand on that items are gone."""

    def tampered(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            yield dataclasses.replace(batch, deleted=())


class ChangingRecord:
    """Maps the same item to another record each time."""

    def build(self, **fields: Any) -> Record:
        record = super().build(**fields)  # type: ignore[misc]
        record["summary"] = f"read {next(_COUNT)} times"
        return record


class SharedSource:
    """Changes the JSON that the API sent."""

    def build(self, *, source: Json, **fields: Any) -> Record:
        made: Record = super().build(source={**source, "ours": True}, **fields)  # type: ignore[misc]
        return made


class NoZone:
    """Writes times without a zone."""

    def build(self, **fields: Any) -> Record:
        record = super().build(**fields)  # type: ignore[misc]
        record["insertedAt"] = record["insertedAt"].removesuffix("Z").partition("+")[0]
        return record


MISTAKES: dict[str, type] = {
    made.__name__: made
    for made in (
        EarlyPosition,
        SkippedPage,
        Restarting,
        LostDeletion,
        ChangingRecord,
        SharedSource,
        NoZone,
    )
}


def install(mistake: str, provider_id: str, handler_id: str) -> None:
    """Put the mistake into the provider's handler, in this process, for good."""
    provider = registry.provider_class(provider_id)
    provider.handlers = broken_handlers(mistake, provider_id, handler_id)


def broken_handlers(mistake: str, provider_id: str, handler_id: str) -> tuple[type[Handler], ...]:
    """The provider's handlers, of which one has the mistake."""
    handlers = registry.provider_class(provider_id).handlers
    return tuple(
        type(f"{mistake}{made.__name__}", (MISTAKES[mistake], made), {})
        if made.id == handler_id
        else made
        for made in handlers
    )
