"""`Handler`: one kind of data of a provider."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from connectors.sdk.errors import GoneError
from connectors.sdk.http import Api
from connectors.sdk.options import Choice
from connectors.sdk.provider import Provider
from connectors.sdk.records import Account, Batch, Failed, Json, Position, Record, iso, record_id
from connectors.sdk.schemas.base import RecordSchema

Frequency = Literal["hour", "3hour", "6hour", "12hour", "day", "3day", "week"]


class Kept(Protocol):
    """What the vault holds of this handler's items; ids are the provider's (`sourceId`).

    The batch yielded last may not be kept yet when this is asked.
    """

    def known(self, source_ids: Collection[str]) -> set[str]:
        """Those of the ids that are kept, quarantined ones included, deleted ones not."""

    def get(self, source_id: str) -> Record | None:
        """The record, with its `sourceData`; None when it is not kept or is marked deleted."""

    def source_ids(self, after: str = "") -> Iterator[str]:
        """The ids of all that is kept, deleted ones not, in order of id.

        Args:
            after: Only ids greater than this one.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine lends a handler for one run.

    Args:
        provider: The provider, with its configuration.
        account: Whose data it is.
        api: Calls the provider: signed in, within the quota, with retries.
        options: The value of each option.
        kept: What the vault holds already.
        text_limit: Largest attachment or file whose text is read, in bytes.
        now: The time, with a zone.
    """

    provider: Provider
    account: Account
    api: Api
    options: Mapping[str, str]
    kept: Kept
    text_limit: int
    now: datetime


class Handler(ABC):
    """Turns one part of a provider's API into records of one schema.

    A subclass sets the class attributes, yields batches and maps items. Errors, retries, waiting
    and storage are the engine's. One that is itself a base for others says so: `base=True`.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    schema: ClassVar[type[RecordSchema]]
    #: Further schemas of its records, where it has several.
    also: ClassVar[tuple[type[RecordSchema], ...]] = ()
    #: Fields of the provider's configuration that size its requests; each has its bounds there.
    sizes: ClassVar[tuple[str, ...]] = ()
    #: Which of the provider's quotas its calls spend; see `Provider.quota`.
    service: ClassVar[str] = ""
    #: OAuth scopes that the handler needs.
    scopes: ClassVar[frozenset[str]] = frozenset()
    options: ClassVar[tuple[Choice, ...]] = ()
    frequency: ClassVar[Frequency] = "hour"

    def __init_subclass__(cls, *, base: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        missing = [name for name in ("id", "label", "schema") if not hasattr(cls, name)]
        if missing and not base:
            raise TypeError(f"{cls.__name__} must set {', '.join(missing)}")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.api = context.api
        self.kept = context.kept

    @abstractmethod
    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield batches from the position on: new items first, then older ones.

        Each batch can be the last one of this run; its position must then lead on to the rest.
        The last batch's position is that of a sync that has nothing more to do.
        """

    @abstractmethod
    def record(self, source: Json) -> Record:
        """Map one item of the API to a record."""

    def retry(self, failed: Failed) -> Record:
        """Map a quarantined item again; a handler that keeps only its id fetches it first.

        Raises:
            GoneError: The provider does not have it any more; see `gone`.
        """
        return self.record(failed.source)

    @contextmanager
    def retrying(self) -> Iterator[None]:
        """Entered once around a run's calls of `retry`, to keep open among them what they need.

        What is needed is opened by the first `retry`: its errors are then those of its item.
        """
        yield

    @classmethod
    def schemas(cls) -> dict[str, type[RecordSchema]]:
        """The schemas of its records, by URI."""
        return {schema.uri: schema for schema in (cls.schema, *cls.also)}

    def keep(
        self,
        items: Iterable[Json],
        position: Position,
        *,
        id_field: str = "id",
        deleted: Iterable[str] = (),
        total: int | None = None,
    ) -> Batch:
        """A batch of the API's items, each mapped by `record`.

        An item that cannot be mapped goes to quarantine by itself, with its JSON.

        Args:
            items: As the API sent them.
            position: Where the sync stands when they are kept.
            id_field: The items' field that `record` takes the id from.
            deleted: Ids of items that are gone.
            total: How many items the handler expects to hold in all.
        """
        records: list[Record] = []
        failed: list[Failed] = []
        for item in items:
            try:
                records.append(self.record(item))
            except Exception as error:
                # Whatever is odd about one item must not stop the others.
                failed.append(unmappable(item, error, id_field))
        listed = [record["sourceId"] for record in records]
        return Batch(records, position, deleted=deleted, failed=failed, listed=listed, total=total)

    def build(
        self,
        *,
        id: str,  # noqa: A002 - the reader's word
        name: str,
        inserted_at: datetime | str,
        source: Json,
        schema: type[RecordSchema] | None = None,
        **fields: Any,
    ) -> Record:
        """A record with its base fields; fields that are None are left out.

        Args:
            id: The item's id at the provider.
            name: What a person would call the item.
            inserted_at: When it came to be, with a zone.
            source: The API's whole answer, unaltered.
            schema: The record's schema, where it is not the handler's first.
            fields: The schema's own fields, by the schema's names.
        """
        provider, account = self.context.provider, self.context.account
        record: Record = {
            "_id": record_id(provider.id, account.id, id),
            "schema": (schema or self.schema).uri,
            "name": name,
            "sourceApplication": provider.url,
            "sourceAccountId": account.id,
            "sourceId": id,
            "sourceData": source,
            "insertedAt": inserted_at if isinstance(inserted_at, str) else iso(inserted_at),
        }
        record.update((key, value) for key, value in fields.items() if value is not None)
        return record


def gone(as_found: Callable[[], Record]) -> GoneError:
    """The error to raise for a quarantined item that the provider does not have any more.

    Args:
        as_found: Maps the item as it was found when it was listed, if it can.
    """
    try:
        return GoneError(record=as_found())
    except Exception:
        # It is in quarantine because something about it is odd.
        return GoneError()


def unmappable(item: Json, error: Exception, id_field: str = "id") -> Failed:
    """The entry in quarantine of an item that could not be mapped.

    Args:
        item: As the API sent it.
        error: What its mapping raised; the message is not kept, it may quote the item.
        id_field: The field with the item's id; without one, an id is made from the content.
    """
    source = item if isinstance(item, dict) else {"item": item}
    found = source.get(id_field)
    if not isinstance(found, str) or not found:
        text = json.dumps(source, sort_keys=True, default=str).encode()
        found = "unidentified-" + hashlib.sha256(text).hexdigest()[:16]
    return Failed(found, source, f"the item could not be mapped ({type(error).__name__})")
