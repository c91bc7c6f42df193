"""A provider's quota as data, and the budget that keeps a sync within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Quota:
    """What one account may spend.

    Args:
        units: Units allowed in any window.
        seconds: Length of the window.
        costs: Units that a call of each method costs, such as `{"messages.get": 20}`.
        daily: IANA name of the zone at whose midnight the units come back, for a quota by the
            calendar day, which all accounts of the project share; `seconds` then counts for
            nothing.
        name: What people call the quota, for messages.
    """

    units: int
    seconds: float
    costs: Mapping[str, int]
    daily: str | None = None
    name: str = "the account's quota"

    @property
    def spent_message(self) -> str:
        """What a person reads when there is nothing left."""
        if self.daily:
            place = self.daily.rpartition("/")[2].replace("_", " ")
            return f"{self.name} for today is used up; the sync goes on after midnight in {place}"
        return f"{self.name} is used up for now"

    def cost(self, method: str, calls: int = 1) -> int:
        """Units for so many calls of the method; one unit each when the table has no entry."""
        return self.costs.get(method, 1) * calls

    def fit(self, method: str, most: int) -> int:
        """How many calls of the method to send at once, at most: a tenth of a window's worth.

        Spending in small pieces keeps a sync at its quota: a piece as large as the window would
        wait for the window to be empty.
        """
        return max(1, min(most, int(self.units / 10) // max(1, self.cost(method))))


def until_midnight(zone: str, now: datetime | None = None) -> float:
    """Seconds until the next midnight of a zone, by its IANA name; changes of its offset count.

    Args:
        zone: Such as `America/Los_Angeles`.
        now: The time, with a zone; default: the clock.
    """
    place = ZoneInfo(zone)
    here = (now or datetime.now(UTC)).astimezone(place)
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), place)
    return (midnight.astimezone(UTC) - here.astimezone(UTC)).total_seconds()


class Budget(Protocol):
    """What is left of a quota, shared by all workers."""

    @property
    def message(self) -> str:
        """What a person reads when there is nothing left."""

    def take(self, units: int) -> float:
        """Spend units if they are there.

        Returns:
            0 when they were spent; else the seconds after which to ask again.
        """

    def block(self, seconds: float) -> None:
        """Let nothing be spent for so many seconds: the provider asked to wait."""

    def block_all(self, seconds: float) -> None:
        """The same for all accounts of the provider, at all of its services."""

    def refused(self, units: int) -> None:
        """Give back units that the provider refused, and learn from it what it grants."""


class Unlimited:
    """The budget of a provider that states no quota; it still honours `block`."""

    def __init__(self, now: Clock) -> None:
        self.message = "the provider asked to wait"
        self._now = now
        self._until = 0.0

    def take(self, units: int) -> float:  # noqa: ARG002 - nothing is counted
        """Seconds until the block ends, 0 when there is none."""
        return max(0.0, self._until - self._now())

    def block(self, seconds: float) -> None:
        """Wait at least so long before the next call."""
        self._until = max(self._until, self._now() + seconds)

    def block_all(self, seconds: float) -> None:
        """As `block`: nothing is shared with other accounts."""
        self.block(seconds)

    def refused(self, units: int) -> None:
        """Nothing is counted, so there is nothing to learn."""


class Clock(Protocol):
    """Seconds of a clock that only grows, or of the wall; callers say which."""

    def __call__(self) -> float:
        """The time in seconds."""
