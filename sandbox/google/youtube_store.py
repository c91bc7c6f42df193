"""What an account has at YouTube: subscriptions, likes, uploads."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from dataclasses import dataclass, field
from typing import Literal

from sandbox.google.youtube_items import (
    Placeholder,
    Subscription,
    Video,
    new_subscription,
    new_video,
    text_id,
)
from sandbox.oddities import Oddities

Kind = Literal["subscriptions", "likes", "uploads"]
KINDS: tuple[Kind, ...] = ("subscriptions", "likes", "uploads")

_HOUR = 3600.0


@dataclass(slots=True)
class Project:
    """The Cloud project, whose units all accounts share.

    Args:
        daily_units: What may be spent; None for as much as one likes. A test begins a new day by
            setting `spent` to 0.
        spent: What was spent, refused requests included.
    """

    daily_units: int | None = None
    spent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self) -> bool:
        """Spend a unit; whether it was there."""
        with self.lock:
            self.spent += 1
            return self.daily_units is None or self.spent <= self.daily_units


class Studio:
    """One account's YouTube. Lists are newest first; safe to use from several threads.

    Args:
        seed: Decides all that it holds, with `index`.
        index: Number of the account.
        name: What the person's channel is called.
        items: How many subscriptions, likes and uploads it starts with, each.
        newest: When the newest of them came, Unix seconds.
        remember: Whether to keep what was sent.
    """

    def __init__(
        self, seed: int, index: int, name: str, items: int, newest: float, *, remember: bool
    ) -> None:
        self.lock = threading.RLock()
        self._rng = random.Random(f"youtube/{seed}/{index}")
        self._clock = newest
        self.channel = text_id(self._rng, 24, "UC")
        self.title = name
        #: The playlist of uploads.
        self.playlist = "UU" + self.channel[2:]
        #: Whether the account has a channel, and whether the playlist of uploads answers.
        self.has_channel = self.has_playlist = True
        self.subscriptions: list[Subscription] = []
        self.likes: list[Video] = []
        self.uploads: list[Video] = []
        #: Others' videos, which go on whether liked or not.
        self.catalogue: dict[str, Video] = {}
        #: The page size last asked for.
        self.sizes: dict[Kind, int] = dict.fromkeys(KINDS, 50)
        self._generation: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self.oddities = {
            kind: Oddities(optional="contentDetails", essential="snippet", remember=remember)
            for kind in KINDS
        }
        self._clock -= items * _HOUR + 60.0
        for number in range(items):
            self._clock += _HOUR
            self._add_all(number, items)

    def add(self, kind: Kind) -> str:
        """Follow another channel, like another video, upload another; its id."""
        with self.lock:
            self._clock += 60.0
            if kind == "subscriptions":
                made = new_subscription(self._rng, self._clock)
                self.subscriptions.insert(0, made)
                return made.id
            if kind == "likes":
                liked = new_video(self._rng, self._clock - _HOUR)
                self.catalogue[liked.id] = liked
                self.likes.insert(0, liked)
                return liked.id
            return self._upload().id

    def like(self, video_id: str) -> None:
        """Like a video, now: one that is liked already comes to the head again."""
        with self.lock:
            self.unlike(video_id)
            self.likes.insert(0, self.catalogue[video_id])

    def unlike(self, video_id: str) -> None:
        """Take a like back."""
        with self.lock:
            self.likes = [video for video in self.likes if video.id != video_id]

    def unsubscribe(self, subscription_id: str) -> None:
        """Stop following a channel."""
        with self.lock:
            self.subscriptions = [s for s in self.subscriptions if s.id != subscription_id]

    def delete(self, video_id: str) -> None:
        """Delete an upload; nothing stays in its place."""
        with self.lock:
            self.uploads = [video for video in self.uploads if video.id != video_id]

    def blank(self, video_id: str) -> None:
        """Delete an upload; a placeholder stays in its place."""
        with self.lock:
            next(video for video in self.uploads if video.id == video_id).gone = "Deleted video"

    def add_placeholder(self, title: Placeholder, place: int = 0) -> str:
        """Put something that is gone into the playlist of uploads; its id."""
        with self.lock:
            video = self._upload(place)
            video.gone = title
            return video.id

    def clear(self, kind: Kind) -> None:
        """Take everything of a kind away."""
        with self.lock:
            getattr(self, kind).clear()

    def lose_tokens(self, kind: Kind) -> None:
        """Make the page tokens given so far unknown."""
        with self.lock:
            self._generation[kind] += 1

    def token(self, kind: Kind, offset: int) -> str:
        """The token of the page that begins at this place."""
        return base64.urlsafe_b64encode(
            offset.to_bytes(3, "big") + self._seal(kind, offset)
        ).decode()

    def offset(self, kind: Kind, token: str) -> int | None:
        """The place that a page token names; None when it is not known."""
        try:
            raw = base64.urlsafe_b64decode(token)
        except ValueError:
            return None
        offset = int.from_bytes(raw[:3], "big")
        return offset if raw[3:] == self._seal(kind, offset) else None

    def _seal(self, kind: Kind, offset: int) -> bytes:
        text = f"{self.channel}/{kind}/{self._generation[kind]}/{offset}"
        return hashlib.sha256(text.encode()).digest()[:9]

    def _upload(self, place: int = 0) -> Video:
        video = new_video(self._rng, self._clock, (self.channel, self.title))
        self.uploads.insert(place, video)
        return video

    def _add_all(self, number: int, items: int) -> None:
        for kind in KINDS:
            self.add(kind)
            self._clock -= 60.0
        if number % 9 == 4:
            self.uploads[0].privacy = "private" if number % 2 else "unlisted"
        if number == items // 2:
            for title in ("Private video", "Deleted video"):
                self.add_placeholder(title)
