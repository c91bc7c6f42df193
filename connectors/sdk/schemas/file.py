"""`File`: one document.

https://common.schemas.verida.io/file/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields, validate

from connectors.sdk.schemas.base import RecordSchema


class File(RecordSchema):
    """A document; `contentText` is its text, where it has any, else `note` says why not."""

    uri = "https://common.schemas.verida.io/file/v0.1.0/schema.json"
    slug = "file"
    searchable: ClassVar[tuple[str, ...]] = ("contentText",)
    sort_field = "modifiedAt"

    extension = fields.String(required=True)
    mime_type = fields.String(required=True, data_key="mimeType")
    #: In bytes.
    size = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    content_text = fields.String(data_key="contentText")
    file_data_id = fields.String(data_key="fileDataId")
    #: Why there is no text, where there is none.
    note = fields.String()
