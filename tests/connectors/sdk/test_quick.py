"""The quick look never says yes where marshmallow says no."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from connectors.sdk.schemas import quick
from connectors.sdk.schemas.email import Email
from connectors.sdk.schemas.event import Event
from connectors.sdk.schemas.file import File

BASE: dict[str, Any] = {
    "_id": "example:1:m1",
    "name": "Lunch",
    "sourceApplication": "https://example.org/",
    "sourceAccountId": "1",
    "sourceId": "m1",
    "sourceData": {"id": "m1"},
    "insertedAt": "2024-05-01T12:00:00.000Z",
}
EMAIL = BASE | {
    "schema": Email.uri,
    "type": "receive",
    "fromEmail": "ada@example.org",
    "toEmail": "grace@example.org",
    "to": [{"email": "grace@example.org", "name": "Grace"}],
    "attachments": [{"id": "1", "filename": "a.pdf", "textContent": "", "size": 7, "odd": 1}],
    "messageText": "At noon?",
    "sentAt": "2024-05-01T12:00:00+02:00",
    "labels": ["INBOX"],
}
#: What a mapping may get wrong.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.dictionaries(st.text(), st.none()))),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    st.sampled_from(["2024-05-01T12:00:00", "2024-13-01T12:00:00Z", "2024-05-01T25:00:00Z", "x"]),
)


def passes(schema: Schema, value: Any) -> bool:
    try:
        schema.load(copy.deepcopy(value))
    except ValidationError:
        return False
    return True


def test_a_sound_record_passes_at_once() -> None:
    look = quick.look_of(Email())
    assert look(EMAIL)
    assert passes(Email(), EMAIL)


@settings(deadline=None, max_examples=400)
@given(key=st.sampled_from([*EMAIL, "unknown", "cc", "summary", "threadId"]), value=ODD)
def test_a_yes_is_always_marshmallows_too(key: str, value: Any) -> None:
    record = EMAIL | {key: value}
    if quick.look_of(Email())(record):
        assert passes(Email(), record)


@settings(deadline=None, max_examples=200)
@given(name=st.sampled_from(["id", "filename", "size", "textContent", "note", "x"]), value=ODD)
def test_a_yes_to_what_is_nested_is_too(name: str, value: Any) -> None:
    record = EMAIL | {"attachments": [EMAIL["attachments"][0] | {name: value}]}
    if quick.look_of(Email())(record):
        assert passes(Email(), record)


@pytest.mark.parametrize("key", sorted(set(EMAIL) - {"to", "attachments", "labels"}))
def test_what_is_required_must_be_there(key: str) -> None:
    record = {name: value for name, value in EMAIL.items() if name != key}
    assert quick.look_of(Email())(record) == passes(Email(), record) is False


@pytest.mark.parametrize("schema", [Email, File, Event])
def test_no_record_schema_has_what_the_quick_look_leaves_to_the_library(schema: Any) -> None:
    """Else every record of it would be checked the slow way."""
    made = schema()
    doubted = [name for name, f in made.load_fields.items() if quick._look(f) is quick._doubt]
    assert doubted == []


def test_a_schema_with_rules_of_its_own_is_left_to_the_library() -> None:
    class Odd(Schema):
        size = fields.Integer(validate=validate.Range(min=1))

        @validates_schema
        def never(self, *_: Any, **__: Any) -> None:
            raise ValidationError("never")

    assert not quick.look_of(Odd())({"size": 1})
