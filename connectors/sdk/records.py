"""Records, batches and positions: what a handler hands to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

#: A JSON object as the provider sent it.
Json = dict[str, Any]
#: One item in its schema, ready for JSON: times are ISO 8601 strings with a zone.
Record = dict[str, Any]
#: Where a handler's sync stands; JSON; opaque to all but its handler. Empty at the start.
Position = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that was listed but could not be brought into a record; goes to quarantine.

    Args:
        source_id: The item's id at the provider.
        source: Its JSON as far as it was had; at least what `Handler.retry` needs.
        reason: What went wrong, without the person's content.
    """

    source_id: str
    source: Json
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Records, deletions and the position that holds once they are kept: the unit of commit.

    `records` may be a generator: the engine runs it while the handler already fetches what comes
    next, and reads the other fields after it.

    Args:
        records: Records to insert or update, by `_id`.
        position: Where the sync stands when this batch is kept.
        deleted: Ids at the provider (`sourceId`) of items that are gone; they are marked deleted.
        failed: Items that could not be mapped; kept in quarantine with the reason.
        listed: Ids at the provider that this batch answers for. The engine checks that each is
            kept, failed or gone by the end of the batch, so that a gap never goes unseen.
        gone: Listed ids that had vanished at the provider when they were fetched.
        total: How many items the handler expects to hold in all, when the provider tells.
    """

    records: Iterable[Record]
    position: Position
    deleted: Iterable[str] = ()
    failed: Iterable[Failed] = ()
    listed: Iterable[str] = ()
    gone: Iterable[str] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The account at the provider that a connection stands for.

    Args:
        id: The provider's stable id of the account.
        profile: What the provider tells of it: `name`, `email`, `readableId`, `avatar`, ...
    """

    id: str
    profile: Mapping[str, Any] = field(default_factory=dict)


def connection_id(provider_id: str, account_id: str) -> str:
    """The id of a connection, such as `example:1234`. A colon in the account's id is escaped."""
    return f"{provider_id}:{quote(account_id, safe='@+._-')}"


def record_id(provider_id: str, account_id: str, item_id: str) -> str:
    """The `_id` of a record: unique over providers, accounts and items; the one place it is made.

    The account's id is escaped, so that no two different triples give the same `_id`.
    """
    return f"{connection_id(provider_id, account_id)}:{item_id}"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the millisecond: how all times of a record are written.

    Raises:
        ValueError: The moment has no zone; guessing one would make a wrong time.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be kept")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
