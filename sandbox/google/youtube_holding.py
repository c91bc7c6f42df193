"""An account's YouTube as the contract suite sees it."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from sandbox.google.youtube_items import Subscription, Video
from sandbox.google.youtube_store import Kind, Studio
from sandbox.holding import Oddity


class _Holding(ABC):
    """What the three have in common.

    Args:
        studio: The account's YouTube.
    """

    kind: Kind
    path = "^/youtube/v3/"
    #: Only what is read anyway is looked at for edits.
    tells_edits = False
    has_noise = False
    has_feed = True

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._turn = itertools.count(1)

    def _items(self) -> list[Subscription] | list[Video]:
        with self._studio.lock:
            return list(getattr(self._studio, self.kind))

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """The ids, head first."""
        return [item.id for item in self._items()]

    def add(self, count: int = 1) -> list[str]:
        """Add so many; their ids."""
        return [self._studio.add(self.kind) for _ in range(count)]

    def edit(self, source_id: str) -> None:
        """Change the title, not its place by title."""
        item = self._item(source_id)
        with self._studio.lock:
            item.title = f"{item.title.partition(' (')[0]} ({next(self._turn)})"

    @abstractmethod
    def remove(self, source_id: str) -> None:
        """Take an item away for good."""

    def clear(self) -> None:
        """Take everything away."""
        self._studio.clear(self.kind)

    def add_noise(self, count: int) -> None:
        """Lists hold nothing that a sync leaves out (`has_noise`)."""
        raise ValueError(f"no list holds what a sync leaves out; {count} items were asked for")

    def lose_feed(self) -> None:
        """Make the page tokens given so far unknown."""
        self._studio.lose_tokens(self.kind)

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._studio.oddities[self.kind].spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The item as a list last sent it."""
        return self._studio.oddities[self.kind].sent(source_id)

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Titles are all that changes."""
        return any(
            item.id == record["sourceId"] and item.title == record["name"] for item in self._items()
        )

    def idle_requests(self) -> int:
        """A look at the first page."""
        return 1

    def _item(self, source_id: str) -> Subscription | Video:
        return next(item for item in self._items() if item.id == source_id)


class SubscriptionHolding(_Holding):
    """The channels that the person follows, by title. The whole list is read each time."""

    kind = "subscriptions"
    tells_edits = True

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """The ids, by title."""
        return [item.id for item in by_title(self._studio.subscriptions)]

    def remove(self, source_id: str) -> None:
        """Stop following."""
        self._studio.unsubscribe(source_id)

    def idle_requests(self) -> int:
        """All pages, of the size last asked for."""
        size = self._studio.sizes[self.kind]
        return max(1, -(-len(self._studio.subscriptions) // size))


class LikeHolding(_Holding):
    """The videos that the person likes, the one liked last first."""

    kind = "likes"

    def remove(self, source_id: str) -> None:
        """Take the like back."""
        self._studio.unlike(source_id)


class UploadHolding(_Holding):
    """The videos that the person has uploaded, newest first, without what is gone."""

    kind = "uploads"
    has_noise = True

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._removals = itertools.count()

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """The ids of those that are there."""
        with self._studio.lock:
            return [video.id for video in self._studio.uploads if not video.gone]

    def remove(self, source_id: str) -> None:
        """Delete the video. On the first page, every other one leaves a placeholder.

        Below, such a one shows in nothing but the page itself: no sync is to be asked for it.
        """
        studio = self._studio
        with studio.lock:
            head = [video.id for video in studio.uploads[: studio.sizes[self.kind]]]
            if source_id in head and next(self._removals) % 2 == 0:
                studio.blank(source_id)
            else:
                studio.delete(source_id)

    def add_noise(self, count: int) -> None:
        """Put placeholders at the head."""
        for number in range(count):
            self._studio.add_placeholder("Private video" if number % 2 else "Deleted video")


def by_title(subscriptions: list[Subscription]) -> list[Subscription]:
    """Subscriptions in the order `alphabetical`."""
    return sorted(subscriptions, key=lambda item: (item.title.casefold(), item.id))
