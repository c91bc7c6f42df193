"""What the records of calendars and events must say, by what the sandbox holds.

Worked out by other means than the handler's: times from Unix seconds, offsets as the C library
writes them. Nothing here looks at a record's `sourceData`.

https://developers.google.com/workspace/calendar/api/v3/reference/events#resource
https://developers.google.com/workspace/calendar/api/v3/reference/calendarList#resource
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.calendar_events import span
from sandbox.google.calendar_holding import CalendarHolding, calendar_key
from sandbox.google.calendar_store import Stored

#: What a record says of the item as a whole, which is compared elsewhere.
_ELSEWHERE = frozenset({"schema", "sourceApplication", "sourceId", "sourceData"})
#: What the sandbox gives an event as records have it.
_AS_SENT = ("description", "location", "status", "conferenceData", "attachments")


def differing(holding: CalendarHolding, connection: str, record: Mapping[str, Any]) -> list[str]:
    """The fields of a calendar's or an event's record that say something else than they must.

    Args:
        holding: What the account holds.
        connection: Id of the connection, which all ids begin with.
        record: As it is kept.
    """
    try:
        calendar, event = holding.find(record["sourceId"])
    except KeyError:
        return ["sourceId"]
    if event is None:
        wanted = _calendar(calendar)
    else:
        wanted = _event(calendar, calendar.events[event], connection)
    wanted |= {
        "_id": f"{connection}:{record['sourceId']}",
        "sourceAccountId": connection.partition(":")[2],
    }
    names = (wanted.keys() | record.keys()) - _ELSEWHERE
    return sorted(name for name in names if wanted.get(name) != record.get(name))


def _calendar(calendar: Stored) -> dict[str, Any]:
    entry, zone = calendar.entry, ZoneInfo(calendar.zone)
    days = (datetime(2025, month, 1, tzinfo=zone) for month in (1, 4, 7, 10))
    return {
        "name": entry.get("summaryOverride") or entry["summary"],
        # Nothing tells when a calendar was made.
        "insertedAt": _stamp(0),
        "description": entry.get("description"),
        "location": entry.get("location"),
        "timezone": _offset(next(day for day in days if not day.dst())),
        "timeZone": calendar.zone,
    }


def _event(calendar: Stored, event: Mapping[str, Any], connection: str) -> dict[str, Any]:
    whole_days = "date" in event["start"]
    begins, ends = span(dict(event), calendar.zone)
    wanted = {name: event.get(name) for name in _AS_SENT} | {
        "name": event["summary"],
        "insertedAt": event["created"],
        "modifiedAt": event["updated"],
        "uri": event["htmlLink"],
        "calendarId": f"{connection}:{calendar_key(calendar)}",
        "creator": {"email": event["creator"]["email"]},
        "organizer": {"email": event["organizer"]["email"]},
        "startAt": _stamp(begins),
        "allDay": whole_days,
    }
    for name, seconds in (("start", begins), ("end", ends)):
        zone = calendar.zone if whole_days else event[name]["timeZone"]
        at = datetime.fromtimestamp(seconds, ZoneInfo(zone))
        day = {"date": event[name]["date"]} if whole_days else {}
        told = {"dateTime": at.isoformat(), "timezone": _offset(at), "timeZone": zone}
        wanted[name] = told | day
    # The common schema knows people by their addresses.
    wanted["attendees"] = [
        {key: guest[key] for key in ("email", "displayName") if key in guest}
        for guest in event.get("attendees", ())
        if "email" in guest
    ] or None
    return wanted


def _stamp(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _offset(at: datetime) -> str:
    text = at.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
