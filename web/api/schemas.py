"""The shapes of the API's answers and arguments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class SessionSchema(Schema):
    """Who is signed in."""

    person = fields.String(required=True)
    csrf_token = fields.String(
        required=True,
        data_key="csrfToken",
        metadata={"description": "Goes into `X-CSRF-Token` of requests that change something."},
    )


class OptionSchema(Schema):
    """An option of a handler."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    values = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "Each allowed value with its label."},
    )
    default = fields.String(required=True)


class ProviderHandlerSchema(Schema):
    """One kind of data that a provider has."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    schema = fields.String(required=True, metadata={"description": "URI of the records' schema."})
    frequency = fields.String(required=True)
    options = fields.List(fields.Nested(OptionSchema), required=True)


class ProviderSchema(Schema):
    """A service that a person can connect."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    url = fields.String(allow_none=True)
    configured = fields.Boolean(
        required=True, metadata={"description": "Whether the server has its OAuth client."}
    )
    problem = fields.String(
        allow_none=True, metadata={"description": "Why it cannot be used, when it is broken."}
    )
    handlers = fields.List(fields.Nested(ProviderHandlerSchema), required=True)


class HandlerSchema(Schema):
    """One handler of a connection. Times are ISO 8601."""

    id = fields.String(required=True, attribute="handler_id")
    status = fields.String(required=True)
    message = fields.String(allow_none=True)
    options = fields.Dict(keys=fields.String(), values=fields.String())
    frequency = fields.String(
        allow_none=True, metadata={"description": "Null: the handler's default."}
    )
    kept = fields.Integer(required=True)
    quarantined = fields.Integer(required=True)
    total = fields.Integer(allow_none=True)
    failures = fields.Integer()
    last_run_id = fields.String(allow_none=True, data_key="lastRunId")
    last_sync_at = fields.AwareDateTime(allow_none=True, data_key="lastSyncAt")


class ConnectionSchema(Schema):
    """A person's account at a provider. Tokens are never part of it."""

    id = fields.String(required=True)
    provider = fields.String(required=True)
    account_id = fields.String(required=True, data_key="accountId")
    profile = fields.Dict(required=True)
    status = fields.String(required=True)
    message = fields.String(allow_none=True)
    created_at = fields.AwareDateTime(required=True, data_key="createdAt")
    updated_at = fields.AwareDateTime(required=True, data_key="updatedAt")
    handlers = fields.List(fields.Nested(HandlerSchema), required=True)


class SyncArguments(Schema):
    """What to sync."""

    handler = fields.String(
        load_default=None, allow_none=True, metadata={"description": "Default: all that are on."}
    )
    force = fields.Boolean(
        load_default=False, metadata={"description": "Even when paused or turned off."}
    )


class RunsSchema(Schema):
    """The runs that a sync joined or began."""

    runs = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "Run id by handler."},
    )


class ProgressSchema(Schema):
    """Where one handler's run stands. Times are Unix times in seconds."""

    connection_id = fields.String(required=True, data_key="connectionId")
    handler_id = fields.String(required=True, data_key="handlerId")
    run_id = fields.String(required=True, data_key="runId")
    status = fields.String(required=True)
    kept = fields.Integer(required=True)
    deleted = fields.Integer(required=True)
    quarantined = fields.Integer(required=True)
    total = fields.Integer(allow_none=True)
    message = fields.String(allow_none=True)
    not_before = fields.Float(allow_none=True, data_key="notBefore")
    updated_at = fields.Float(data_key="updatedAt")


class PageArguments(Schema):
    """Which part of a list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 500))
    offset = fields.Integer(load_default=0, validate=validate.Range(0, 2**31))


class RecordArguments(PageArguments):
    """Which records, in which order."""

    filter = fields.String(
        load_default="{}",
        metadata={"description": 'Selector as JSON, such as `{"sentAt": {"$gte": "2024-01-01"}}`.'},
    )
    sort = fields.String(
        load_default=None,
        metadata={"description": "`field` or `field:desc`; several with commas."},
    )


class RecordsSchema(Schema):
    """A part of a list of records."""

    records = fields.List(fields.Dict(), required=True)
    total = fields.Integer(required=True)
    limit = fields.Integer(required=True)
    offset = fields.Integer(required=True)


class SearchArguments(PageArguments):
    """What to look for."""

    q = fields.String(required=True, validate=validate.Length(1, 200))


class HitSchema(Schema):
    """A record that was found."""

    record = fields.Dict(required=True)
    snippet = fields.String(required=True)


class HitsSchema(Schema):
    """What was found, the best first."""

    hits = fields.List(fields.Nested(HitSchema), required=True)
    total = fields.Integer(required=True)


class QuarantineArguments(Schema):
    """Whose quarantine."""

    connection = fields.String(load_default=None)


class QuarantineSchema(Schema):
    """An item that could not be brought into a record."""

    id = fields.Integer(required=True)
    connection_id = fields.String(required=True, data_key="connectionId")
    handler_id = fields.String(required=True, data_key="handlerId")
    source_id = fields.String(required=True, data_key="sourceId")
    reason = fields.String(required=True)
    tries = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
