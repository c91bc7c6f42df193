"""Liked Pages: the Pages that the person has liked.

The list takes neither times nor an order, and tells of no change, so it is read whole each time: a
request for 100 of them. Reading more than a Page's name may need a further review of the app (Page
Public Content Access); which fields do is not documented for this list. Where they are refused,
names and times are kept alone.

Read on 2026-11-24:
https://developers.facebook.com/docs/graph-api/reference/user/likes
https://developers.facebook.com/docs/graph-api/reference/page
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from connectors.facebook.edge import Edge
from connectors.facebook.fields import moment, text
from connectors.facebook.lookups import Lookups, kept_as_before
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record, iso
from connectors.sdk.schemas.following import Following

_PLAIN = "id,name,created_time"
_FULL = f"{_PLAIN},about,description,category,link,username,website,verification_status"


class LikedPages(ListedHandler):
    """The Pages that the person has liked."""

    id = "following"
    label = "Liked Pages"
    schema = Following
    scopes = frozenset({"user_likes"})
    sizes = ("page_size",)
    frequency = "12hour"

    most_ids = 1

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """See `Listed`."""
        return self._edge.page(token)

    def record(self, source: Json) -> Record:
        """Map a Page; `created_time` is when it was liked."""
        since = moment(source["created_time"])
        return self.build(
            id=source["id"],
            name=text(source.get("name")) or source["id"],
            inserted_at=since,
            source=source,
            uri=text(source.get("link")) or f"https://facebook.com/{source['id']}",
            followedTimestamp=iso(since),
            description=text(source.get("about")) or text(source.get("description")),
        )

    def same(self, old: Record, new: Record) -> bool:
        """Whether nothing changed that this reading could see."""
        return kept_as_before(old, new, self._edge.poor)

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the Pages that are still liked."""
        return self._lookups.there(ids)

    @cached_property
    def _lookups(self) -> Lookups:
        return Lookups(self._edge.contains)

    @cached_property
    def _edge(self) -> Edge:
        return Edge(self.context, "likes", "user_likes", full=_FULL, plain=_PLAIN, by_time=False)
