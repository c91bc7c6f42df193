"""`/session`: who is signed in."""

from __future__ import annotations

from typing import Any

from web import context
from web.api.blueprint import Blueprint
from web.api.schemas import SessionSchema
from web.security import csrf_token

blueprint = Blueprint("session", "Who is signed in.")


@blueprint.get("/session")
@blueprint.response(200, SessionSchema)
def current() -> dict[str, Any]:
    """Who is signed in, and the token that changes must carry."""
    return {"person": context.person(), "csrf_token": csrf_token()}
