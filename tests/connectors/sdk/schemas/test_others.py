"""Files, posts, favourites, those followed, calendars and events: what each demands."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.sdk import registry
from connectors.sdk.schemas.base import RecordSchema

BASE = {
    "_id": "example:1:a",
    "name": "A",
    "sourceApplication": "https://example.com",
    "sourceAccountId": "1",
    "sourceId": "a",
    "sourceData": {},
    "insertedAt": "2024-05-01T12:00:00.000Z",
}
MOMENT = {
    "dateTime": "2024-05-01T12:00:00+05:45",
    "timezone": "+05:45",
    "timeZone": "Asia/Kathmandu",
}
#: Fields of each schema that must be there, with a value that fits and one that does not.
DEMANDS: dict[str, dict[str, tuple[Any, Any]]] = {
    "calendar": {"timezone": ("-03:30", "Europe/Berlin")},
    "event": {"calendarId": ("example:1:c", 7), "start": (MOMENT, {"timezone": "+01:00"})},
    "favourite": {
        "favouriteType": ("like", "love"),
        "contentType": ("video", "film"),
        "uri": ("https://example.com/a", 1),
    },
    "file": {"extension": ("pdf", None), "mimeType": ("application/pdf", 1), "size": (3, "3")},
    "following": {},
    "post": {"uri": ("https://example.com/a", None)},
}


def load(slug: str, fields: dict[str, Any]) -> None:
    schema: type[RecordSchema] = registry.schemas()[slug]
    schema().load({**BASE, "schema": schema.uri, **fields})


@pytest.mark.parametrize("slug", DEMANDS)
def test_a_sound_record_passes_and_each_demand_is_held(slug: str) -> None:
    sound = {field: good for field, (good, _) in DEMANDS[slug].items()}
    load(slug, sound)
    for field, (_, bad) in DEMANDS[slug].items():
        with pytest.raises(ValidationError, match=field):
            load(slug, {**sound, field: bad})
        with pytest.raises(ValidationError, match=field):
            load(slug, {key: value for key, value in sound.items() if key != field})


def test_a_field_that_no_schema_names_is_an_error() -> None:
    with pytest.raises(ValidationError, match="colour"):
        load("following", {"colour": "red"})


def test_a_time_without_a_zone_is_refused() -> None:
    start = {"dateTime": "2024-05-01T12:00:00"}
    with pytest.raises(ValidationError, match="start"):
        load("event", {"calendarId": "c", "start": start})
