"""Calendars and events as the contract suite sees them."""

from __future__ import annotations

import calendar as months_of
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from sandbox.google.calendar_store import CalendarStore, Stored, holds, order
from sandbox.holding import Oddity

#: Months ahead up to which a sync fetches events, unless it is set otherwise.
_AHEAD = 24
_ROLES = {
    "own": {"owner"},
    "all": {"owner", "writer", "writerWithoutPrivateAccess", "reader"},
}


class CalendarHolding:
    """An account's calendars with their events.

    Args:
        store: What the account holds.
    """

    path = "^/calendar/"
    tells_edits = True
    has_noise = False
    has_feed = True

    def __init__(self, store: CalendarStore) -> None:
        self._store = store

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """Events of the first calendar, the calendars, events of the others."""
        now = datetime.now(UTC)
        back = options.get("backdate", "all")
        since = None if back == "all" else _shifted(now, -int(back))
        until = _shifted(now, _AHEAD)
        roles = _ROLES[options.get("calendars", "own")]
        with self._store.lock:
            calendars = sorted(self._store.calendars.values(), key=lambda c: order(c.id))
            calendars = [c for c in calendars if c.entry["accessRole"] in roles]
            events = [
                [
                    event_key(c, event["id"])
                    for event in c.living()
                    if holds(event, c.zone, since, until)
                ]
                for c in calendars
            ]
        head, *rest = events or [[]]
        return [*head, *map(calendar_key, calendars), *(key for piece in rest for key in piece)]

    def add(self, count: int = 1) -> list[str]:
        """Put events into the primary calendar."""
        made = self._store.add(count)
        primary = self._store.calendar("primary")
        assert primary is not None  # noqa: S101 - it was just added to
        return [event_key(primary, ident) for ident in made]

    def edit(self, source_id: str) -> None:
        """Give an event or a calendar another title; what went with its calendar stays gone."""
        if self._there(source_id):
            self._store.edit(*self.find(source_id))

    def remove(self, source_id: str) -> None:
        """Cancel an event, or take a calendar off the list with all its events."""
        if self._there(source_id):
            self._store.remove(*self.find(source_id))

    def clear(self) -> None:
        """Take all calendars away."""
        self._store.clear()

    def add_noise(self, count: int) -> None:
        """Lists hold nothing that a sync leaves out (`has_noise`)."""
        raise ValueError(f"no list holds what a sync leaves out; {count} items were asked for")

    def lose_feed(self) -> None:
        """Make all sync tokens and page tokens too old."""
        self._store.forget()

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        calendar, event = self.find(source_id)
        if event is None:
            self._store.calendar_oddities.spoil(calendar.id, oddity)
        else:
            self._store.event_oddities.spoil(f"{calendar.id}/{event}", oddity)

    def sent(self, source_id: str) -> Any:
        """The event, or the calendar's entry, as last sent."""
        calendar, event = _ids(source_id)
        if event is None:
            return self._store.calendar_oddities.sent(calendar)
        return self._store.event_oddities.sent(f"{calendar}/{event}")

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Titles are all that changes."""
        calendar_id, event = _ids(record["sourceId"])
        calendar = self._store.calendar(calendar_id)
        if calendar is None:
            return False
        if event is None:
            told = calendar.entry.get("summaryOverride") or calendar.entry["summary"]
        else:
            told = calendar.events.get(event, {}).get("summary")
        return bool(record["name"] == told)

    def idle_requests(self) -> int:
        """One for the list of calendars, and one for each calendar of the person's own."""
        with self._store.lock:
            roles = [c.entry["accessRole"] for c in self._store.calendars.values()]
        return 1 + roles.count("owner")

    def _there(self, source_id: str) -> bool:
        calendar_id, event = _ids(source_id)
        calendar = self._store.calendars.get(calendar_id)
        return calendar is not None and (event is None or event in calendar.events)

    def find(self, source_id: str) -> tuple[Stored, str | None]:
        """The calendar, and the event's id there; None for the calendar itself.

        Raises:
            KeyError: There is no such calendar.
        """
        calendar, event = _ids(source_id)
        return self._store.calendars[calendar], event


def calendar_key(calendar: Stored) -> str:
    """A calendar's `sourceId`."""
    return "calendar:" + quote(calendar.id, safe="@")


def event_key(calendar: Stored, event: str) -> str:
    """An event's `sourceId`."""
    return f"{quote(calendar.id, safe='@')}/{event}"


def _ids(source_id: str) -> tuple[str, str | None]:
    if source_id.startswith("calendar:"):
        return unquote(source_id.removeprefix("calendar:")), None
    calendar, _, event = source_id.partition("/")
    return unquote(calendar), event


def _shifted(now: datetime, months: int) -> float:
    """Unix seconds so many calendar months from now."""
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    day = min(now.day, months_of.monthrange(year, month + 1)[1])
    return now.replace(year=year, month=month + 1, day=day).timestamp()
