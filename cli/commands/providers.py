"""`dcs providers`: the services that can be connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cli.output import Output, json_option
from config.settings import load

EPILOG = """\b
Examples:
  dcs providers
  dcs providers --json
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """List providers, their handlers, and those that are broken."""
    from connectors.sdk import registry

    out = Output(as_json=as_json)
    configuration = load().providers
    found = [_described(item, configuration) for item in registry.providers()]

    def human() -> None:
        out.table(
            ("provider", "name", "state", "handlers"),
            (
                (p["id"], p["label"] or "-", p["state"], ", ".join(h["id"] for h in p["handlers"]))
                for p in found
            ),
        )
        for item in found:
            if item["message"]:
                out.note(f"{item['id']}: {item['message']}")

    out.result(found, human)


def _described(item: Any, configuration: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    from connectors.sdk.errors import ConfigurationError
    from connectors.sdk.registry import Broken

    if isinstance(item, Broken):
        return _row(item.id, None, "broken", item.reason, [])
    handlers = [
        {
            "id": handler.id,
            "label": handler.label,
            "schema": handler.schema.slug,
            "frequency": handler.frequency,
            "options": {o.id: list(o.values) for o in handler.options},
        }
        for handler in item.handlers
    ]
    try:
        provider = item.configured(configuration.get(item.id, {}))
    except ConfigurationError as error:
        return _row(item.id, item.label, "misconfigured", str(error), handlers)
    if not provider.config.client_id:
        name = f"DCS_PROVIDERS__{item.id.upper()}__CLIENT_ID"
        message = f"set {name} and {name.removesuffix('ID')}SECRET, or the same in dcs.toml"
        return _row(item.id, item.label, "needs a client id", message, handlers)
    return _row(item.id, item.label, "ready", None, handlers)


def _row(
    provider_id: str,
    label: str | None,
    state: str,
    message: str | None,
    handlers: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "id": provider_id,
        "label": label,
        "state": state,
        "message": message,
        "handlers": handlers,
    }
