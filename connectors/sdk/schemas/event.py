"""`Event`: one entry of a calendar.

https://common.schemas.verida.io/social/event/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from connectors.sdk.schemas.base import RecordSchema
from connectors.sdk.schemas.calendar import OFFSET

_EMAIL = validate.Email()


def is_email(value: object) -> bool:
    """Whether a person with this address can be part of an event."""
    if not isinstance(value, str):
        return False
    try:
        _EMAIL(value)
    except ValidationError:
        return False
    return True


class _Person(Schema):
    class Meta:
        unknown = EXCLUDE

    email = fields.Email(required=True)
    display_name = fields.String(data_key="displayName")


class _Moment(Schema):
    class Meta:
        unknown = EXCLUDE

    date_time = fields.AwareDateTime(required=True, format="iso", data_key="dateTime")
    #: Offset from UTC on the day of the event itself.
    timezone = fields.String(validate=OFFSET)
    #: The zone's IANA name.
    time_zone = fields.String(data_key="timeZone")
    #: The day (`2026-11-24`) of an event that takes whole days; `dateTime` is its midnight.
    date = fields.Date(format="iso")


class _Attachment(Schema):
    class Meta:
        unknown = EXCLUDE

    file_url = fields.String(data_key="fileUrl")
    title = fields.String()
    mime_type = fields.String(data_key="mimeType")
    icon_link = fields.String(data_key="iconLink")
    file_id = fields.String(data_key="fileId")


class Event(RecordSchema):
    """An event; one that takes whole days has `allDay`."""

    uri = "https://common.schemas.verida.io/social/event/v0.1.0/schema.json"
    slug = "event"
    searchable: ClassVar[tuple[str, ...]] = (
        "description", "location", "attendees", "organizer", "creator", "attachments",
    )  # fmt: skip
    sort_field = "startAt"

    status = fields.String(validate=validate.OneOf(["confirmed", "tentative", "cancelled"]))
    description = fields.String()
    #: `_id` of the calendar's record.
    calendar_id = fields.String(required=True, data_key="calendarId")
    location = fields.String()
    creator = fields.Nested(_Person)
    organizer = fields.Nested(_Person)
    start = fields.Nested(_Moment, required=True)
    end = fields.Nested(_Moment)
    #: `start.dateTime` in UTC, to sort by.
    start_at = fields.AwareDateTime(format="iso", data_key="startAt")
    all_day = fields.Boolean(data_key="allDay")
    attendees = fields.List(fields.Nested(_Person))
    conference_data = fields.Dict(data_key="conferenceData")
    attachments = fields.List(fields.Nested(_Attachment))
