"""`ChatMessage`: one message of a chat.

https://common.schemas.verida.io/social/chat/message/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields, validate

from connectors.sdk.schemas.base import RecordSchema


class ChatMessage(RecordSchema):
    """A message sent or received in a chat."""

    uri = "https://common.schemas.verida.io/social/chat/message/v0.1.0/schema.json"
    slug = "chat-message"
    searchable: ClassVar[tuple[str, ...]] = ("messageText", "fromName", "fromHandle", "groupName")
    sort_field = "sentAt"

    #: `_id` of the chat's record.
    group_id = fields.String(required=True, data_key="groupId")
    group_name = fields.String(data_key="groupName")
    type = fields.String(required=True, validate=validate.OneOf(["send", "receive"]))
    message_text = fields.String(required=True, data_key="messageText")
    message_html = fields.String(data_key="messageHTML")
    from_id = fields.String(required=True, data_key="fromId")
    from_handle = fields.String(data_key="fromHandle")
    from_name = fields.String(data_key="fromName")
    sent_at = fields.AwareDateTime(required=True, format="iso", data_key="sentAt")
