"""What one account holds at a provider for one handler, as a test sees it and changes it.

Each handler's sandbox side gives a `Holding`; the contract suite drives any handler through it.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

#: How an item can be odd: a field that no documentation names, a field left out, a field that is
#: null, and one whose value makes no sense, so that the item cannot be mapped at all.
Oddity = Literal["unknown", "missing", "null", "broken"]


class Holding(Protocol):
    """Items of one kind. Ids are those that records carry as `sourceId`."""

    #: Regular expression of the paths of the requests that serve these items.
    path: str
    #: Whether the provider tells of edits, and the handler follows them.
    tells_edits: bool
    #: Whether items that the handler leaves out can fill a page (`add_noise`).
    has_noise: bool
    #: Whether the provider has a change feed or page tokens that can be lost.
    has_feed: bool

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """The ids that a sync with these options must keep, in the order of the provider's list."""

    def add(self, count: int = 1) -> list[str]:
        """Let so many new items come, where new ones come; their ids."""

    def edit(self, source_id: str) -> None:
        """Change an item in a way that its record shows; each call makes another change."""

    def remove(self, source_id: str) -> None:
        """Take an item away for good."""

    def clear(self) -> None:
        """Take everything away."""

    def add_noise(self, count: int) -> None:
        """Put so many items where new ones come that the handler leaves out."""

    def lose_feed(self) -> None:
        """Make every change cursor and page token given so far too old."""

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """Make an item odd in all answers from now on; None mends it."""

    def sent(self, source_id: str) -> Any:
        """The JSON object that the API last sent for the item; None when it sent none."""

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether a record says what the provider holds of its item now."""

    def idle_requests(self) -> int:
        """The most requests that a sync may take which finds nothing new."""


def months_before(months: int, now: datetime | None = None) -> float:
    """The Unix time so many calendar months before now, as a person means "3 months".

    Args:
        months: How many.
        now: The time, with a zone; default: the clock.
    """
    here = now or datetime.now(UTC)
    year, month = divmod(here.year * 12 + here.month - 1 - months, 12)
    day = min(here.day, calendar.monthrange(year, month + 1)[1])
    return here.replace(year=year, month=month + 1, day=day).timestamp()
