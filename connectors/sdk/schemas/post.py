"""`Post`: something that the person published.

https://common.schemas.verida.io/social/post/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields, validate

from connectors.sdk.schemas.base import RecordSchema

_TYPES = (
    "link", "status", "photo", "video", "music", "event", "offer", "question", "note", "album",
    "life_event",
)  # fmt: skip


class Post(RecordSchema):
    """A post of the person's own."""

    uri = "https://common.schemas.verida.io/social/post/v0.1.0/schema.json"
    slug = "post"
    searchable: ClassVar[tuple[str, ...]] = ("content",)

    type = fields.String(validate=validate.OneOf(_TYPES))
    content = fields.String()
    content_html = fields.String(data_key="contentHtml")
    uri_field = fields.String(required=True, data_key="uri")
