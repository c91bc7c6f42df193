"""One event or calendar of the API to its record's fields."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.google.calendar_event import (
    NO_TITLE,
    calendar_fields,
    calendar_key,
    event_fields,
    event_key,
    events_prefix,
    ids_of,
)
from connectors.google.calendar_times import moment, offset, standard_offset, zone_of

TIMES = {
    "start": {"dateTime": "2026-11-24T09:00:00+05:45", "timeZone": "Asia/Kathmandu"},
    "end": {"dateTime": "2026-11-24T10:00:00+05:45", "timeZone": "Asia/Kathmandu"},
}


def fields(zone: str | None = "Asia/Kathmandu", **event: Any) -> dict[str, Any]:
    return event_fields({"id": "e", **TIMES, **event}, calendar="c", zone=zone)


@pytest.mark.parametrize(
    ("value", "calendar", "expected"),
    [
        # The calendar's offset is not the event's: summer and winter differ, zones too.
        (
            {"dateTime": "2026-07-01T12:15:00+05:45", "timeZone": "Europe/Berlin"},
            "Asia/Kathmandu",
            ("2026-07-01T08:30:00+02:00", "+02:00", "Europe/Berlin"),
        ),
        (
            {"dateTime": "2026-12-01T12:15:00+05:45", "timeZone": "Europe/Berlin"},
            "Asia/Kathmandu",
            ("2026-12-01T07:30:00+01:00", "+01:00", "Europe/Berlin"),
        ),
        (
            {"dateTime": "2026-12-01T12:00:00Z"},
            "America/St_Johns",
            ("2026-12-01T08:30:00-03:30", "-03:30", "America/St_Johns"),
        ),
        (
            {"dateTime": "2026-12-01T12:00:00"},
            "Pacific/Chatham",
            ("2026-12-01T12:00:00+13:45", "+13:45", "Pacific/Chatham"),
        ),
        # A zone that is not known here keeps its name, and the time its own offset.
        (
            {"dateTime": "2026-12-01T12:00:00+02:30", "timeZone": "Mars/Olympus"},
            "Asia/Kathmandu",
            ("2026-12-01T12:00:00+02:30", "+02:30", "Mars/Olympus"),
        ),
        (
            {"dateTime": "2026-12-01T12:00:00", "timeZone": "America"},
            None,
            ("2026-12-01T12:00:00+00:00", "+00:00", "America"),
        ),
    ],
)
def test_a_time_is_told_in_the_events_own_zone_on_its_own_day(
    value: dict[str, Any], calendar: str | None, expected: tuple[str, str, str]
) -> None:
    told = moment(value, calendar).to_json()
    assert (told["dateTime"], told["timezone"], told["timeZone"]) == expected
    assert "date" not in told


@pytest.mark.parametrize(
    ("day", "zone", "begins", "shift"),
    [
        ("2026-07-01", "Europe/Berlin", "2026-07-01T00:00:00+02:00", "+02:00"),
        ("2026-12-24", "Europe/Berlin", "2026-12-24T00:00:00+01:00", "+01:00"),
        ("2026-12-24", "Asia/Kathmandu", "2026-12-24T00:00:00+05:45", "+05:45"),
        ("2026-12-24", "Nowhere/Else", "2026-12-24T00:00:00+00:00", "+00:00"),
        ("1900-01-01", "Asia/Kathmandu", "1900-01-01T00:00:00+05:41:16", "+05:41"),
    ],
)
def test_a_day_begins_at_midnight_in_the_calendars_zone(
    day: str, zone: str, begins: str, shift: str
) -> None:
    told = moment({"date": day}, zone).to_json()
    assert told == {"dateTime": begins, "timezone": shift, "timeZone": zone, "date": day}


@pytest.mark.parametrize("value", [7, None, {}, {"dateTime": "soon"}, {"date": "2026-02-30"}])
def test_a_time_that_makes_no_sense_is_an_error(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        moment(value, "UTC")


def test_offsets_near_utc_have_a_plus_where_nothing_is_left_of_them() -> None:
    told = moment({"date": "1900-01-01"}, "Africa/Monrovia")
    assert offset(told.at) == "-00:43"
    assert offset(moment({"date": "2026-01-01"}, "UTC").at) == "+00:00"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", "+01:00"),
        ("America/St_Johns", "-03:30"),
        ("Pacific/Chatham", "+12:45"),
        ("Europe/Dublin", "+00:00"),
        ("../etc/passwd", "+00:00"),
        (None, "+00:00"),
    ],
)
def test_a_calendar_has_its_zones_offset_outside_of_summer_time(
    zone: str | None, expected: str
) -> None:
    assert standard_offset(zone) == expected


@pytest.mark.parametrize("name", [None, "", "Nowhere", "America", "../x", "\0"])
def test_unknown_zones_are_none(name: str | None) -> None:
    assert zone_of(name) is None


def test_people_without_a_usable_address_are_left_out() -> None:
    found = fields(
        attendees=[
            {"email": "noor@example.org", "displayName": "Noor", "responseStatus": "accepted"},
            {"id": "1", "displayName": "A profile"},
            {"email": "no address"},
            {"email": None},
            "nobody",
        ],
        organizer={"displayName": "A room"},
        creator={"email": "ada@example.com", "displayName": 7},
    )
    assert found["attendees"] == [{"email": "noor@example.org", "displayName": "Noor"}]
    assert found["organizer"] is None
    assert found["creator"] == {"email": "ada@example.com"}


def test_attachments_and_conferences_are_mapped_as_far_as_they_are_told() -> None:
    found = fields(
        attachments=[{"fileUrl": "https://x.example/1", "title": "Agenda", "size": 3}, None],
        conferenceData={"conferenceId": "abc"},
    )
    assert found["attachments"] == [{"fileUrl": "https://x.example/1", "title": "Agenda"}]
    assert found["conferenceData"] == {"conferenceId": "abc"}


def test_an_event_that_tells_nothing_but_its_time_is_mapped() -> None:
    found = event_fields({"id": "e", "start": TIMES["start"]}, calendar="c", zone=None)
    assert found["name"] == NO_TITLE
    assert found["status"] == "confirmed"
    assert found["end"] is None
    assert found["inserted_at"] == found["startAt"] == "2026-11-24T03:15:00.000Z"


@pytest.mark.parametrize("wrong", [None, 7, [], {}])
def test_fields_of_the_wrong_kind_do_not_lose_the_event(wrong: Any) -> None:
    names = ("summary", "description", "location", "htmlLink", "attendees", "attachments")
    more = ("organizer", "creator", "created", "updated", "aFieldOfTheFuture")
    found = fields(**dict.fromkeys((*names, *more), wrong))
    assert found["name"] == NO_TITLE
    assert found["attendees"] is None


@pytest.mark.parametrize(
    ("created", "updated", "expected"),
    [
        ("2026-01-02T03:04:05.678Z", "2026-02-02T00:00:00Z", "2026-01-02T03:04:05.678Z"),
        ("0000-12-31T00:00:00.000Z", "2026-02-02T00:00:00Z", "2026-02-02T00:00:00.000Z"),
        ("0001-01-01T00:00:00+10:00", None, "2026-11-24T03:15:00.000Z"),
    ],
)
def test_impossible_times_of_creation_are_passed_over(
    created: str, updated: str | None, expected: str
) -> None:
    assert fields(created=created, updated=updated)["inserted_at"] == expected


def test_a_status_that_is_not_known_is_left_out() -> None:
    assert fields(status="postponed")["status"] is None
    assert fields(status="tentative")["status"] == "tentative"


def test_a_calendar_goes_by_the_name_that_the_person_gave_it() -> None:
    entry = {"id": "x", "summary": "Robin", "summaryOverride": "Robin's week"}
    assert calendar_fields(entry)["name"] == "Robin's week"
    assert calendar_fields({"id": "x", "summary": None})["name"] == "x"


@pytest.mark.parametrize("calendar", ["ada@example.com", "en#h@g.com", "a/b:c%d é", "calendar:x"])
def test_ids_of_calendars_and_events_never_meet_and_lead_back(calendar: str) -> None:
    assert ids_of(calendar_key(calendar)) == (calendar, None)
    assert ids_of(event_key(calendar, "e_2026")) == (calendar, "e_2026")
    assert event_key(calendar, "e").startswith(events_prefix(calendar))
    assert not event_key(calendar, "e").startswith("calendar:")
