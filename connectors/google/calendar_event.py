"""Calendars and events of Google to the fields of `Calendar` and `Event`. Pure.

https://developers.google.com/workspace/calendar/api/v3/reference/calendarList#resource
https://developers.google.com/workspace/calendar/api/v3/reference/events#resource
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from connectors.google.calendar_times import moment, standard_offset
from connectors.sdk.records import Json, iso
from connectors.sdk.schemas.event import is_email

NO_TITLE = "(No title)"
#: Google does not tell when a calendar was made; a record follows from its item alone, so that the
#: clock is no way out.
_UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)
_CALENDAR = "calendar:"
_STATUSES = ("confirmed", "tentative", "cancelled")
_ATTACHMENT = ("fileUrl", "title", "mimeType", "iconLink", "fileId")


def calendar_key(calendar_id: str) -> str:
    """`sourceId` of a calendar. No event's begins like it: colons are escaped there."""
    return _CALENDAR + quote(calendar_id, safe="@")


def events_prefix(calendar_id: str) -> str:
    """What the `sourceId` of all its events begins with."""
    return quote(calendar_id, safe="@") + "/"


def event_key(calendar_id: str, event_id: str) -> str:
    """`sourceId` of an event: its id is unique within its calendar only."""
    return events_prefix(calendar_id) + event_id


def ids_of(source_id: str) -> tuple[str, str | None]:
    """The ids of the calendar and of the event that a `sourceId` stands for."""
    if source_id.startswith(_CALENDAR):
        return unquote(source_id.removeprefix(_CALENDAR)), None
    calendar, _, event = source_id.partition("/")
    return unquote(calendar), event


def calendar_fields(entry: Json) -> dict[str, Any]:
    """The base fields `name` and `inserted_at`, and all of the `Calendar` schema's own.

    A calendar has no day that would decide its offset: it is the one outside of summer time.

    Raises:
        TypeError: The name of its zone is none.
    """
    zone = entry.get("timeZone")
    if zone is not None and not isinstance(zone, str):
        raise TypeError("a zone's name is no text")
    name = _text(entry.get("summaryOverride")) or _text(entry.get("summary"))
    return {
        "name": name or entry["id"],
        "inserted_at": iso(_UNTOLD),
        "description": _text(entry.get("description")),
        "location": _text(entry.get("location")),
        "timezone": standard_offset(zone),
        "timeZone": zone or None,
    }


def event_fields(event: Json, *, calendar: str, zone: str | None) -> dict[str, Any]:
    """The base fields `name`, `inserted_at`, `uri`, and all of the `Event` schema's own.

    Args:
        event: As the API sent it.
        calendar: `_id` of its calendar's record.
        zone: IANA name of the calendar's zone, when told.

    Raises:
        Exception: When it begins or ends makes no sense.
    """
    start = moment(event["start"], zone)
    end = moment(event["end"], zone) if event.get("end") else None
    status = event.get("status") or "confirmed"
    conference = event.get("conferenceData")
    updated = _time(event.get("updated"))
    return {
        "name": _text(event.get("summary")) or NO_TITLE,
        "inserted_at": _time(event.get("created")) or updated or iso(start.at),
        "modifiedAt": updated,
        "uri": _text(event.get("htmlLink")),
        "status": status if status in _STATUSES else None,
        "description": _text(event.get("description")),
        "calendarId": calendar,
        "location": _text(event.get("location")),
        "creator": _person(event.get("creator")),
        "organizer": _person(event.get("organizer")),
        "start": start.to_json(),
        "end": end.to_json() if end else None,
        "startAt": iso(start.at),
        "allDay": start.day is not None,
        "attendees": [p for a in _list(event.get("attendees")) if (p := _person(a))] or None,
        "conferenceData": conference if isinstance(conference, dict) else None,
        "attachments": [_attachment(a) for a in _list(event.get("attachments"))] or None,
    }


def span(event: Json, zone: str | None) -> tuple[datetime, datetime] | None:
    """When an event begins and ends, in UTC; None for one that tells no sensible times."""
    try:
        start = moment(event["start"], zone).at
        end = moment(event["end"], zone).at if event.get("end") else start
        return start.astimezone(UTC), end.astimezone(UTC)
    except Exception:
        # Whatever is odd about one event must not stop the others.
        return None


def _person(value: Any) -> dict[str, str] | None:
    """A person of the common schema, which demands an address; None without a usable one."""
    if not isinstance(value, dict) or not is_email(value.get("email")):
        return None
    name = _text(value.get("displayName"))
    return {"email": value["email"], **({"displayName": name} if name else {})}


def _attachment(value: Json) -> dict[str, str]:
    return {key: text for key in _ATTACHMENT if (text := _text(value.get(key)))}


def _list(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: Any) -> str | None:
    """A time stamp as records have it; None for nonsense, such as the year 0."""
    try:
        return iso(datetime.fromisoformat(value))
    except (TypeError, ValueError, OverflowError):
        return None
