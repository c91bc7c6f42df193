"""Where a sync of posts stands. Pure: JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from connectors.sdk.records import Position
from connectors.twitter.fields import made_at


@dataclass(slots=True)
class Gap:
    """Newer posts that a run has begun to fetch, newest first.

    Args:
        since: The newest post that was known before; None for none.
        until: The oldest that the run has fetched.
    """

    since: str | None
    until: str | None


@dataclass(slots=True)
class Walk:
    """A reading of all posts from the newest to the oldest: the first one, and later ones.

    Args:
        until: The oldest post that it has come to; None before its first page.
        seen: How many posts it has seen.
        owed: How many kept posts are to be found gone, after which it may end; None to read all.
        found: How many were found gone.
    """

    until: str | None = None
    seen: int = 0
    owed: int | None = None
    found: int = 0


@dataclass(slots=True)
class State:
    """Where a sync stands. Its size does not depend on the number of posts.

    Args:
        kinds: Which posts are kept besides the person's own words: `replies`, `reposts`.
        newest: Id of the newest post seen; None for none.
        gap: What of the newer posts is still to be fetched.
        walk: The reading that is under way.
        accounted: How many posts the profile should tell of, by what is known; None: not known.
        told: How many it told of last.
        fresh: How many posts that came just now were seen since its count was last looked at.
        anew: Whether all posts are to be read again, since more of them are wanted than were. It
            stays until that reading begins, however often a run is cut before it.
        whole: When all posts were last read, ISO 8601; "" for never.
        vain: When a reading was last begun for a count that told nothing; "" for never.
    """

    kinds: list[str] = field(default_factory=list)
    newest: str | None = None
    gap: Gap | None = None
    walk: Walk | None = None
    accounted: int | None = None
    told: int | None = None
    fresh: int = 0
    anew: bool = False
    whole: str = ""
    vain: str = ""

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        values: dict[str, Any] = dict(position)
        gap, walk = values.pop("gap", None), values.pop("walk", None)
        return cls(**values, gap=Gap(**gap) if gap else None, walk=Walk(**walk) if walk else None)

    def to_json(self) -> Position:
        """The position."""
        return asdict(self)

    def begin(self, told: int | None, owed: int | None = None) -> None:
        """Begin to read all posts.

        Args:
            told: How many there are, by the profile, right now.
            owed: See `Walk`.
        """
        self.walk = Walk(owed=owed)
        self.accounted = self.told = told
        self.fresh = 0

    def want(self, kinds: list[str]) -> None:
        """Keep these kinds from now on; what was left out so far is further down.

        Args:
            kinds: See above.
        """
        self.anew |= not set(kinds) <= set(self.kinds)
        self.kinds = kinds

    def came(self, ids: Sequence[int], just_now: datetime) -> None:
        """Take note of new posts.

        Args:
            ids: Those that they were posted with.
            just_now: The profile's count may be without those that came after this time.
        """
        self.fresh += sum(made_at(key) > just_now for key in ids)
        if self.accounted is not None:
            self.accounted += len(ids)

    def missing(self, told: int | None) -> int:
        """How many posts went, or came without the profile's count telling yet.

        Args:
            told: How many there are, by the profile, right now.
        """
        if told is None or self.accounted is None or self.told is None:
            return 0
        return max(0, max(self.accounted, self.told) - told)


def recent(when: str, now: datetime, age: timedelta) -> bool:
    """Whether a time (ISO 8601, "" for never) is no longer ago than that."""
    return bool(when) and now - datetime.fromisoformat(when) < age
