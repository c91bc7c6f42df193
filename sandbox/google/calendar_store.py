"""An account's calendars and their events, with what changed when.

https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.google.calendar_events import (
    Json,
    Scene,
    cancelled,
    changed,
    made_id,
    plain,
    series,
    span,
)
from sandbox.oddities import Oddities
from sandbox.options import SandboxOptions
from sandbox.people import Person

#: Days before the newest near which months end, as a sync counts them from its own now: nothing
#: lies there.
_EDGES = (30, 90, 183, 365)
_LANDS = ("np", "no", "nz", "de", "ca")


@dataclass(slots=True)
class Stored:
    """A calendar.

    Args:
        entry: Its entry in the person's list.
        events: Events by id; cancelled ones too.
        changes: The number of each event's last change, by id.
        barred: It is in the list, yet its events are not to be read.
        denied: They are refused with a reason that the documentation does not name.
        born: The store's clock when it was made: one that comes again is another one.
    """

    entry: Json
    events: dict[str, Json] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    barred: bool = False
    denied: bool = False
    born: int = 0

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.entry["id"])

    @property
    def zone(self) -> str:
        """Its zone."""
        return str(self.entry["timeZone"])

    def living(self) -> list[Json]:
        """Its events in the order of lists, which is no order of time."""
        found = (event for event in self.events.values() if event["status"] != "cancelled")
        return sorted(found, key=lambda event: order(event["id"]))


def order(ident: str) -> str:
    """What lists are sorted by: the documentation calls their order unspecified, yet stable."""
    return made_id(ident)


class CalendarStore:
    """Calendars of one account. Safe among threads.

    Args:
        options: How the sandbox is set up.
        index: Number of the account.
        person: Whose account it is.
        newest: Unix time in seconds that dates are relative to.
    """

    def __init__(self, options: SandboxOptions, index: int, person: Person, newest: float) -> None:
        self.lock = threading.RLock()
        self.calendars: dict[str, Stored] = {}
        #: How many changes there were.
        self.clock = 0
        #: Grows when all tokens given so far get too old.
        self.epoch = 0
        remember = options.remember_sent
        self.event_oddities = Oddities(optional="description", essential="start", remember=remember)
        self.calendar_oddities = Oddities(
            optional="description", essential="timeZone", remember=remember
        )
        self._owner = person.email
        self._key = f"{options.seed}/{index}"
        self._land = _LANDS[index % len(_LANDS)]
        self._newest = newest
        self._numbers = 0
        if options.items:
            self._seed(options.items)

    # What it is asked

    def calendar(self, ident: str) -> Stored | None:
        """A calendar by its id, or by `primary`."""
        if ident == "primary":
            return next((c for c in self.calendars.values() if c.entry.get("primary")), None)
        return self.calendars.get(ident)

    # What happens to it

    def add(self, count: int) -> list[str]:
        """Put new events into the primary calendar; their ids there."""
        with self.lock:
            calendar = self.calendar("primary") or self._calendar(self._primary())
            made = []
            for _ in range(count):
                self._numbers += 1
                event = plain(self._scene(calendar), 10_000 + self._numbers, 1, 0)
                self._put(calendar, event)
                made.append(event["id"])
            return made

    def add_calendar(self, name: str, events: int = 1) -> Stored:
        """Make a calendar of the person's own with some events.

        Args:
            name: Its title; decides its id.
            events: How many it has.
        """
        with self.lock:
            self.clock += 1
            ident = f"c_{made_id(f'{self._key}/{name}')}@group.calendar.google.com"
            entry = {"summary": name, "timeZone": "Europe/Berlin", "accessRole": "owner"}
            calendar = self._calendar({"id": ident, **entry})
            for number in range(events):
                self._put(calendar, plain(self._scene(calendar), number, 1, 0))
            return calendar

    def edit(self, calendar: Stored, ident: str | None) -> None:
        """Give an event, or the calendar itself, another title."""
        with self.lock:
            self.clock += 1
            if ident is None:
                name = f"{calendar.entry['summary'].split(' (no')[0]} (no. {self.clock})"
                calendar.entry |= {"summary": name, "etag": f'"{self.clock}"'}
            else:
                self._put(calendar, changed(calendar.events[ident], self.clock))

    def remove(self, calendar: Stored, ident: str | None) -> None:
        """Cancel an event, or take the calendar away."""
        with self.lock:
            self.clock += 1
            if ident is None:
                del self.calendars[calendar.id]
            else:
                self._put(calendar, cancelled(calendar.events[ident]))

    def remove_series(self, calendar: Stored, ident: str, *, told: int) -> None:
        """Cancel all instances of a recurring event, telling sync tokens of so many only.

        Google was seen to do so: https://github.com/googleapis/google-api-ruby-client/issues/860

        Args:
            calendar: Where it is.
            ident: Id of the recurring event itself.
            told: Instances that incremental answers tell of.
        """
        with self.lock:
            mine = [e for e in calendar.events.values() if e.get("recurringEventId") == ident]
            for number, event in enumerate(mine):
                self._put(calendar, cancelled(event), quietly=number >= told)

    def move(self, calendar: Stored, ident: str, days: int) -> None:
        """Make an event a single one that takes a whole day, so many days after the newest."""
        with self.lock:
            day = self._scene(calendar).day(days).isoformat()
            times = {"start": {"date": day}, "end": {"date": day}}
            self._put(calendar, {**changed(calendar.events[ident], self.clock), **times})

    def forget(self) -> None:
        """Make all sync tokens and page tokens given so far too old."""
        with self.lock:
            self.epoch += 1

    def clear(self) -> None:
        """Take everything away."""
        with self.lock:
            self.clock += 1
            self.calendars.clear()

    # How it begins

    def _put(self, calendar: Stored, event: Json, *, quietly: bool = False) -> None:
        calendar.events[event["id"]] = event
        if not quietly:
            self.clock += 1
            calendar.changes[event["id"]] = self.clock

    def _scene(self, calendar: Stored) -> Scene:
        return Scene(calendar.id, self._owner, calendar.zone, self._newest, self._key)

    def _calendar(self, entry: Json) -> Stored:
        full = {
            "kind": "calendar#calendarListEntry",
            "etag": f'"{made_id(self._key + entry["id"], 12)}"',
            "colorId": "14",
            "selected": True,
            "defaultReminders": [],
            **entry,
        }
        self.calendars[entry["id"]] = Stored(full, born=self.clock)
        return self.calendars[entry["id"]]

    def _primary(self) -> Json:
        return {
            "id": self._owner,
            "summary": self._owner,
            "timeZone": "Asia/Kathmandu",
            "accessRole": "owner",
            "primary": True,
        }

    def _others(self) -> Iterator[Json]:
        group = made_id(f"{self._key}/group", 26)
        yield {
            "id": f"c_{group}@group.calendar.google.com",
            "summary": "Allotment",
            "description": "Who waters when.",
            "location": "St. John's",
            "timeZone": "America/St_Johns",
            "accessRole": "owner",
        }
        yield {
            "id": f"en.{self._land}#holiday@group.v.calendar.google.com",
            "summary": "Public holidays",
            "timeZone": "Pacific/Chatham",
            "accessRole": "reader",
        }
        yield {
            "id": f"colleague.{made_id(self._key, 5)}@example.net",
            "summary": "A colleague",
            "summaryOverride": "Robin's week",
            "timeZone": "Europe/Berlin",
            "accessRole": "freeBusyReader",
            "hidden": True,
        }

    def _seed(self, items: int) -> None:
        primary = self._calendar(self._primary())
        group, holidays, colleague = (self._calendar(entry) for entry in self._others())
        rng = random.Random(self._key)
        for number in range(items):
            calendar = group if number % 5 == 4 else primary
            for event in self._event(calendar, number, rng):
                self._put(calendar, event)
        for number in range(items // 5):
            self._put(holidays, plain(self._scene(holidays), number, _free_day(rng), 1))
        self._put(colleague, plain(self._scene(colleague), 0, 2, 0))

    def _event(self, calendar: Stored, number: int, rng: random.Random) -> list[Json]:
        """One event, or a series that stays clear of the edges as well."""
        scene = self._scene(calendar)
        match number % 30:
            case 6:
                return series(scene, number, -21, 7, 6, endless=False)
            case 10:
                # Every fourth week, from now on: 26 or so in two years, and as many after.
                return series(scene, number, 0, 28, 50, endless=True)
            case 14:
                return series(scene, number, -70, 1, 5, endless=False)
        return [plain(scene, number, _free_day(rng), number % 8)]


def _free_day(rng: random.Random) -> int:
    """A day that is near no edge."""
    while True:
        day = rng.randrange(-700, 300)
        # An event may take four days.
        if all(not -edge - 9 <= day <= -edge + 6 for edge in _EDGES):
            return day


def holds(event: Json, zone: str, since: float | None, until: float | None) -> bool:
    """Whether an event is in a range, by the rules of `timeMin` and `timeMax` (Unix seconds)."""
    start, end = span(event, zone)
    return (since is None or end > since) and (until is None or start < until)


def shown(store: CalendarStore, calendar: Stored, event: Json) -> dict[str, Any]:
    """An event as it is sent."""
    key = f"{calendar.id}/{event['id']}"
    return event if event["status"] == "cancelled" else store.event_oddities.send(key, event)
