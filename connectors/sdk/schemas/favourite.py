"""`Favourite`: something that the person liked, recommended or shared.

https://common.schemas.verida.io/favourite/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields, validate

from connectors.sdk.schemas.base import RecordSchema


class Favourite(RecordSchema):
    """A thing that the person marked as liked."""

    uri = "https://common.schemas.verida.io/favourite/v0.1.0/schema.json"
    slug = "favourite"
    searchable: ClassVar[tuple[str, ...]] = ("description",)

    favourite_type = fields.String(
        required=True,
        data_key="favouriteType",
        validate=validate.OneOf(["like", "favourite", "recommendation", "share"]),
    )
    content_type = fields.String(
        required=True,
        data_key="contentType",
        validate=validate.OneOf(["video", "audio", "document", "webpage"]),
    )
    uri_field = fields.String(required=True, data_key="uri")
    #: What the thing says of itself.
    description = fields.String()
