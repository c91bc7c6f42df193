"""The sandbox as a Flask application: every provider's paths under one root, and the controls."""

from __future__ import annotations

from flask import Flask, g, request
from werkzeug.wrappers import Response

from sandbox import control, control_holdings, disturb
from sandbox.options import SandboxOptions
from sandbox.world import World


def create_app(options: SandboxOptions | None = None) -> Flask:
    """The application; its state is `app.extensions["sandbox"]`, a `World`.

    Raises:
        FileNotFoundError: `options.mail` does not exist.
    """
    return app_of(World(options or SandboxOptions()))


def app_of(world: World) -> Flask:
    """The application of a world."""
    app = Flask(__name__, static_folder=None)
    app.extensions["sandbox"] = world
    app.before_request(lambda: _before(world))
    app.after_request(lambda response: _after(world, response))
    for side in world.sides.values():
        for routes in side.blueprints():
            app.register_blueprint(routes)
    app.register_blueprint(control.blueprint(world))
    app.register_blueprint(control_holdings.blueprint(world))
    return app


def _before(world: World) -> Response | None:
    if request.path.startswith("/_sandbox/"):
        return None
    world.tokens.used(request.headers.get("Authorization", "").partition(" ")[2])
    g.fault, response = disturb.before(request, world)
    if request.blueprint != "gmail" or response is not None:
        # The Gmail API takes its time itself, while the request counts as being worked on.
        world.work()
    return response


def _after(world: World, response: Response) -> Response:
    if request.path.startswith("/_sandbox/"):
        return response
    if g.fault is not None:
        response = disturb.after(g.fault, request, response, world)
    # Asking a body that comes bit by bit for its length would take it to its end.
    length = response.calculate_content_length() if response.is_sequence else 0
    world.stats.answered(length or 0)
    return response
