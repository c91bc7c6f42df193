"""The REST API below `/api/rest/v1`, described at `/api/rest/v1/openapi.json`.

Answers are JSON; an error has a `message` for people. A browser's session signs requests in;
those that change something also carry the session's token in `X-CSRF-Token`, which `/session`
tells.
"""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from web.api import connections, events, providers, records, session

ROOT = "/api/rest/v1"


def init_app(app: Flask) -> None:
    """Add the API's routes and their description."""
    app.config.update(
        API_TITLE="Data Connector Server",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX=ROOT,
        OPENAPI_JSON_PATH="openapi.json",
    )
    scheme = {"session": {"type": "apiKey", "in": "cookie", "name": "dcs"}}
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": __doc__},
            "components": {"securitySchemes": scheme},
            "security": [{"session": []}],
        },
    )
    events.init_app(app)
    for module in (session, providers, connections, records, events):
        api.register_blueprint(module.blueprint, url_prefix=ROOT)
