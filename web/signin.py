"""Sign-in by a one-time link that the server prints, and the session that follows.

The link's token stands behind `#`, so that it reaches neither logs nor other sites and a preview
of the link does not use it up: the page's script posts it. Redis holds hashes alone.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from config.settings import OWNER
from web import context, steps
from worker.services import Services

LINK_SECONDS = 15 * 60
#: What needs no session, and is not to fail when Redis does.
_WITHOUT_SESSION = frozenset({"static", "health.healthz", "health.readyz", "metrics.show"})
_PUBLIC = _WITHOUT_SESSION | {"signin.page", "signin.sign_in"}
#: Pages that a sign-in link may lead on to.
_NEXT = frozenset(
    {"dashboard.connections", "dashboard.connection", "records.listing", "connect.login"}
)

blueprint = Blueprint("signin", __name__)


def init_app(app: Flask) -> None:
    """Ask for a sign-in on all pages but the few public ones."""
    app.register_blueprint(blueprint)
    app.before_request(_require_person)


def make_sign_in_link(services: Services, next_path: str = "/", person: str = OWNER) -> str:
    """A link that signs a person in, once, within `LINK_SECONDS`.

    Args:
        services: Where Redis and the public URL come from.
        next_path: Path to go on to, such as `/connect/NAME?from=terminal`.
        person: Whom it signs in.
    """
    token = secrets.token_urlsafe(32)
    services.redis.set(_link_key(token), person, ex=LINK_SECONDS)
    fragment = {"token": token} | ({"next": next_path} if next_path != "/" else {})
    return f"{services.settings.public_url}/sign-in#{urlencode(fragment)}"


def sign_in_request(link: str) -> tuple[str, dict[str, str]]:
    """What a program without script posts in place of opening the link: URL and form.

    The answer is JSON; its `next` is the path to go on to.
    """
    parts = urlsplit(link)
    return parts._replace(fragment="").geturl(), dict(parse_qsl(parts.fragment))


@blueprint.get("/sign-in")
def page() -> ResponseReturnValue:
    """The page that posts the link's token; without one it says how to get a link."""
    return render_template("sign_in.html")


@blueprint.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Exchange a link's token for a session. Answers `{"next": PATH}`."""
    token = request.form.get("token", "")
    redis = context.services().redis
    person = cast(bytes | None, redis.getdel(_link_key(token))) if token else None
    if person is None:
        abort(
            401, "This sign-in link was used already or is too old. Ask the server for a new one."
        )
    session.clear()
    session.permanent = True
    session["id"] = secrets.token_urlsafe(32)
    hours = context.services().settings.web.session_hours
    redis.set(_session_key(session["id"]), person, ex=hours * 3600)
    return {"next": _next_path(request.form.get("next", "/"))}


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, at the server too: a copy of the cookie is worth nothing afterwards."""
    context.services().redis.delete(_session_key(session["id"]))
    steps.end(current_app)
    session.clear()
    return redirect(url_for("signin.page"), 303)


def _require_person() -> ResponseReturnValue | None:
    g.person = _person_of_session()
    if g.person or request.endpoint in _PUBLIC:
        return None
    if request.path.startswith("/api/"):
        abort(401, "Sign in first.")
    if request.method != "GET":
        abort(401, "You are signed out. Sign in again.")
    return redirect(url_for("signin.page"))


def _person_of_session() -> str | None:
    if request.endpoint in _WITHOUT_SESSION or "id" not in session:
        return None
    person = cast(bytes | None, context.services().redis.get(_session_key(session["id"])))
    return person.decode() if person else None


def _next_path(path: str) -> str:
    """The path if it is one of our own pages, else the first page: no open redirect."""
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or not path.startswith("/") or "\\" in path:
        return "/"
    try:
        endpoint, _ = current_app.url_map.bind("").match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return "/"
    return path if endpoint in _NEXT else "/"


def _link_key(token: str) -> str:
    return f"dcs:sign-in:{hashlib.sha256(token.encode()).hexdigest()}"


def _session_key(session_id: str) -> str:
    return f"dcs:session:{hashlib.sha256(session_id.encode()).hexdigest()}"
