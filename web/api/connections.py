"""`/connections`: what is connected, how it goes, and syncing it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from vault.model import Connection, QuarantineItem
from web import context, dashboard
from web.api import schemas
from web.api.blueprint import Blueprint
from worker.progress import ProgressView

blueprint = Blueprint("connections", "A person's accounts at providers.")


@blueprint.get("/connections")
@blueprint.response(200, schemas.ConnectionSchema(many=True))
def connections() -> list[dict[str, Any]]:
    """All connections."""
    return [_connection(connection) for connection in context.vault().connections()]


@blueprint.get("/connections/status")
@blueprint.response(200, schemas.ProgressSchema(many=True))
def status() -> list[ProgressView]:
    """The last progress of each handler's sync."""
    return context.services().progress.snapshot(context.person())


@blueprint.get("/connections/<connection_id>")
@blueprint.response(200, schemas.ConnectionSchema)
@blueprint.alt_response(404, description="There is no such connection.")
def connection(connection_id: str) -> dict[str, Any]:
    """One connection."""
    return _connection(context.connection(connection_id))


@blueprint.post("/connections/<connection_id>/sync")
@blueprint.arguments(schemas.SyncArguments)
@blueprint.response(202, schemas.RunsSchema)
@blueprint.alt_response(404, description="There is no such connection or handler.")
@blueprint.alt_response(409, description="Nothing can be synced; the message says why.")
def sync(arguments: dict[str, Any], connection_id: str) -> dict[str, Any]:
    """Bring a connection up to date now."""
    wanted = context.connection(connection_id)
    runs = dashboard.enqueue(wanted, arguments["handler"], force=arguments["force"])
    return {"runs": runs}


@blueprint.get("/quarantine")
@blueprint.arguments(schemas.QuarantineArguments, location="query")
@blueprint.response(200, schemas.QuarantineSchema(many=True))
def quarantine(arguments: dict[str, Any]) -> list[QuarantineItem]:
    """What could not be brought into records, and why."""
    return context.vault().quarantine(arguments["connection"])


def _connection(connection: Connection) -> dict[str, Any]:
    known = {field.name: getattr(connection, field.name) for field in fields(connection)}
    return known | {"handlers": context.vault().handlers(connection.id)}
