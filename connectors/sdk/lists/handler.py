"""`ListedHandler`: a handler of a list that can only be paged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import timedelta

from connectors.sdk.handler import Handler
from connectors.sdk.lists.listing import Listing
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Batch, Json, Position, Record


class ListedHandler(Handler, base=True):
    """Brings a list up to date by `Listing`; a `connectors.sdk.lists.page.Listed`.

    What is set here is for a list that is read whole in each sync, and of which no item can be
    asked for by itself.
    """

    newest_first: bool = False
    age: timedelta = timedelta(0)
    most_ids: int = 50

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield the list's changes; the position is that of `Listing`."""
        return Listing(self, self.kept, self.context.now).batches(position)

    @abstractmethod
    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        """See `Listed`."""

    def id_of(self, item: Json) -> str | None:
        """The item's `id`, where it is text."""
        found = item.get("id")
        return found if isinstance(found, str) and found else None

    def usable(self, item: Json) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the item is to be kept; all are."""
        return True

    def same(self, old: Record, new: Record) -> bool:
        """Whether two records of an item tell the same."""
        return old == new

    def still_there(self, ids: Sequence[str]) -> set[str]:  # noqa: ARG002 - for subclasses
        """Those of the ids that are there though the list did not tell; none."""
        return set()
