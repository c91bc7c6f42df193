"""Where in a list a page begins: what stands in positions as its token. Pure: text in, text out.

Facebook's cursors are for going on at once: "Don't store cursors. Cursors can quickly become
invalid if items are added or deleted." So the time at which one was given stands beside it, and one
that is old is not used. `paging.next` is an address that holds the access token: what is needed
for going on is taken out of it, and it is called by nobody.

https://developers.facebook.com/docs/graph-api/results
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from connectors.sdk.errors import PositionLostError

#: What of `paging.next` says where the next page begins. All else in it stays behind.
_KEPT = frozenset({"after", "since", "until", "offset", "__paging_token"})
#: Seconds after which a cursor is taken for lost.
_FRESH = 3600.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list.

    Args:
        given: When the API told it, Unix seconds.
        where: Query parameters that lead there; none lead to the head.
        seen: Unix seconds of the creation of the last item before it; 0 where there was none.
        jumped: What `seen` was when a time led on last; 0 where none did.
    """

    given: float
    where: Mapping[str, str] = field(default_factory=dict)
    seen: int = 0
    jumped: int = 0

    @classmethod
    def read(cls, token: str) -> Self:
        """From a page's token.

        Raises:
            PositionLostError: It is none.
        """
        try:
            return cls(**json.loads(token))
        except (ValueError, TypeError):
            raise PositionLostError("the page's token could not be read") from None

    def token(self) -> str:
        """The page's token."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def stale(self, now: float) -> bool:
        """Whether it leads on by a cursor that was given too long ago."""
        return self.by_cursor and not 0 <= now - self.given < _FRESH

    @property
    def by_cursor(self) -> bool:
        """Whether a cursor leads there; a time never gets too old."""
        return bool(self.where.keys() - {"since", "until"})

    def by_time(self, now: float) -> Place | None:
        """The same place by time alone, in a list that knows times; None where no time leads on.

        None does where none was seen, and where the list has come no further down since the last
        one: it is not by time, or holds more of one second than is handed out. The last second is
        asked for again: whether it is in the range is not documented.
        """
        if not self.seen or 0 < self.jumped <= self.seen:
            return None
        return Place(now, {"until": str(self.seen + 1)}, self.seen, self.seen)

    def following(self, paging: Any, now: float, seen: int) -> Place | None:
        """The place that comes next by an answer's `paging`; None on the last page.

        Args:
            paging: As the API sent it. Where it pages by time it has no cursors.
            now: Unix seconds.
            seen: Of the page's last item; 0 where it has none.

        Raises:
            PositionLostError: There is a next page, but nothing tells where it begins.
        """
        following = paging.get("next") if isinstance(paging, dict) else None
        if not following:
            return None
        where = {k: v for k, v in parse_qsl(_query(following)) if k in _KEPT}
        cursors = paging.get("cursors")
        after = cursors.get("after") if isinstance(cursors, dict) else None
        if isinstance(after, str) and after:
            where["after"] = after
        if not where or where == self.where:
            raise PositionLostError("Facebook does not tell where the next page begins")
        return Place(now, where, seen or self.seen, self.jumped)


def _query(address: Any) -> str:
    try:
        return urlsplit(str(address)).query
    except ValueError:
        return ""
