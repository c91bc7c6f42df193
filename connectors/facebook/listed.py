"""`EdgeHandler`: a handler of one of the person's lists.

Neither list has a feed of changes or a documented order, so it is read whole each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from connectors.facebook.edge import Edge
from connectors.facebook.lookups import Lookups
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record


class EdgeHandler(ListedHandler, base=True):
    """A `connectors.sdk.lists.page.Listed`. A subclass says which list, and maps its items."""

    sizes = ("page_size",)
    frequency = "12hour"
    # `Lookups` chooses among all that are missing.
    most_ids = 1_000_000

    #: The list's name in the API, such as `likes`.
    edge_name: ClassVar[str]
    #: Fields asked for, and those of them that every app gets, in the API's words.
    full: ClassVar[str]
    plain: ClassVar[str]
    #: Whether the list takes `until`.
    by_time: ClassVar[bool]

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        """See `Listed`."""
        self._notes = notes
        return self._edge.page(token)

    def same(self, old: Record, new: Record) -> bool:
        """Whether nothing changed that this reading could see."""
        if new["sourceId"] not in self._edge.poor:
            return old == new
        before: Json = old["sourceData"]
        return self._over(before, new["sourceData"]) == before

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the items that there are, or that are looked up by a later run."""
        return self._lookups.there(ids, self._notes)

    def whole(self, source: Json) -> Json:
        """An item as it was read; one that came with few fields, with what is kept of the others.

        It tells nothing of those, so what is known of them stays.
        """
        if source.get("id") not in self._edge.poor:
            return source
        old = self.kept.get(source["id"])
        return self._over(old["sourceData"], source) if old else source

    def exists(self, ident: str) -> bool:
        """Whether there is an item of this id."""
        return self._edge.exists(ident)

    def _over(self, before: Json, poor: Json) -> Json:
        plain = self.plain.split(",")
        return {**{key: value for key, value in before.items() if key not in plain}, **poor}

    @cached_property
    def _notes(self) -> dict[str, str]:
        return {}

    @cached_property
    def _lookups(self) -> Lookups:
        return Lookups(self.exists, self._edge.require_permission)

    @cached_property
    def _edge(self) -> Edge:
        (scope,) = self.scopes
        return Edge(
            self.context,
            self.edge_name,
            scope,
            full=self.full,
            plain=self.plain,
            by_time=self.by_time,
        )
