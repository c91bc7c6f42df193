"""Reports errors to Sentry, where a DSN is set, with nothing of a person's in them.

A report is built anew from what is known to be harmless, rather than cleaned of what is not: the
types of errors, the places in the code, ids. Messages go along only for errors whose classes
promise safe ones.

https://docs.sentry.io/platforms/python/data-management/sensitive-data/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from config.logs import ROOMS, SAFE_ERRORS, bound, redact, secrets_of
from config.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk._types import DataCollectionUserOptions
    from sentry_sdk.integrations import Integration
    from sentry_sdk.transport import Transport
    from sentry_sdk.types import Event, Hint

#: Parts of an event that are numbers, ids or names of ours.
_PLAIN = (
    "event_id", "timestamp", "start_timestamp", "level", "logger", "platform", "release",
    "environment", "server_name", "sdk", "modules", "type", "transaction",
)  # fmt: skip
_FRAME = (
    "filename", "function", "module", "lineno", "in_app", "context_line", "pre_context",
    "post_context",
)  # fmt: skip
_CONTEXTS = {
    "runtime": ("name", "version"),
    "trace": ("trace_id", "span_id", "parent_span_id", "op", "status", "origin"),
}
#: Asks Sentry's own integrations to collect nothing of a request, a task or a frame's variables.
#: https://docs.sentry.io/platforms/python/data-management/data-collected/
_NOTHING: DataCollectionUserOptions = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
}


def init(settings: Settings, *, tier: str, transport: Transport | None = None) -> bool:
    """Start reporting, if a DSN is set.

    Args:
        settings: Tells DSN and environment.
        tier: What this process is: `web`, `worker`, `beat`, `flower`, `cli`.
        transport: Takes the reports; default: the network.

    Returns:
        Whether errors are reported.
    """
    if settings.sentry_dsn is None:
        return False
    import sentry_sdk
    from sentry_sdk.integrations.argv import ArgvIntegration

    clean = _Cleaner(tier, secrets_of(settings))
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.sentry_environment,
        transport=transport,
        integrations=_integrations(tier),
        auto_enabling_integrations=False,
        # A command's arguments may hold words that a person searches for.
        disabled_integrations=[ArgvIntegration],
        before_send=clean,
        before_send_transaction=clean,
        data_collection=_NOTHING,
        max_request_body_size="never",
        auto_session_tracking=False,
        send_client_reports=False,
        # Providers are told nothing of our traces.
        trace_propagation_targets=[],
    )
    return True


class _Cleaner:
    """Builds the event that is sent from the one that was made."""

    def __init__(self, tier: str, secrets: tuple[str, ...]) -> None:
        self._tier = tier
        self._secrets = secrets

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        raw = cast("dict[str, Any]", event)
        clean: dict[str, Any] = {name: raw[name] for name in _PLAIN if name in raw}
        if (raw.get("transaction_info") or {}).get("source") == "url":
            # The path itself, as no route was found: it holds what somebody has typed.
            clean.pop("transaction", None)
        clean["tags"] = self._tags(raw, hint)
        clean["contexts"] = _contexts(raw.get("contexts") or {})
        clean["breadcrumbs"] = {"values": _breadcrumbs(raw)}
        if method := (raw.get("request") or {}).get("method"):
            clean["request"] = {"method": method}
        if task := ((raw.get("extra") or {}).get("celery-job") or {}).get("task_name"):
            clean["extra"] = {"celery-job": {"task_name": task}}
        if "exception" in raw:
            clean["exception"] = {"values": [_error(one) for one in _values(raw["exception"])]}
        if "logentry" in raw and str(raw.get("logger")).partition(".")[0] in ROOMS:
            # The message before its arguments are put in: text of our code.
            clean["logentry"] = {"message": raw["logentry"].get("message")}
        if "spans" in raw:
            clean["spans"] = [_span(one) for one in raw["spans"]]
        return cast("Event", self._redacted(clean))

    def _tags(self, raw: Mapping[str, Any], hint: Hint) -> dict[str, str]:
        error = (hint.get("exc_info") or (None, None, None))[1]
        tags = {"tier": self._tier, **bound(error)}
        if task := (raw.get("tags") or {}).get("celery_task_id"):
            tags["celery_task_id"] = task
        return tags

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            return redact(value, self._secrets)
        if isinstance(value, Mapping):
            return {name: self._redacted(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._redacted(inner) for inner in value]
        return value


def _integrations(tier: str) -> list[Integration]:
    if tier == "web":
        from sentry_sdk.integrations.flask import FlaskIntegration

        return [FlaskIntegration()]
    if tier in {"worker", "beat"}:
        from sentry_sdk.integrations.celery import CeleryIntegration

        return [CeleryIntegration(propagate_traces=False)]
    return []


def _values(part: Any) -> list[Mapping[str, Any]]:
    # Sentry's interfaces come as a list or as a list in `values`.
    found = part.get("values") if isinstance(part, Mapping) else part
    return [one for one in found or [] if isinstance(one, Mapping)]


def _picked(whole: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: whole[name] for name in names if whole.get(name) is not None}


def _error(raw: Mapping[str, Any]) -> dict[str, Any]:
    clean = _picked(raw, ("type", "module", "thread_id"))
    if str(raw.get("module")).startswith(SAFE_ERRORS):
        clean["value"] = raw.get("value")
    clean["mechanism"] = _picked(
        raw.get("mechanism") or {}, ("type", "handled", "exception_id", "parent_id")
    )
    frames = (raw.get("stacktrace") or {}).get("frames") or []
    clean["stacktrace"] = {"frames": [_picked(frame, _FRAME) for frame in frames]}
    return clean


def _contexts(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _picked(raw[name], keys) for name, keys in _CONTEXTS.items() if name in raw}


def _breadcrumbs(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = _values(raw.get("breadcrumbs"))
    return [_picked(one, ("category", "level", "timestamp")) for one in found]


def _span(raw: Mapping[str, Any]) -> dict[str, Any]:
    return _picked(
        raw, ("trace_id", "span_id", "parent_span_id", "op", "start_timestamp", "timestamp")
    )
