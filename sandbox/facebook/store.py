"""What an account has at Facebook: liked Pages and posts, in lists that are paged by cursors.

Facebook documents no order of either list; here the newest comes first. Nor does it say what makes
a cursor invalid, only that items added or deleted can: here it is the deletion of the item that it
names.
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from dataclasses import dataclass
from typing import Literal

from sandbox.facebook.errors import GraphError, invalid_parameter
from sandbox.facebook.items import Item, LikedPage, new_page, new_post
from sandbox.oddities import Oddities

Kind = Literal["likes", "posts"]
KINDS: tuple[Kind, ...] = ("likes", "posts")
_HOUR = 3600


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


class Timeline:
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
        self.lock = threading.RLock()
        self._rng = random.Random(f"facebook/{seed}/{index}")
        self._clock = int(newest) - items * _HOUR
        self._owner = owner
        self._lists: dict[Kind, list[Item]] = {kind: [] for kind in KINDS}
        self._generation: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        #: How far a list can be paged; None for as far as it goes.
        self.reach: int | None = None
        #: The most items that Facebook is willing to put together at once.
        self.most: int | None = None
        #: Fields that may not be read in a list, and the code of the refusal.
        self.withheld: dict[Kind, tuple[frozenset[str], int]] = {}
        #: Whether access to the data has ended, though the token is good.
        self.data_access_ended = False
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
            for item in self.all(kind)
            if (since is None or item.created >= since) and (until is None or item.created <= until)
        ]
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
        ends = [self._cursor(kind, item.id) for item in (chosen[:1] + chosen[-1:])]
        return Slice(
            [item for item in chosen if not item.hidden],
            ends[0] if ends else None,
            ends[-1] if ends else None,
            start + size < len(listed),
        )

    def _cursor(self, kind: Kind, ident: str) -> str:
        seal = f"{self._owner}/{kind}/{self._generation[kind]}/{ident}"
        raw = hashlib.sha256(seal.encode()).digest()[:12]
        return "QVFI" + base64.urlsafe_b64encode(raw).decode() + "ZD"
