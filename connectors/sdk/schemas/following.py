"""`Following`: a person, channel, page or business that the person follows.

https://common.schemas.verida.io/social/following/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields

from connectors.sdk.schemas.base import RecordSchema


class Following(RecordSchema):
    """Whom the person follows."""

    uri = "https://common.schemas.verida.io/social/following/v0.1.0/schema.json"
    slug = "following"
    searchable: ClassVar[tuple[str, ...]] = ("description",)
    sort_field = "followedTimestamp"

    followed_timestamp = fields.AwareDateTime(format="iso", data_key="followedTimestamp")
    #: What those followed say of themselves.
    description = fields.String()
