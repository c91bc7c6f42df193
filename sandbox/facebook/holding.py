"""An account's lists as the contract suite sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.facebook.items import LikedPage
from sandbox.facebook.store import Kind, Timeline
from sandbox.holding import Oddity


class EdgeHolding:
    """One list.

    Args:
        timeline: The account's lists.
        kind: Which.
    """

    #: The list is read whole each time.
    tells_edits = True
    has_noise = True
    has_feed = True

    def __init__(self, timeline: Timeline, kind: Kind) -> None:
        self.path = f"/v[0-9.]+/me/{kind}$"
        self._timeline = timeline
        self._kind = kind
        self._turn = itertools.count(1)

    def _shown(self) -> list[Any]:
        with self._timeline.lock:
            return [item for item in self._timeline.all(self._kind) if not item.hidden]

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """The ids, newest first."""
        return [item.id for item in self._shown()]

    def add(self, count: int = 1) -> list[str]:
        """Add so many at the head; their ids."""
        return [self._timeline.add(self._kind) for _ in range(count)]

    def edit(self, source_id: str) -> None:
        """Change its name or text."""
        self._timeline.edit(self._kind, source_id, next(self._turn))

    def remove(self, source_id: str) -> None:
        """Take an item away for good."""
        self._timeline.remove(self._kind, source_id)

    def clear(self) -> None:
        """Take everything away."""
        with self._timeline.lock:
            self._timeline.all(self._kind).clear()

    def add_noise(self, count: int) -> None:
        """Put items at the head that privacy hides: pages come short, or empty."""
        for _ in range(count):
            self._timeline.add(self._kind, hidden=True)

    def lose_feed(self) -> None:
        """Make the cursors given so far invalid."""
        self._timeline.lose_cursors(self._kind)

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._timeline.oddities[self._kind].spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The item as the list last sent it, without the token that its inner pages hold."""
        return _unpaged(self._timeline.oddities[self._kind].sent(source_id))

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """A Page's name and a post's text are what changes."""
        for item in self._shown():
            if item.id == record["sourceId"]:
                if isinstance(item, LikedPage):
                    return bool(item.name == record["name"])
                return bool(item.message == record["sourceData"].get("message", ""))
        return False

    def idle_requests(self) -> int:
        """The list, of one page at the usual size; an empty one takes a look at the permission."""
        return 1 if self._shown() else 2


def _unpaged(value: Any) -> Any:
    """A copy without any `paging`."""
    if isinstance(value, dict):
        return {key: _unpaged(inner) for key, inner in value.items() if key != "paging"}
    return [_unpaged(inner) for inner in value] if isinstance(value, list) else value
