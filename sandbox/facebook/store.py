"""What an account has at Facebook: liked Pages and posts, in lists that are paged by cursors.

Facebook documents no order of either list; here the newest comes first, unless a test wants it
otherwise. Nor does it say what makes a cursor invalid, only that items added or deleted can: here it
is the deletion of the item that it names. What else a list may do to its reader is in `Manners`.
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from dataclasses import dataclass, field
from typing import Literal

from sandbox.facebook.errors import GraphError, invalid_parameter
from sandbox.facebook.items import Item, LikedPage, new_page, new_post
from sandbox.oddities import Oddities

Kind = Literal["likes", "posts"]
KINDS: tuple[Kind, ...] = ("likes", "posts")
_HOUR = 3600
_CIRCLE = ("QVFIcircleAZD", "QVFIcircleBZD")


@dataclass(slots=True)
class Slice:
    """A page of a list.

    Args:
        items: Those that are shown: privacy takes out others.
        before: Cursor of the first item; None on an empty page.
        after: Cursor of the last item.
        more: Whether another page comes.
    """

    items: list[Item]
    before: str | None
    after: str | None
    more: bool


@dataclass(slots=True)
class Manners:
    """How unkind an account's lists are; each may be changed at any time.

    Args:
        reach: How far a list can be paged; None for as far as it goes.
        most: The most items that Facebook is willing to put together at once.
        withheld: Fields that may not be read in a list, and the code of the refusal.
        odd: Fields that may not be read of an item, by its id, and the code.
        ranked: Whether the order of a list has nothing to do with time.
        cap: How many items a list shows at most; the others are still there.
        circling: Whether the last page leads on, to two empty ones that lead to each other.
        takes_target: Whether the likes can be asked for one Page.
        pages_left: After so many pages of lists access to the data ends; None for never.
        data_access_ended: Whether it has, though the token is good.
    """

    reach: int | None = None
    most: int | None = None
    withheld: dict[Kind, tuple[frozenset[str], int]] = field(default_factory=dict)
    odd: dict[str, tuple[frozenset[str], int]] = field(default_factory=dict)
    ranked: bool = False
    cap: int | None = None
    circling: bool = False
    takes_target: bool = True
    pages_left: int | None = None
    data_access_ended: bool = False


class Timeline(Manners):
    """One account's lists, newest first; safe to use from several threads.

    Args:
        seed: Decides all that it holds, with `index`.
        index: Number of the account.
        owner: The person's id.
        items: How many likes and posts it starts with, each.
        newest: When the newest of them came, Unix seconds.
        remember: Whether to keep what was sent.
    """

    def __init__(
        self, seed: int, index: int, owner: str, items: int, newest: float, *, remember: bool
    ) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self._rng = random.Random(f"facebook/{seed}/{index}")
        self._clock = int(newest) - items * _HOUR
        self._owner = owner
        self._lists: dict[Kind, list[Item]] = {kind: [] for kind in KINDS}
        self._generation: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self.oddities = {
            "likes": Oddities(optional="about", essential="created_time", remember=remember),
            "posts": Oddities(optional="message", essential="created_time", remember=remember),
        }
        for _ in range(items):
            self._clock += _HOUR - 2
            for kind in KINDS:
                self.add(kind)

    def all(self, kind: Kind) -> list[Item]:
        """A list, as it is."""
        return self._lists[kind]

    def add(self, kind: Kind, *, hidden: bool = False) -> str:
        """Like another Page, or publish another post; its id."""
        with self.lock:
            self._clock += 1
            if kind == "likes":
                made: Item = new_page(self._rng, self._clock)
            else:
                made = new_post(self._rng, self._owner, self._clock)
            made.hidden = hidden
            self.all(kind).insert(0, made)
            return made.id

    def remove(self, kind: Kind, ident: str) -> None:
        """Unlike a Page, or delete a post."""
        with self.lock:
            listed = self.all(kind)
            listed[:] = [item for item in listed if item.id != ident]

    def edit(self, kind: Kind, ident: str, turn: int) -> None:
        """Rename a Page, or write a post anew."""
        with self.lock:
            self._clock += 1
            for item in self.all(kind):
                if item.id != ident:
                    continue
                if isinstance(item, LikedPage):
                    item.name = f"{item.name.partition(' · ')[0]} · {turn}"
                else:
                    item.message, item.updated = f"Edit {turn} of {ident}", self._clock

    def lose_cursors(self, kind: Kind) -> None:
        """Make the cursors given so far invalid."""
        with self.lock:
            self._generation[kind] += 1

    def read(
        self, kind: Kind, size: int, after: str | None, since: int | None, until: int | None
    ) -> Slice:
        """A page.

        Args:
            kind: Of which list.
            size: Items of a page, hidden ones included.
            after: Cursor of the item before it.
            since: Nothing older, Unix seconds.
            until: Nothing newer, Unix seconds.

        Raises:
            GraphError: The cursor is not valid, or the list is not handed out so far.
        """
        listed = [
            item
            for item in self._shown(kind)
            if (since is None or item.created >= since) and (until is None or item.created <= until)
        ]
        if after in _CIRCLE:
            return Slice([], after, _CIRCLE[1 - _CIRCLE.index(after)], more=True)
        start = 0
        if after is not None:
            places = {self._cursor(kind, item.id): n for n, item in enumerate(listed)}
            if after not in places:
                raise invalid_parameter("Invalid parameter")
            start = places[after] + 1
        if self.reach is not None and start >= self.reach:
            message = "The After Cursor specified exceeds the max limit supported by this endpoint"
            raise invalid_parameter(message)
        if self.most is not None and size > self.most:
            message = "Please reduce the amount of data you're asking for, then retry your request"
            raise GraphError(1, message, status=500)
        chosen = listed[start : start + size]
        if self.circling and start + size >= len(listed):
            return Slice([item for item in chosen if not item.hidden], None, _CIRCLE[0], more=True)
        ends = [self._cursor(kind, item.id) for item in (chosen[:1] + chosen[-1:])]
        return Slice(
            [item for item in chosen if not item.hidden],
            ends[0] if ends else None,
            ends[-1] if ends else None,
            start + size < len(listed),
        )

    def page_asked(self) -> None:
        """Count a page of a list towards the end of access."""
        if self.pages_left is not None:
            self.data_access_ended |= self.pages_left <= 0
            self.pages_left -= 1

    def _shown(self, kind: Kind) -> list[Item]:
        listed = self.all(kind)[: self.cap]
        return sorted(listed, key=lambda item: _digest(item.id)) if self.ranked else listed

    def _cursor(self, kind: Kind, ident: str) -> str:
        seal = f"{self._owner}/{kind}/{self._generation[kind]}/{ident}"
        return "QVFI" + base64.urlsafe_b64encode(_digest(seal)[:12]).decode() + "ZD"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
