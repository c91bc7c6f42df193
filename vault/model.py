"""What the vault takes and gives, besides records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed, Json, Position, Record
from connectors.sdk.schemas.base import RecordSchema

ConnectionStatus = Literal["connected", "active", "error", "paused", "invalid-auth"]
HandlerStatus = Literal["enabled", "syncing", "error", "disabled", "invalid-auth"]


@dataclass(frozen=True, slots=True)
class Connection:
    """One person's account at one provider.

    Args:
        id: Such as `example:1234`.
        provider: The provider's id.
        account_id: The provider's stable id of the account.
        profile: `name`, `email`, `readableId`, `avatar` (`{"uri": ...}`), ...
        status: Where it stands.
        message: Plain words for the person about the status.
        created_at: When it was first saved.
        updated_at: When it was last changed.
    """

    id: str
    provider: str
    account_id: str
    profile: dict[str, Any]
    status: ConnectionStatus
    message: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class HandlerState:
    """Where one handler of one connection stands.

    Args:
        connection_id: The connection.
        handler_id: The handler.
        status: Where it stands.
        message: Plain words for the person about the status.
        options: The person's choices, by the option's name.
        frequency: The person's choice; None for the handler's default.
        failures: Failed runs in a row.
        attempts: Slices begun since one was finished or kept something.
        last_run_id: The run begun last.
        last_sync_at: End of the last run that came to rest without an error.
        kept: Records kept and not marked deleted.
        quarantined: Items in quarantine.
        total: How many items the provider is expected to hold, when it tells.
        seq: Counts commits; only grows.
        position: Where the sync stands.
        unfinished: Slices begun and not finished since a run last came to its end.
        set_aside: How often the job was set aside for these since then.
        setbacks: Slices that failed since then.
    """

    connection_id: str
    handler_id: str
    status: HandlerStatus
    message: str | None
    options: dict[str, str]
    frequency: str | None
    failures: int
    attempts: int
    last_run_id: str | None
    last_sync_at: datetime | None
    kept: int
    quarantined: int
    total: int | None
    seq: int
    position: Position
    unfinished: int = 0
    set_aside: int = 0
    setbacks: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """What a slice begins with.

    Args:
        position: Where the sync stands.
        seq: Commits so far.
        died: Slices in a row before this one that were neither finished nor kept something.
        quarantined: The handler's items in quarantine.
        first: Whether it is the run's first slice.
        failures: Failed runs in a row before this one.
        unfinished: Slices not finished since a run last came to its end, without this one.
        set_aside: How often the job was set aside since then.
        setbacks: Slices that failed since then.
    """

    position: Position
    seq: int
    died: int
    quarantined: int
    first: bool
    failures: int
    unfinished: int = 0
    set_aside: int = 0
    setbacks: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a slice came out, all that is written of it.

    Args:
        connection_id: The connection.
        handler_id: The handler.
        fence: Of the worker that ends its slice.
        run_id: The run in the sync log; None when the slice was never begun.
        outcome: One word for the sync log.
        message: Plain words for the person.
        handler: The handler's state; None: as it was before the slice.
        connection: The connection's state; None: as the handlers' states have it.
        complete: Whether the run has come to rest without an error.
        ended: Whether the run has come to rest.
        failures: Failed runs in a row.
        attempts: To be remembered of slices in a row that were not finished.
        unfinished: To be remembered of all slices that were not finished; None leaves what was
            counted before this one.
        set_aside: Whether the job is set aside for them.
        setback: Whether the slice failed.
        counts: `inserted`, `updated`, `deleted`, `quarantined`, `requests` of this slice; they are
            added up.
        seq: The handler's commits so far, as the worker knows them; None is not looked at.
        access: The tokens of which it says that they have ended or do not suffice, where it does.
    """

    connection_id: str
    handler_id: str
    fence: int
    run_id: str | None
    outcome: str
    message: str | None = None
    handler: HandlerStatus | None = None
    connection: ConnectionStatus | None = None
    complete: bool = False
    ended: bool = False
    failures: int = 0
    attempts: int = 0
    unfinished: int | None = None
    set_aside: bool = False
    setback: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    seq: int | None = None
    access: Tokens | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """What is kept in one transaction.

    Args:
        connection_id: The connection.
        handler_id: The handler.
        fence: The lease's fence number.
        schemas: Schemas of the records, by URI.
        position: Where the sync stands when this is kept.
        records: Records that have passed their schema, ready for JSON.
        deleted: `sourceId` of items that are gone at the provider.
        quarantined: Items that could not be brought into a record.
        total: How many items the provider is expected to hold; None leaves what is known.
        seq: The handler's commits so far, as the worker knows them; None is not looked at.
    """

    connection_id: str
    handler_id: str
    fence: int
    schemas: Mapping[str, type[RecordSchema]]
    position: Position
    records: Sequence[Record] = ()
    deleted: Sequence[str] = ()
    quarantined: Sequence[Failed] = ()
    total: int | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did, in records.

    Args:
        seq: The handler's sequence number after it.
        inserted: New records.
        updated: Records whose content changed, or that came back after a deletion.
        unchanged: Records that were kept already with the same content; not written.
        deleted: Records newly marked deleted.
        quarantined: Items newly in quarantine.
        missing: Deletions of items that were not kept, or were marked deleted already.
    """

    seq: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class QuarantineItem:
    """An item that could not be brought into a record, with its raw JSON.

    Args:
        id: Names the item for `release` and `quarantine_failed`.
        connection_id: The connection.
        handler_id: The handler.
        source_id: The item's id at the provider.
        source: Its JSON, as far as it was had.
        reason: What went wrong.
        tries: Failed retries.
        at: When it was last quarantined or tried.
    """

    id: int
    connection_id: str
    handler_id: str
    source_id: str
    source: Json = field(repr=False)
    reason: str
    tries: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of one handler, over all its time slices: the sync log.

    Args:
        id: The run's id.
        connection_id: The connection.
        handler_id: The handler.
        started_at: When it began.
        ended_at: When it came to rest; None while it goes on.
        outcome: One word, such as `running`, `complete`, `error`.
        message: Plain words about the outcome.
        inserted: Records inserted so far.
        updated: Records updated so far.
        deleted: Records marked deleted so far.
        quarantined: Items quarantined so far.
        requests: Requests sent to the provider so far.
    """

    id: str
    connection_id: str
    handler_id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    message: str | None = None
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A record that search found, and the words around the first hit."""

    record: Record = field(repr=False)
    snippet: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """A record's last change.

    Args:
        seq: The change's number; only grows, unique within the vault.
        record_id: The record's `_id`.
        deleted: Whether the record is marked deleted or was removed.
        record: The record as it is now; None when it was removed from the vault.
    """

    seq: int
    record_id: str
    deleted: bool
    record: Record | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of one schema one handler of one connection has brought."""

    connection_id: str
    handler_id: str
    schema: str
    records: int
    deleted: int


#: A question to the vault: field names with values, or with operators (see `vault.selectors`).
Selector = Mapping[str, Any]
#: Fields to sort by, each with its direction.
Sort = Sequence[tuple[str, Literal["asc", "desc"]]]
