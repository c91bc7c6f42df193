"""Events as the Calendar API tells them, made from a seed.

https://developers.google.com/workspace/calendar/api/v3/reference/events#resource
https://developers.google.com/workspace/calendar/api/guides/recurringevents
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

#: Zones whose offsets are no whole hours, or change at odd times.
ZONES = (
    "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Europe/Berlin", "UTC",
    "Australia/Lord_Howe",
)  # fmt: skip
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_TITLES = (
    "Budget review", "Dentist", "Chess club", "Call with the architect", "Choir rehearsal",
    "Parents' evening", "Träningspass 🏋", "歯医者", "Lunch", "Reading group",
)  # fmt: skip
_PLACES = ("Room 4, second floor", "Café Königsplatz", "Kathmandu, Thamel Marg 7")
_HOURS = (7, 9, 11, 14, 18, 23)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where events are made.

    Args:
        calendar: Id of the calendar.
        owner: Address of the person.
        zone: The calendar's zone.
        newest: Unix time in seconds that all dates are relative to.
        key: Decides ids and texts.
    """

    calendar: str
    owner: str
    zone: str
    newest: float
    key: str

    def day(self, offset: int) -> date:
        """The day so many days after the newest."""
        return datetime.fromtimestamp(self.newest, UTC).date() + timedelta(days=offset)

    def rng(self, number: int) -> random.Random:
        """Randomness of one event."""
        return random.Random(f"{self.key}/{self.calendar}/{number}")


def plain(scene: Scene, number: int, day: int, kind: int) -> Json:
    """A single event; `kind` decides what is special about it.

    Args:
        scene: Where.
        number: Number of the event in its calendar; decides its id.
        day: When, in days after the newest.
        kind: 1 all-day, 2 tentative with a conference, 3 over several days, 5 with attachments;
            the others have attendees.
    """
    rng = scene.rng(number)
    event = _base(scene, number, rng, day)
    zone = ZONES[number % len(ZONES)]
    begin, length = rng.choice(_HOURS), timedelta(minutes=rng.choice((30, 45, 60, 90)))
    match kind:
        case 1:
            event |= _whole_days(scene.day(day), 1)
            return event
        case 2:
            event |= {"status": "tentative", "conferenceData": _conference(rng)}
        case 3:
            event |= _whole_days(scene.day(day), 4)
            return event
        case 5:
            event["attachments"] = [_attachment(rng)]
        case _:
            event["attendees"] = _attendees(scene, rng)
    event |= _timed(scene, scene.day(day), time(begin, 15), zone, length)
    return event


def series(
    scene: Scene, number: int, day: int, every: int, count: int, *, endless: bool
) -> list[Json]:
    """The instances of a recurring event, which keep their local time over changes of the clock.

    Args:
        scene: Where.
        number: Number of the event in its calendar.
        day: First day, in days after the newest.
        every: Days between instances.
        count: How many instances.
        endless: The rule has no end; Google's own limit on expanding such is not documented.
    """
    rng = scene.rng(number)
    base = _base(scene, number, rng, day)
    zone = ("Europe/Berlin", "America/St_Johns", "Pacific/Chatham")[number % 3]
    made = []
    for turn in range(count):
        on = scene.day(day + turn * every)
        times = _timed(scene, on, time(9), zone, timedelta(hours=1))
        start = datetime.fromisoformat(times["start"]["dateTime"]).astimezone(UTC)
        made.append(
            {
                **base,
                **times,
                "id": f"{base['id']}_{start:%Y%m%dT%H%M%SZ}",
                "recurringEventId": base["id"],
                "originalStartTime": times["start"],
            }
        )
    if not endless and len(made) > 2:
        # An exception: this one was moved to the afternoon.
        on = scene.day(day + every)
        made[1] |= _timed(scene, on, time(16, 30), zone, timedelta(hours=1))
    return made


def cancelled(event: Json) -> Json:
    """What is told of an event that was taken away: its id, and which instance it was."""
    stub: Json = {"kind": "calendar#event", "id": event["id"], "status": "cancelled"}
    kept = ("etag", "recurringEventId", "originalStartTime")
    return stub | {key: event[key] for key in kept if key in event}


def changed(event: Json, turn: int) -> Json:
    """The event with another title."""
    at = datetime.fromisoformat(event["updated"]) + timedelta(seconds=1)
    title = f"{event.get('summary', 'Event').split(' (moved')[0]} (moved {turn})"
    return {**event, "summary": title, "updated": _stamp(at), "etag": f'"{turn}{event["id"][:8]}"'}


def span(event: Json, zone: str) -> tuple[float, float]:
    """When an event begins and ends, Unix seconds; whole days are those of the zone."""
    return _seconds(event["start"], zone), _seconds(event["end"], zone)


def _seconds(value: Json, zone: str) -> float:
    if "dateTime" in value:
        return datetime.fromisoformat(value["dateTime"]).timestamp()
    day = date.fromisoformat(value["date"])
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()


def made_id(text: str, length: int = 26) -> str:
    """An id of the letters that Google's events have (base32hex)."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return "".join(_DIGITS[(number >> (5 * n)) & 31] for n in range(length))


def _base(scene: Scene, number: int, rng: random.Random, day: int) -> Json:
    ident = made_id(f"{scene.key}/{scene.calendar}/{number}")
    made = datetime.fromtimestamp(scene.newest, UTC) - timedelta(days=max(3, 3 - day), minutes=7)
    person = {"email": scene.owner, "self": True}
    return {
        "kind": "calendar#event",
        "etag": f'"{rng.randrange(10**15)}"',
        "id": ident,
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={ident}",
        "created": _stamp(made),
        "updated": _stamp(made + timedelta(minutes=rng.randrange(600))),
        "summary": rng.choice(_TITLES),
        "description": f"What was agreed: <b>{rng.choice(_TITLES).lower()}</b> first.",
        "location": rng.choice(_PLACES),
        "creator": person,
        "organizer": person,
        "iCalUID": f"{ident}@google.com",
        "sequence": rng.randrange(4),
        "reminders": {"useDefault": True},
        "eventType": "default",
    }


def _timed(scene: Scene, day: date, at: time, zone: str, length: timedelta) -> Json:
    """Times in the calendar's zone, as answers have them, with the event's own zone by name."""
    start = datetime.combine(day, at, ZoneInfo(zone))
    here = ZoneInfo(scene.zone)
    return {
        key: {"dateTime": moment.astimezone(here).isoformat(), "timeZone": zone}
        for key, moment in (("start", start), ("end", start + length))
    }


def _whole_days(day: date, days: int) -> Json:
    end = day + timedelta(days=days)
    return {
        "start": {"date": day.isoformat()},
        "end": {"date": end.isoformat()},
        "transparency": "transparent",
    }


def _attendees(scene: Scene, rng: random.Random) -> list[Json]:
    def people() -> Iterator[Json]:
        yield {"email": scene.owner, "self": True, "organizer": True, "responseStatus": "accepted"}
        for name in rng.sample(("Noor", "Ilse", "Tomás", "Wanjiru"), 2):
            address = f"{made_id(name, 6)}@example.org"
            yield {"email": address, "displayName": name, "responseStatus": "needsAction"}
        # A person whom only a profile stands for.
        yield {"id": str(rng.randrange(10**20)), "displayName": "Guest", "optional": True}

    return list(people())


def _conference(rng: random.Random) -> Json:
    code = f"{made_id(str(rng.random()), 3)}-xyzw-abc"
    return {
        "conferenceId": code,
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
        "entryPoints": [{"entryPointType": "video", "uri": f"https://meet.google.com/{code}"}],
    }


def _attachment(rng: random.Random) -> Json:
    ident = made_id(str(rng.random()), 20)
    return {
        "fileUrl": f"https://drive.google.com/open?id={ident}",
        "title": "Agenda.pdf",
        "mimeType": "application/pdf",
        "iconLink": "https://drive-thirdparty.googleusercontent.com/16/type/application/pdf",
        "fileId": ident,
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
