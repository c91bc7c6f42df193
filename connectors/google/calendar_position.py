"""Where a calendar sync stands. Pure: JSON in, JSON out.

https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from connectors.google.gmail_position import months_before
from connectors.sdk.records import Position

#: The range moves on with the time, in steps of this length: each costs a whole listing.
_STEP = timedelta(days=28)
#: What is nearly always the same for all calendars, and is kept once for all of them.
_RANGE = ("since", "until", "backdate")
#: The last time of which a second later can be told.
_LAST = datetime(9999, 12, 31, 23, 59, 58, tzinfo=UTC)


def mark(ident: str) -> str:
    """A short stand-in for an id, which may be somebody's address: positions hold none."""
    return hashlib.sha256(ident.encode()).hexdigest()[:16]


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
        seen: Mark of the event that the comparison looked at last; they are looked at in the
            order of their marks.
        failed: It could not be read the last time, so that the others come first.
    """

    since: str | None = None
    until: str = ""
    backdate: str = ""
    sync: str = ""
    page: str | None = None
    check: bool = False
    seen: str = ""
    failed: bool = False

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
        self.sync, self.page = "", None
        self.doubt()

    def doubt(self) -> None:
        """Have the list compared with what is kept, all of it."""
        self.check, self.seen = True, ""

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether an event is in the range, by the rules of `timeMin` and `timeMax`."""
        started = start < moment_of(self.until)
        return started and (self.since is None or end > moment_of(self.since))

    def wider(self, spans: Iterable[tuple[datetime, datetime]]) -> tuple[str | None, str]:
        """The range that holds these events too: its `timeMin` and `timeMax`."""
        since, latest = self.since, moment_of(self.until)
        for start, end in spans:
            if since is not None and end <= moment_of(since):
                since = None
            latest = max(latest, start)
        # `timeMax` is exclusive; there is no second after the end of all time.
        return since, stamp(min(latest, _LAST) + timedelta(seconds=1))

    def to_json(self, common: Mapping[str, Any]) -> dict[str, Any]:
        """What differs from the common range, and from a place as it is made."""
        usual: dict[str, Any] = {item.name: item.default for item in fields(self)}
        usual.update(common)
        return {key: told for key in usual if (told := getattr(self, key)) != usual[key]}


@dataclass(slots=True)
class State:
    """Where a sync stands.

    Args:
        calendars: Each calendar's place, by the mark of its id.
    """

    calendars: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        common, places = position.get("range", {}), position.get("calendars", {})
        return cls({key: Place(**{**common, **place}) for key, place in places.items()})

    def to_json(self) -> Position:
        """The position; it grows with the number of calendars, so it leaves out what it can."""
        ranges = Counter(
            tuple(getattr(place, key) for key in _RANGE) for place in self.calendars.values()
        )
        common = {
            key: value
            for usual, _ in ranges.most_common(1)
            for key, value in zip(_RANGE, usual, strict=True)
        }
        places = {key: place.to_json(common) for key, place in self.calendars.items()}
        return {"range": common, "calendars": places}

    def place(self, calendar_id: str) -> Place:
        """A calendar's place, a new one for a new calendar."""
        return self.calendars.setdefault(mark(calendar_id), Place())


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
