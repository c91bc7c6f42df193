"""What every record must have."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.sdk.schemas.base import RecordSchema


class Note(RecordSchema):
    uri = "https://example.com/note"
    slug = "note"


RECORD = {
    "_id": "acme:1:a",
    "schema": Note.uri,
    "name": "",
    "sourceApplication": "https://acme.example",
    "sourceAccountId": "1",
    "sourceId": "a",
    "sourceData": {"deep": [{"er": None}]},
    "insertedAt": "2024-05-01T12:00:00.000Z",
}


def problems(**changes: Any) -> set[str]:
    """The fields that are wrong after the changes; None takes a field away."""
    record = {key: value for key, value in {**RECORD, **changes}.items() if value is not None}
    return set(Note().validate(record))


@pytest.mark.parametrize("field", sorted(RECORD))
def test_no_base_field_may_be_missing(field: str) -> None:
    assert problems(**{field: None}) == {field}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("_id", ""), ("sourceId", ""), ("sourceId", 5), ("name", 5), ("sourceData", []),
        ("sourceApplication", "acme"), ("insertedAt", "2024-05-01T12:00:00"),
        ("insertedAt", "yesterday"), ("insertedAt", 1714564800), ("modifiedAt", "2024-05-01"),
        ("summary", "x" * 257), ("inserted_at", "2024-05-01T12:00:00Z"), ("anything", "else"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(field: str, value: Any) -> None:
    assert problems(**{field: value}) == {field}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("insertedAt", "2024-05-01T12:00:00+02:00"), ("modifiedAt", "2024-05-01T12:00:00Z"),
        ("summary", "x" * 256), ("uri", "acme://a"), ("icon", "i"), ("indexableText", "t"),
    ],
)  # fmt: skip
def test_optional_fields_may_be_there(field: str, value: Any) -> None:
    assert problems(**{field: value}) == set()


def test_a_problem_does_not_repeat_the_content() -> None:
    wrong = {"insertedAt": "my diary", "name": 5, "sourceApplication": "my diary"}
    with pytest.raises(ValidationError) as caught:
        Note().load({**RECORD, **wrong})
    assert "my diary" not in str(caught.value.messages)
