"""Pages of a list, what one gave, and what a handler of such a list must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from connectors.sdk.records import Failed, Json, Record


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Args:
        items: As the API sent them.
        total: Length of the list, when told.
        next: Token of the next page. A page without items is not the last; one without this is.
    """

    items: Sequence[Json] = ()
    total: int | None = None
    next: str | None = None


class Listed(Protocol):
    """A handler of such a list."""

    #: Whether new items come in at the head. False: the whole list is read each time.
    newest_first: bool
    #: After so long a list is read whole though nothing tells of a change: an unlike and a like
    #: of something far down can hide each other, and edits beyond the first page show no other
    #: way, nor do placeholders.
    age: timedelta
    #: How many ids `still_there` is asked for at once, at most.
    most_ids: int

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        """A page of the list; an empty one of a list that is not there.

        Args:
            token: Of the page; None for the first.
            notes: What is remembered between runs, to be changed in place.

        Raises:
            PositionLostError: The token is no longer known.
        """

    def id_of(self, item: Json) -> str | None:
        """The item's id, even of one that cannot be mapped."""

    def usable(self, item: Json) -> bool:
        """Whether the item is to be kept; else it is the placeholder of one that was."""

    def record(self, source: Json) -> Record:
        """Map an item."""

    def same(self, old: Record, new: Record) -> bool:
        """Whether two records of an item tell the same."""

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are there though the list did not tell.

        Where the provider cannot be asked for one item, what is not listed is gone: none.
        """


@dataclass(slots=True)
class Found:
    """What a page gave.

    Args:
        ids: Of all its usable items.
        new: How many of them were not known.
        records: The new and the changed ones.
        failed: New ones that cannot be mapped.
        gone: Ids of known ones that have placeholders and are gone.
    """

    ids: set[str] = field(default_factory=set)
    new: int = 0
    records: list[Record] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def told(self) -> bool:
        """Whether there is anything to be kept or marked."""
        return bool(self.records or self.failed or self.gone)


@dataclass(slots=True)
class Reading:
    """One reading of the whole list.

    Args:
        first: Its first page.
        last: Its last page.
        ids: Of all usable items.
        keys: Of all items, in their order, placeholders included.
        new: How many usable items were not known.
    """

    first: Page = field(default_factory=Page)
    last: Page = field(default_factory=Page)
    ids: set[str] = field(default_factory=set)
    keys: list[str] = field(default_factory=list)
    new: int = 0

    @property
    def unrest(self) -> int:
        """By how much the list seems to have changed while it was read; 0 for a quiet one."""
        twice = len(self.keys) - len(set(self.keys))
        return max(twice, apart(self.first.total, self.last.total))

    def unexplained(self, expected: int | None, looked: int | None) -> int:
        """By how much the length differs from the expected one, though the items do not say so.

        Args:
            expected: The length by what is kept.
            looked: The length told by a look at the head just before; None when there was none.
        """
        told = [total for total in (self.first.total, looked) if total is not None]
        if all(total == len(set(self.keys)) for total in told):
            return 0
        return max(apart(total, expected) for total in told)


def apart(one: int | None, other: int | None) -> int:
    """By how much two lengths differ; 0 where one was not told."""
    return 0 if one is None or other is None else abs(one - other)
