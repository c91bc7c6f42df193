"""`Calendar`: one calendar; its events are records of their own.

https://common.schemas.verida.io/social/calendar/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields, validate

from connectors.sdk.schemas.base import RecordSchema

#: What the common schemas call a time zone: an offset from UTC, such as `+02:30`.
OFFSET = validate.Regexp(r"^[+-](?:2[0-3]|[01][0-9]):[0-5][0-9]$")


class Calendar(RecordSchema):
    """A calendar. `timezone` is an offset, `timeZone` the zone's IANA name."""

    uri = "https://common.schemas.verida.io/social/calendar/v0.1.0/schema.json"
    slug = "calendar"
    searchable: ClassVar[tuple[str, ...]] = ("description", "location")

    description = fields.String()
    timezone = fields.String(required=True, validate=OFFSET)
    time_zone = fields.String(data_key="timeZone")
    location = fields.String()
    sync_data = fields.String(data_key="syncData")
