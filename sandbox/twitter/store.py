"""What an account has at X: whom it follows, and what it posted.

An id of a post is made of its time, as X makes them: the milliseconds since X's own epoch stand in
its upper bits (https://docs.x.com/fundamentals/x-ids), so ids grow with time. An edit is a post
with an id of its own; `edit_history` leads from one to the other, and deleting one deletes all
(https://docs.x.com/x-api/fundamentals/edit-posts).
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
import time
from dataclasses import dataclass
from typing import Literal

from sandbox.oddities import Oddities
from sandbox.twitter.quirks import Quirks

Kind = Literal["post", "reply", "quote", "repost"]
List = Literal["following", "posts"]

#: X's epoch, in milliseconds of Unix time.
EPOCH = 1_288_834_974_657
_HOUR, _DAY = 3600.0, 86400.0
_SUBJECTS = (
    "A walk along the river", "Sauerteig, dritter Versuch", "Les oiseaux du jardin",
    "Пешком по горам", "手作りの木工", "موسيقى العود", "Salt &amp; pepper", "Chess before breakfast",
    "Pottery, and what broke", "Fjellturer i regn",
)  # fmt: skip
_PLACES = ("harbour", "library", "orchard", "workshop", "observatory", "ferry", "bakery")


@dataclass(slots=True)
class User:
    """A profile. `created` in Unix seconds; `serial` counts the follows."""

    id: str
    username: str
    name: str
    description: str
    created: float
    serial: int = 0


@dataclass(slots=True)
class Post:
    """A post of the account.

    Args:
        versions: Ids of all its versions, oldest first; the last one is what lists show.
        text: What stands in `text`: 280 characters at most.
        kind: What it is.
        about: The id of the post that it replies to, quotes or reposts.
        note: The whole text of a long one.
        link: Where the link in its text leads.
    """

    versions: list[int]
    text: str
    kind: Kind = "post"
    about: int | None = None
    note: str | None = None
    link: str | None = None
    canary: str = ""

    @property
    def id(self) -> int:
        """The id of the version that is shown."""
        return self.versions[-1]

    @property
    def first(self) -> str:
        """The id that it was posted with."""
        return str(self.versions[0])


def snowflake(seconds: float, number: int = 0) -> int:
    """The id of something that came at this Unix time."""
    return ((int(seconds * 1000) - EPOCH) << 22) | (number & 0x3FFFFF)


@dataclass(slots=True)
class Window:
    """Requests of one endpoint in the window that runs."""

    until: float = 0.0
    used: int = 0


class Store:
    """One account. Safe to use from several threads.

    Args:
        seed: Decides all that it holds, with `index`.
        index: Number of the account.
        name: The person's name.
        items: How many follows and posts it starts with, each; reposts come on top.
        newest: When the newest of them came, Unix seconds.
        remember: Whether to keep what was sent.
    """

    def __init__(
        self, seed: int, index: int, name: str, items: int, newest: float, *, remember: bool
    ) -> None:
        self.lock = threading.RLock()
        self._rng = random.Random(f"x/{seed}/{index}")
        # A day is left for what comes later, so that only what is posted "now" is of now.
        newest -= _DAY
        self._clock = newest - items * _HOUR
        self._serial = 0
        self._generation = 0
        self._turn = 0
        self.owner = User(
            account_id(index),
            f"{name.partition(' ')[0].lower()}{index}",
            name,
            "Myself.",
            1_400_000_000.0,
        )
        self.posts: list[Post] = []
        self.following: list[User] = []
        #: Everybody who was ever followed: they exist, followed or not.
        self.people: dict[str, User] = {}
        #: By how much the counts of the profile are wrong.
        self.miscount = 0
        self.quirks = Quirks()
        #: What every request of this account is refused with: no credits, say; None for nothing.
        self.refusal: Exception | None = None
        #: What is left of each endpoint's window.
        self.windows: dict[str, Window] = {}
        #: Posts and users sent, which X bills.
        self.sent: dict[str, int] = {"posts": 0, "users": 0}
        self.oddities: dict[List, Oddities] = {
            "following": Oddities(optional="description", essential="username", remember=remember),
            "posts": Oddities(optional="created_at", essential="text", remember=remember),
        }
        for number in range(items):
            self._clock += _HOUR - 120.0
            self.follow()
            self.post_earlier(_kind(number), long=number % 6 == 2)
            if number % 6 == 4:
                self._clock -= 60.0
                self.post_earlier("repost")
        self._clock = max(self._clock, newest)

    def _tick(self) -> float:
        self._clock += 60.0
        return self._clock

    def post(self, kind: Kind = "post", *, long: bool = False) -> Post:
        """Post something now."""
        with self.lock:
            self._clock = max(self._clock, time.time() - 60.0)
            return self.post_earlier(kind, long=long)

    def post_earlier(self, kind: Kind = "post", *, long: bool = False) -> Post:
        """Post something a minute after what came last, however long ago that was."""
        with self.lock:
            ident = snowflake(self._tick(), len(self.posts))
            canary = "".join(self._rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(12))
            subject, place = self._rng.choice(_SUBJECTS), self._rng.choice(_PLACES)
            text = f"{subject}, by the {place}: {canary}"
            about = None if kind == "post" else snowflake(self._clock - 30 * _HOUR, 7)
            link = note = None
            if kind == "repost":
                text = f"RT @someone: {text}"[:140]
            elif kind == "reply":
                text = f"@someone {text}"
            elif self._rng.random() < 0.3:
                link = f"https://example.com/{place}?for={canary}"
                text += f" https://t.co/{canary[:10]}"
            if long:
                note = f"{text} " + "And so on, at some length. " * 20 + f"The end of {canary}."
                text = note[:279] + "…"
            made = Post([ident], text, kind, about, note, link, canary)
            self.posts.append(made)
            return made

    def edit(self, first: str, text: str) -> None:
        """Change a post's text; X allows it for 30 minutes, here it is always allowed."""
        with self.lock:
            post = self.find(first)
            post.versions.append(snowflake(self._tick(), len(post.versions)))
            post.text, post.note = text, None

    def find(self, ident: str) -> Post:
        """The post that one of its versions' ids names.

        Raises:
            StopIteration: There is none.
        """
        return next(post for post in self.posts if int(ident) in post.versions)

    def delete(self, first: str) -> None:
        """Delete a post with all its versions."""
        with self.lock:
            self.posts.remove(self.find(first))

    def follow(self) -> User:
        """Follow somebody new, now."""
        with self.lock:
            self._serial += 1
            number = 10_000_000 + self._rng.randrange(10**9)
            made = User(
                str(number),
                f"walker{number}",
                f"{self._rng.choice(_PLACES).title()} {number % 1000}",
                f"{self._rng.choice(_SUBJECTS)} 🌿" if number % 5 else "",
                1_300_000_000.0 + number % 10**8,
                self._serial,
            )
            self.people[made.id] = made
            self.following.insert(0, made)
            return made

    def unfollow(self, user_id: str) -> None:
        """Follow somebody no longer."""
        with self.lock:
            self.following = [user for user in self.following if user.id != user_id]

    def counts(self) -> tuple[int, int]:
        """How many follows and posts there are, by the profile."""
        with self.lock:
            following, posts = self.quirks.late or (len(self.following), len(self.posts))
            return following + self.miscount, posts + self.miscount

    def let_counts_lag(self) -> None:
        """Let the profile's counts stay as they are until they catch up."""
        with self.lock:
            self.quirks.late = len(self.following), len(self.posts)

    def let_counts_catch_up(self) -> None:
        """Let the profile's counts be up to date."""
        self.quirks.late = None

    def lose_tokens(self) -> None:
        """Make all page tokens given so far unknown."""
        with self.lock:
            self._generation += 1

    def next_token(self, kind: List, below: int | None) -> str | None:
        """The token that a page names; None on the last one, unless a quirk has it otherwise.

        Args:
            kind: Of the list.
            below: The place below which the next page begins; None on the last page.
        """
        if below is not None:
            return self.token(kind, below)
        if self.quirks.endless == "new":
            with self.lock:
                self._turn += 1
                return self.token(kind, 0, self._turn)
        # Nothing is below the place 0.
        return self.token(kind, 0) if self.quirks.endless else None

    def token(self, kind: str, place: int, turn: int = 0) -> str:
        """The token of the page below this place; each turn words it otherwise."""
        raw = place.to_bytes(9, "big") + self._seal(kind, place) + turn.to_bytes(2, "big")
        return base64.b32encode(raw).decode().rstrip("=").lower()

    def place(self, kind: str, token: str) -> int | None:
        """The place that a token names; None when it is not known."""
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except ValueError:
            return None
        place = int.from_bytes(raw[:9], "big")
        return place if raw[9:18] == self._seal(kind, place) else None

    def _seal(self, kind: str, place: int) -> bytes:
        text = f"{self.owner.id}/{kind}/{self._generation}/{place}"
        return hashlib.sha256(text.encode()).digest()[:9]


def account_id(index: int) -> str:
    """X's id of an account."""
    return str(10**18 + 7_919 * (index + 1))


def _kind(number: int) -> Kind:
    if number % 4 == 1:
        return "reply"
    return "quote" if number % 9 == 3 else "post"
