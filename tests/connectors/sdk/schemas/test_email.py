"""One message of a mailbox, as a record."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.sdk.schemas.email import Email

MESSAGE: dict[str, Any] = {
    "_id": "acme:1:a",
    "schema": Email.uri,
    "name": "Lunch",
    "sourceApplication": "https://acme.example",
    "sourceAccountId": "1",
    "sourceId": "a",
    "sourceData": {},
    "insertedAt": "2024-05-01T12:00:00.000Z",
    "type": "receive",
    "fromEmail": "ada@example.com",
    "toEmail": "me@example.com",
    "messageText": "",
    "sentAt": "2024-05-01T12:00:00.000Z",
}
FILE = {"id": "1", "filename": "a.pdf", "textContent": ""}


def load(**changes: Any) -> None:
    Email().load({**MESSAGE, **changes})


def test_a_message_without_subject_text_or_addresses_is_a_message() -> None:
    load(name="", fromEmail="", toEmail="", messageText="")


@pytest.mark.parametrize("field", ["type", "fromEmail", "toEmail", "messageText", "sentAt"])
def test_what_makes_a_message_must_be_there(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Email().load({key: value for key, value in MESSAGE.items() if key != field})
    assert list(caught.value.messages) == [field]


def test_a_full_message_passes() -> None:
    load(
        fromName="Ada",
        toName="Me",
        to=[{"name": "Me", "email": "me@example.com"}, {"email": ""}],
        cc=[],
        bcc=[{"email": "x@example.com", "group": "friends"}],
        messageHTML="<p>",
        attachments=[FILE, {**FILE, "mediaType": "x/y", "size": 0, "note": "too large", "new": 1}],
        labels=["INBOX"],
        threadId="t",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "draft"}, "type"), ({"sentAt": "2024-05-01T12:00:00"}, "sentAt"),
        ({"to": [{"name": "Me"}]}, "to"), ({"to": "me@example.com"}, "to"),
        ({"attachments": [{"id": "1", "filename": "a"}]}, "attachments"), ({"to": None}, "to"),
        ({"labels": [1]}, "labels"), ({"from_email": "x"}, "from_email"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_without_its_content(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(**changes)
    assert list(caught.value.messages) == [field]
    assert "me@example.com" not in str(caught.value.messages)


def test_what_search_and_sort_use_are_fields_of_the_schema() -> None:
    keys = {field.data_key or name for name, field in Email().fields.items()}
    assert {*Email.searchable, Email.sort_field} <= keys
