"""Chats and their messages: what each demands."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from connectors.sdk.schemas.chat_group import ChatGroup
from connectors.sdk.schemas.chat_message import ChatMessage

BASE = {
    "_id": "example:1:a",
    "name": "A",
    "sourceApplication": "https://example.com",
    "sourceAccountId": "1",
    "sourceId": "a",
    "sourceData": {},
    "insertedAt": "2024-05-01T12:00:00.000Z",
}
MESSAGE = {
    **BASE,
    "schema": ChatMessage.uri,
    "groupId": "example:1:g",
    "type": "send",
    "messageText": "",
    "fromId": "7",
    "sentAt": "2024-05-01T12:00:00Z",
}


def test_a_chat_needs_its_name_alone() -> None:
    ChatGroup().load({**BASE, "schema": ChatGroup.uri})
    ChatGroup().load({**BASE, "schema": ChatGroup.uri, "newestId": "9", "syncData": "{}"})
    with pytest.raises(ValidationError, match="newestId"):
        ChatGroup().load({**BASE, "schema": ChatGroup.uri, "newestId": 9})


@pytest.mark.parametrize("field", ["groupId", "type", "messageText", "fromId", "sentAt"])
def test_a_message_needs_these(field: str) -> None:
    ChatMessage().load(MESSAGE)
    with pytest.raises(ValidationError, match=field):
        ChatMessage().load({key: value for key, value in MESSAGE.items() if key != field})


@pytest.mark.parametrize(("field", "value"), [("type", "draft"), ("sentAt", "2024-05-01T12:00:00")])
def test_a_message_takes_no_nonsense(field: str, value: str) -> None:
    with pytest.raises(ValidationError, match=field):
        ChatMessage().load({**MESSAGE, field: value})
