"""The connections: what is connected, how it goes, and all that a person may change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue

import connectors
from connectors.sdk import registry
from connectors.sdk.handler import Handler
from connectors.sdk.options import resolve
from connectors.sdk.registry import Broken
from vault.model import Connection, HandlerState
from web import context, present
from worker import connections as work

_RUNS_SHOWN = 10
_QUARANTINE_SHOWN = 50
#: How long before access ends a person is told.
_ENDS_SOON = timedelta(days=14)

blueprint = Blueprint("dashboard", __name__)


def init_app(app: Flask) -> None:
    """Add the pages and what their templates use."""
    app.register_blueprint(blueprint)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(ago=present.ago, when=present.when, size=present.size)
    app.jinja_env.globals.update(
        access_ends=_access_ends,
        account_title=present.title,
        badge=present.connection_badge,
        frequencies=present.FREQUENCIES,
        schemas=registry.schemas,
    )


def _access_ends(connection: Connection) -> datetime | None:
    """When the person has to connect the account again, if that is soon."""
    ends = work.access_ends(context.vault(), connection.id)
    soon = ends is not None and ends - datetime.now(UTC) < _ENDS_SOON
    return ends if soon and connection.status != "invalid-auth" else None


@dataclass(frozen=True, slots=True)
class Row:
    """One handler of a connection: its class, when its provider still has it, state and view."""

    handler: type[Handler] | None
    state: HandlerState
    view: present.HandlerView

    @property
    def label(self) -> str:
        """What a person calls this kind of data."""
        return self.handler.label if self.handler else self.state.handler_id


@blueprint.get("/")
def connections() -> ResponseReturnValue:
    """All connections and the providers that can be connected."""
    by_provider: dict[str, list[tuple[Connection, list[Row]]]] = defaultdict(list)
    progress = present.by_handler(context.services().progress.snapshot(context.person()))
    for connection in context.vault().connections():
        by_provider[connection.provider].append((connection, _rows(connection, progress)))
    found = registry.providers()
    return render_template(
        "connections.html",
        providers=[provider for provider in found if not isinstance(provider, Broken)],
        broken=[provider for provider in found if isinstance(provider, Broken)],
        connected=dict(by_provider),
    )


@blueprint.get("/connections/<connection_id>")
def connection(connection_id: str) -> ResponseReturnValue:
    """One connection: settings of its handlers, what could not be read, the last syncs."""
    shown = context.connection(connection_id)
    vault = context.vault()
    progress = present.by_handler(context.services().progress.snapshot(context.person()))
    quarantine = vault.quarantine(connection_id)
    return render_template(
        "connection.html",
        connection=shown,
        rows=_rows(shown, progress),
        quarantine=quarantine[:_QUARANTINE_SHOWN],
        quarantined=len(quarantine),
        runs=vault.runs(connection_id, _RUNS_SHOWN),
    )


@blueprint.post("/connections/<connection_id>/sync")
def sync(connection_id: str) -> ResponseReturnValue:
    """Bring all handlers that are on up to date, or the one that is named."""
    enqueue(context.connection(connection_id), request.form.get("handler"))
    return _return(connection_id)


def enqueue(
    connection: Connection, handler_id: str | None = None, *, force: bool = False
) -> dict[str, str]:
    """Enqueue a sync of one handler, or of all that are on; the runs' ids by handler.

    Aborts with 409 when nothing can be synced, and says why.
    """
    if connection.status == "invalid-auth":
        abort(409, "The provider no longer accepts this connection. Connect the account again.")
    if connection.status == "paused" and not force:
        abort(409, "This connection is paused. Resume it first.")
    runs = work.sync(
        context.services(), context.person(), connection.id, handler_id or None, force=force
    )
    if not runs:
        abort(409, "All of this is turned off or not permitted. Turn it on, or connect again.")
    return runs


@blueprint.post("/connections/<connection_id>/pause")
def pause(connection_id: str) -> ResponseReturnValue:
    """Fetch nothing more until resumed."""
    context.connection(connection_id)
    work.pause(context.services(), context.person(), connection_id)
    return _return(connection_id)


@blueprint.post("/connections/<connection_id>/resume")
def resume(connection_id: str) -> ResponseReturnValue:
    """Go on where it was paused."""
    context.connection(connection_id)
    work.resume(context.services(), context.person(), connection_id)
    return _return(connection_id)


@blueprint.post("/connections/<connection_id>/disconnect")
def disconnect(connection_id: str) -> ResponseReturnValue:
    """Forget the account's tokens; its records too, when asked."""
    name = present.title(context.connection(connection_id))
    delete = request.form.get("delete_data") == "yes"
    work.disconnect(context.services(), context.person(), connection_id, delete_data=delete)
    kept = "and all its data was deleted" if delete else "and its data stays in your vault"
    flash(f"{name} was disconnected, {kept}.", "ok")
    return redirect(url_for(".connections"), 303)


@blueprint.post("/connections/<connection_id>/handlers/<handler_id>")
def handler(connection_id: str, handler_id: str) -> ResponseReturnValue:
    """Set a handler's options, its frequency, and whether it is on; what stays is not touched."""
    shown = context.connection(connection_id)
    state = context.handler_state(connection_id, handler_id)
    of = (context.services(), context.person(), connection_id, handler_id)
    chosen = {
        key.removeprefix("option."): value
        for key, value in request.form.items()
        if key.startswith("option.")
    }
    found = context.handler_class(shown.provider, handler_id)
    frequency = request.form.get("frequency", "")
    try:
        if found and resolve(found.options, chosen) != resolve(found.options, state.options):
            work.set_handler_options(*of, chosen)
        if found and frequency and frequency != (state.frequency or found.frequency):
            work.set_frequency(*of, frequency)
    except ValueError as error:
        abort(400, str(error))
    enabled = request.form.get("enabled") == "yes"
    if enabled != (state.status != "disabled"):
        work.set_handler_enabled(*of, enabled=enabled)
    flash(f"Saved for {present.title(shown)}.", "ok")
    return redirect(url_for(".connection", connection_id=connection_id), 303)


@blueprint.get("/providers/<provider_id>/icon.png")
def icon(provider_id: str) -> ResponseReturnValue:
    """The provider's icon, from its own folder."""
    path = Path(connectors.__path__[0]) / provider_id / "icon.png"
    if provider_id not in registry.provider_ids() or not path.exists():
        abort(404)
    return send_file(path, mimetype="image/png", max_age=3600)


def handler_views(connection: Connection) -> list[present.HandlerView]:
    """Every handler of a connection, as a person sees it now."""
    progress = present.by_handler(context.services().progress.snapshot(context.person()))
    return [row.view for row in _rows(connection, progress)]


def _rows(connection: Connection, progress: Mapping[tuple[str, str], Any]) -> list[Row]:
    return [
        Row(
            context.handler_class(connection.provider, state.handler_id),
            state,
            present.handler_view(
                connection, state, progress.get((connection.id, state.handler_id))
            ),
        )
        for state in context.vault().handlers(connection.id)
    ]


def _return(connection_id: str) -> ResponseReturnValue:
    """To the page that the form was on."""
    if request.form.get("page") == "connection":
        return redirect(url_for(".connection", connection_id=connection_id), 303)
    return redirect(url_for(".connections"), 303)
