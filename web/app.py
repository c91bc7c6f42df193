"""The Flask app, put together."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from web import (
    api,
    context,
    dashboard,
    errors,
    health,
    keys,
    metrics,
    oauth,
    records,
    security,
    signin,
)
from worker.services import Services


def create_app(services: Services) -> Flask:
    """The web tier over the services.

    Raises:
        ConfigurationError: The secret key is missing, or a key or token cannot be used.
    """
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.secret_key = keys.secret_key(services.settings)
    context.init_app(app, services)
    # Forged requests are refused before anything else is looked at.
    security.init_app(app, services.settings)
    signin.init_app(app)
    oauth.init_app(app)
    dashboard.init_app(app)
    app.register_blueprint(records.blueprint)
    health.init_app(app, services)
    metrics.init_app(app, services)
    api.init_app(app)
    # After the API, whose library has a handler of its own that knows JSON alone.
    errors.init_app(app)
    if services.settings.web.public_url:
        # A proxy in front says by these headers how people reach it; the host is checked.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]  # Flask's documented way
    return app
