"""What a request works with: the services, the person, the person's vault."""

from __future__ import annotations

from typing import cast

from flask import Flask, abort, current_app, g

from connectors.sdk import registry
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.handler import Handler
from vault.errors import NotFoundError
from vault.model import Connection, HandlerState
from vault.vault import Vault
from worker.services import Services

_KEY = "data-connector-server"


def init_app(app: Flask, services: Services) -> None:
    """Lend the services to the app's requests."""
    app.extensions[_KEY] = services


def services() -> Services:
    """The services of this process."""
    return services_of(current_app)


def services_of(app: Flask) -> Services:
    """The services that were lent to the app."""
    return cast(Services, app.extensions[_KEY])


def person() -> str:
    """The id of the person who is signed in; 401 when nobody is."""
    if not g.get("person"):
        abort(401)
    return str(g.person)


def vault() -> Vault:
    """The vault of the person who is signed in; made on the first look."""
    return services().vaults.open(person(), create=True)


def connection(connection_id: str) -> Connection:
    """One of the person's connections; 404 when there is none of that id."""
    try:
        return vault().connection(connection_id)
    except NotFoundError:
        abort(404, "There is no such connection.")


def handler_state(connection_id: str, handler_id: str) -> HandlerState:
    """One handler of one of the person's connections; 404 when there is none of that id."""
    connection(connection_id)
    try:
        return vault().handler(connection_id, handler_id)
    except NotFoundError:
        abort(404, "This connection has no such handler.")


def handler_class(provider_id: str, handler_id: str) -> type[Handler] | None:
    """The handler's class; None when its provider is broken or has it no longer."""
    try:
        handlers = registry.provider_class(provider_id).handlers
    except ConfigurationError:
        return None
    return next((handler for handler in handlers if handler.id == handler_id), None)
