"""Days, times and time zones of Google Calendar. Pure.

A timed event has a `dateTime` with an offset and may have a `timeZone` of its own; an all-day
event has a `date` alone, which begins at midnight wherever its calendar is.

https://developers.google.com/workspace/calendar/api/v3/reference/events#resource
https://developers.google.com/workspace/calendar/api/concepts/events-calendars#calendar_and_event_time_zones
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: A year to tell a zone's offsets of winter and summer by.
_YEAR = 2026


@dataclass(frozen=True, slots=True)
class Moment:
    """When an event begins or ends.

    Args:
        at: The time, in the event's own zone where that is known.
        zone: The zone's name as Google tells it; None when it tells none.
        day: The day of an all-day event.
    """

    at: datetime
    zone: str | None
    day: date | None = None

    def to_json(self) -> dict[str, str]:
        """The form that the `Event` schema has; the offset is that of the day itself."""
        found = {"dateTime": self.at.isoformat(), "timezone": offset(self.at)}
        if self.zone:
            found["timeZone"] = self.zone
        if self.day:
            found["date"] = self.day.isoformat()
        return found


def moment(value: Any, calendar_zone: str | None) -> Moment:
    """Read a `start` or an `end`.

    Args:
        value: As the API sent it.
        calendar_zone: IANA name of the calendar's zone; counts where the event has none.

    Raises:
        ValueError: It names no time.
        TypeError: It is no such object at all.
    """
    if not isinstance(value, dict):
        raise TypeError("a time of an event is no object")
    told = value.get("timeZone")
    own = told if isinstance(told, str) and told else None
    if value.get("dateTime"):
        at = datetime.fromisoformat(value["dateTime"])
        zone = zone_of(own or calendar_zone)
        if at.tzinfo is None:
            return Moment(at.replace(tzinfo=zone or UTC), own or calendar_zone)
        return Moment(at.astimezone(zone) if zone else at, own or calendar_zone)
    day = date.fromisoformat(value["date"]) if value.get("date") else None
    if day is None:
        raise ValueError("a time of an event has neither dateTime nor date")
    name = calendar_zone or own
    return Moment(datetime.combine(day, time(), zone_of(name) or UTC), name, day)


def offset(at: datetime) -> str:
    """Offset from UTC as `+05:45`; seconds, which zones had long ago, are left out."""
    shift = at.utcoffset() or timedelta()
    minutes = int(abs(shift).total_seconds()) // 60
    return f"{'-' if shift < timedelta() and minutes else '+'}{minutes // 60:02}:{minutes % 60:02}"


def standard_offset(zone: str | None) -> str:
    """A zone's offset outside of summer time; `+00:00` for one that is unknown."""
    place = zone_of(zone)
    if place is None:
        return "+00:00"
    both = (datetime(_YEAR, month, 1, 12, tzinfo=place) for month in (1, 7))
    return offset(min(both, key=lambda at: at.utcoffset() or timedelta()))


@lru_cache(maxsize=512)
def zone_of(name: str | None) -> tzinfo | None:
    """The zone of an IANA name; None when there is no such zone here."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # Google may know a zone that this machine does not; a folder's name gives an OSError.
        return None
