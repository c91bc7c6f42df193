"""`ChatGroup`: one chat; its messages are records of their own.

https://common.schemas.verida.io/social/chat/group/v0.1.0/schema.json
"""

from __future__ import annotations

from marshmallow import fields

from connectors.sdk.schemas.base import RecordSchema


class ChatGroup(RecordSchema):
    """A chat, with two people or with many."""

    uri = "https://common.schemas.verida.io/social/chat/group/v0.1.0/schema.json"
    slug = "chat-group"

    #: The provider's id of the newest message that is kept without a hole below it.
    newest_id = fields.String(data_key="newestId")
    #: How far the chat has been read; opaque to all but its handler.
    sync_data = fields.String(data_key="syncData")
