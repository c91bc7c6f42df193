"""The fields that every record has.

https://core.schemas.verida.io/base/v0.1.0/schema.json
"""

from __future__ import annotations

from typing import ClassVar

from marshmallow import RAISE, Schema, fields, validate


class RecordSchema(Schema):
    """Base of all record schemas: `load` checks a record, unknown fields are errors."""

    class Meta:
        """Unknown fields are a mistake of the mapping, not something to drop in silence."""

        unknown = RAISE

    #: Identifies the schema, for machines.
    uri: ClassVar[str]
    #: Names the schema, for people and commands (`dcs data email`).
    slug: ClassVar[str]
    #: Fields whose text is found by search, besides `name` and `summary`.
    searchable: ClassVar[tuple[str, ...]] = ()
    #: Field that a list is sorted by when nothing else is asked.
    sort_field: ClassVar[str] = "insertedAt"

    id = fields.String(required=True, data_key="_id", validate=validate.Length(min=1))
    schema = fields.String(required=True)
    name = fields.String(required=True)
    source_application = fields.Url(required=True, data_key="sourceApplication")
    source_account_id = fields.String(required=True, data_key="sourceAccountId")
    source_id = fields.String(required=True, data_key="sourceId", validate=validate.Length(min=1))
    source_data = fields.Dict(required=True, data_key="sourceData")
    inserted_at = fields.AwareDateTime(required=True, format="iso", data_key="insertedAt")
    modified_at = fields.AwareDateTime(format="iso", data_key="modifiedAt")
    summary = fields.String(validate=validate.Length(max=256))
    icon = fields.String()
    uri_field = fields.String(data_key="uri")
    indexable_text = fields.String(data_key="indexableText")
