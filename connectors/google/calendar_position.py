"""Where a calendar sync stands. Pure: JSON in, JSON out.

https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from connectors.google.gmail_position import months_before
from connectors.sdk.records import Position

#: The range moves on with the time, in steps of this length: each costs a whole listing.
_STEP = timedelta(days=28)


@dataclass(slots=True)
class Place:
    """Where the sync of one calendar stands.

    Args:
        since: Events that end after this are listed (RFC 3339); None for all there are.
        until: Events that start before this are listed (RFC 3339).
        backdate: The option's value that `since` was last compared with.
        sync: Google's sync token; "" while the calendar is being listed.
        page: Token of the page to read next; None for the first.
        check: The list has to be compared with what is kept.
    """

    since: str | None = None
    until: str = ""
    backdate: str = ""
    sync: str = ""
    page: str | None = None
    check: bool = False

    def choose(self, backdate: str, months_ahead: int, now: datetime) -> None:
        """Take up how far back and ahead to go; a range that grew has to be listed as a whole.

        The documentation does not say whether a sync token tells of events outside the range that
        was listed. So the old token is not trusted with a wider range.

        Args:
            backdate: Months back, or `all`.
            months_ahead: Months ahead.
            now: The time, with a zone.
        """
        until = after(now, months_ahead)
        if not self.until:
            self.since, self.until = before(now, backdate), stamp(until)
        if backdate != self.backdate:
            since = before(now, backdate)
            if self.since is not None and (since is None or since < self.since):
                self.since = since
                self.restart()
            self.backdate = backdate
        if until - moment_of(self.until) >= _STEP:
            self.until = stamp(until)
            self.restart()

    def restart(self) -> None:
        """List the calendar from the start again, and look for what went away meanwhile."""
        self.sync, self.page, self.check = "", None, True

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether an event is in the range, by the rules of `timeMin` and `timeMax`."""
        started = start < moment_of(self.until)
        return started and (self.since is None or end > moment_of(self.since))


@dataclass(slots=True)
class State:
    """Where a sync stands.

    Args:
        calendars: Each calendar's place, by its id.
    """

    calendars: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        return cls({key: Place(**value) for key, value in position.get("calendars", {}).items()})

    def to_json(self) -> Position:
        """The position."""
        return {"calendars": {key: asdict(place) for key, place in self.calendars.items()}}


def before(now: datetime, months: str) -> str | None:
    """The time so many calendar months ago; None for `all`."""
    seconds = months_before(now, months)
    return None if seconds is None else stamp(datetime.fromtimestamp(seconds, UTC))


def after(now: datetime, months: int) -> datetime:
    """The time so many calendar months ahead."""
    return datetime.fromtimestamp(months_before(now, str(-months)) or 0, UTC)


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, to the second; Google ignores what is finer."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The time of a stamp."""
    return datetime.fromisoformat(text)
