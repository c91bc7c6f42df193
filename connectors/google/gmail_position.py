"""Where a Gmail sync stands. Pure: JSON in, JSON out."""

from __future__ import annotations

import calendar
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Self

from connectors.sdk.records import Position

_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Backfill:
    """The listing of the mailbox, newest first, and how far it has come.

    Args:
        page: Token of the page to list next; None for the first.
        since: Unix time in seconds that it reaches back to; None for all there is.
        before: Unix time in seconds after which an earlier backfill has seen everything.
        check: The labels of what is kept are compared on the way, because history was lost.
        shifted: Messages left the list meanwhile, so that pages moved and may have skipped some.
        ended: The last page has been seen.
        done: Nothing is left to do.
    """

    page: str | None = None
    since: int | None = None
    before: int | None = None
    check: bool = False
    shifted: bool = False
    ended: bool = False
    done: bool = False

    @property
    def begun(self) -> bool:
        """Whether it is under way, past its first page."""
        return not self.done and (self.ended or self.page is not None)

    @property
    def query(self) -> str | None:
        """What the list is searched by (Gmail's `q`)."""
        terms = {"after": self.since, "before": self.before}
        return " ".join(f"{k}:{v}" for k, v in terms.items() if v is not None) or None

    def turned(self, next_page: str | None) -> Backfill:
        """After a page has been seen to."""
        return replace(self, page=next_page, ended=next_page is None)

    def closed(self) -> Backfill:
        """After the last page: done, or from the start once more when pages had moved."""
        if self.shifted:
            return Backfill(since=self.since, before=self.before)
        return Backfill(since=self.since, done=True)

    def reaching(self, since: int | None) -> Backfill:
        """After the person chose another range; what is narrower than before fetches nothing."""
        if not self.done:
            return Backfill(since=since, before=self.before, check=self.check)
        if self.since is None or (since is not None and since >= self.since):
            return self
        return Backfill(since=since, before=self.since + _DAY)


@dataclass(slots=True)
class State:
    """Where a sync stands.

    Args:
        history: The `historyId` up to which all changes are kept; "" at the start.
        backdate: The option's value that `backfill.since` was made from.
        backfill: The listing.
        total: Messages in the mailbox, as the profile told.
    """

    history: str = ""
    backdate: str = ""
    backfill: Backfill = field(default_factory=Backfill)
    total: int | None = None

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        values = dict(position)
        backfill = Backfill(**values.pop("backfill", {}))
        return cls(**values, backfill=backfill)

    def to_json(self) -> Position:
        """The position."""
        return asdict(self)

    def choose(self, backdate: str, now: datetime) -> None:
        """Take up the person's choice of how far back to go, where it has changed."""
        if backdate == self.backdate:
            return
        since = months_before(now, backdate)
        if self.backdate:
            self.backfill = self.backfill.reaching(since)
        else:
            self.backfill = Backfill(since=since)
        self.backdate = backdate


def months_before(now: datetime, months: str) -> int | None:
    """The Unix time so many calendar months before; None for `all`."""
    if months == "all":
        return None
    year, month = divmod(now.year * 12 + now.month - 1 - int(months), 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return int(now.replace(year=year, month=month + 1, day=day).timestamp())
