"""The sandbox as a Flask application: every provider's paths under one root, and the controls."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, g, request
from werkzeug.wrappers import Response

from sandbox import control, control_holdings, disturb
from sandbox.options import SandboxOptions
from sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CONTROLS = "/_sandbox"


def create_app(options: SandboxOptions | None = None) -> Flask:
    """The application; its state is `app.extensions["sandbox"]`, a `World`.

    Raises:
        FileNotFoundError: `options.mail` does not exist.
    """
    return app_of(World(options or SandboxOptions()))


def app_of(world: World) -> Flask:
    """The application of a world."""
    app = _with_routes(world, ())
    app.wsgi_app = _Parts(world, app)  # type: ignore[method-assign]
    return app


class _Parts:
    """Hands each request to the part that serves its path, which is made for its first one.

    A test asks for one provider's paths, mostly, and making the routes of all of them takes longer
    than many a test.

    Args:
        world: The sandbox's state.
        other: Answers to what no part serves.
    """

    def __init__(self, world: World, other: Flask) -> None:
        self._world = world
        self._other = other.wsgi_app
        self._made: dict[str, WSGIApplication] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        prefixes = [_CONTROLS, *(side.prefix for side in self._world.sides.values())]
        found = max((p for p in prefixes if path.startswith(f"{p}/")), key=len, default=None)
        serve = self._other if found is None else self._part(found)
        return serve(environ, start_response)

    def _part(self, prefix: str) -> WSGIApplication:
        with self._lock:
            if prefix not in self._made:
                self._made[prefix] = _with_routes(self._world, self._routes(prefix)).wsgi_app
            return self._made[prefix]

    def _routes(self, prefix: str) -> Iterator[Blueprint]:
        if prefix == _CONTROLS:
            yield from (control.blueprint(self._world), control_holdings.blueprint(self._world))
        for side in self._world.sides.values():
            if side.prefix == prefix:
                yield from side.blueprints()


def _with_routes(world: World, routes: Iterable[Blueprint]) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.extensions["sandbox"] = world
    app.before_request(lambda: _before(world))
    app.after_request(lambda response: _after(world, response))
    for blueprint in routes:
        app.register_blueprint(blueprint)
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
