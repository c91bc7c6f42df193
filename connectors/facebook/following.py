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

from connectors.facebook.fields import moment, text
from connectors.facebook.listed import EdgeHandler
from connectors.sdk.records import Json, Record, iso
from connectors.sdk.schemas.following import Following

_PLAIN = "id,name,created_time"
_FULL = f"{_PLAIN},about,description,category,link,username,website,verification_status"


class LikedPages(EdgeHandler):
    """The Pages that the person has liked."""

    id = "following"
    label = "Liked Pages"
    schema = Following
    scopes = frozenset({"user_likes"})
    edge_name = "likes"
    full = _FULL
    plain = _PLAIN
    by_time = False

    def record(self, source: Json) -> Record:
        """Map a Page; `created_time` is when it was liked."""
        source = self.whole(source)
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

    def exists(self, ident: str) -> bool:
        """Whether the Page is still liked."""
        return self._edge.contains(ident)
