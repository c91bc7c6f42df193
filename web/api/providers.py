"""`/providers`: what can be connected."""

from __future__ import annotations

from typing import Any

from connectors.sdk import registry
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.provider import Provider
from connectors.sdk.registry import Broken
from web import context
from web.api.blueprint import Blueprint
from web.api.schemas import ProviderSchema

blueprint = Blueprint("providers", "What can be connected.")


@blueprint.get("/providers")
@blueprint.response(200, ProviderSchema(many=True))
def providers() -> list[dict[str, Any]]:
    """Every provider, broken ones with the reason."""
    return [_provider(found) for found in registry.providers()]


def _provider(found: type[Provider] | Broken) -> dict[str, Any]:
    if isinstance(found, Broken):
        return {
            "id": found.id, "label": found.id, "url": None, "configured": False,
            "problem": found.reason, "handlers": [],
        }  # fmt: skip
    problem, configured = None, False
    try:
        configured = bool(context.services().provider(found.id).config.client_id)
    except ConfigurationError as error:
        problem = str(error)
    return {
        "id": found.id,
        "label": found.label,
        "url": found.url,
        "configured": configured,
        "problem": problem,
        "handlers": [
            {
                "id": handler.id,
                "label": handler.label,
                "schema": handler.schema.uri,
                "frequency": handler.frequency,
                "options": handler.options,
            }
            for handler in found.handlers
        ],
    }
