"""`Email`: one message of a mailbox.

https://common.schemas.verida.io/social/email/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import EXCLUDE, Schema, fields, validate

from connectors.sdk.schemas.base import RecordSchema


class _Address(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String()
    email = fields.String(required=True)


class _Attachment(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True)
    filename = fields.String(required=True)
    text_content = fields.String(required=True, data_key="textContent")
    media_type = fields.String(data_key="mediaType")
    size = fields.Integer()
    uri = fields.String()
    #: Why there is no text, where there is none.
    note = fields.String()


class Email(RecordSchema):
    """A message sent or received. `toEmail` is the first recipient; `to`, `cc`, `bcc` hold all."""

    uri = "https://common.schemas.verida.io/social/email/v0.1.0/schema.json"
    slug = "email"
    searchable: ClassVar[tuple[str, ...]] = (
        "fromName", "fromEmail", "to", "cc", "bcc", "messageText", "attachments",
    )  # fmt: skip
    sort_field = "sentAt"

    type = fields.String(required=True, validate=validate.OneOf(["send", "receive"]))
    from_name = fields.String(data_key="fromName")
    from_email = fields.String(required=True, data_key="fromEmail")
    to_name = fields.String(data_key="toName")
    to_email = fields.String(required=True, data_key="toEmail")
    to = fields.List(fields.Nested(_Address))
    cc = fields.List(fields.Nested(_Address))
    bcc = fields.List(fields.Nested(_Address))
    message_text = fields.String(required=True, data_key="messageText")
    message_html = fields.String(data_key="messageHTML")
    attachments = fields.List(fields.Nested(_Attachment))
    sent_at = fields.AwareDateTime(required=True, format="iso", data_key="sentAt")
    labels = fields.List(fields.String())
    thread_id = fields.String(data_key="threadId")
