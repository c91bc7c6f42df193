"""`/healthz` and `/readyz`: for load balancers and containers, without a sign-in.

`/healthz` says that the process answers: one that does not is to be started again. `/readyz` says
that the whole server can do its work: it is looked at every few seconds and must stay cheap.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from redis import Redis
from redis.exceptions import RedisError

from vault.errors import VaultError
from web import context
from worker.heartbeats import BEAT, WORKER, fresh_seconds, impatient, seen
from worker.services import Services

_KEY = "data-connector-server-probe"
OK = "ok"

blueprint = Blueprint("health", __name__)


def init_app(app: Flask, services: Services) -> None:
    """Add the two addresses."""
    # A Redis that hangs must make this say so, and not hang as well.
    app.extensions[_KEY] = impatient(services.redis)
    app.register_blueprint(blueprint)


def probe() -> Redis:
    """A client of the server's Redis that waits for two seconds at most."""
    return cast(Redis, current_app.extensions[_KEY])


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200: this process answers."""
    return "ok\n", {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 when every part is ready, else 503; the JSON names each part and what it lacks."""
    parts = {"vaults": _vaults(), **_redis()}
    ready = all(state == OK for state in parts.values())
    return {"ready": ready, "parts": parts}, 200 if ready else 503


def _vaults() -> str:
    try:
        context.services().vaults.check()
    except (VaultError, OSError):
        # The reason names files, which is nothing for whoever asks: `dcs doctor` tells it.
        return "keys or folder cannot be used"
    return OK


def _redis() -> dict[str, str]:
    try:
        found = seen(probe())
    except RedisError:
        return {"redis": "does not answer", WORKER: "unknown", BEAT: "unknown"}
    limit = fresh_seconds(context.services().settings)
    alive = {one.part for one in found if one.age <= limit}
    parts = {part: OK if part in alive else "no heartbeat" for part in (WORKER, BEAT)}
    return {"redis": OK, **parts}
