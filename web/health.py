"""`/healthz`: for load balancers and containers."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200: this process answers."""
    return "ok\n", {"Content-Type": "text/plain; charset=utf-8"}
