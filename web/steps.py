"""Connecting an account without OAuth: the steps of a provider's own sign-in, as pages.

A sign-in is alive between two requests, so it stays in this process, for as long as somebody is at
it (`web/sign_ins.py`). The session's cookie holds its number alone.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator
from contextlib import contextmanager

import segno
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from connectors.sdk.errors import ConnectorError
from connectors.sdk.provider import Provider
from connectors.sdk.signin import NotAcceptedError, SignIn, Step
from vault.errors import VaultError
from vault.model import Connection
from web import context
from web.sign_ins import SignIns
from worker import connections

_KEY = "data-connector-server-steps"
_LATE = "Signing in took too long. Try again."

blueprint = Blueprint("steps", __name__, url_prefix="/connect/<provider_id>/steps")


def init_app(app: Flask) -> None:
    """Add the routes."""
    app.extensions[_KEY] = SignIns()
    app.register_blueprint(blueprint)


def sign_ins(app: Flask) -> SignIns:
    """The sign-ins under way in an app."""
    found: SignIns = app.extensions[_KEY]
    return found


def begin(provider: Provider) -> ResponseReturnValue:
    """Begin a sign-in, and go to its first step. `?from=terminal` as for OAuth."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A page elsewhere must not end what the person is at.
        abort(403, "Begin connecting from the page of your connections.")
    sign_in = provider.sign_in(context.services().transport)
    session["steps"] = sign_ins(current_app).add(context.person(), provider.id, sign_in)
    session["connect_from"] = request.args.get("from", "")
    return redirect(url_for("steps.show", provider_id=provider.id))


def connected(provider: Provider, made: Connection) -> ResponseReturnValue:
    """Where a person goes whose account is connected now."""
    if session.pop("connect_from", "") == "terminal":
        return redirect(url_for("connect.done", provider_id=provider.id))
    flash(f"{provider.label} is connected. Its data is on its way.", "ok")
    return redirect(url_for("dashboard.connections") + f"#{made.id}")


def back(message: str) -> ResponseReturnValue:
    """Where a person goes whose account could not be connected."""
    flash(message, "bad")
    return redirect(url_for("dashboard.connections"))


@blueprint.get("")
def show(provider_id: str) -> ResponseReturnValue:
    """The step that the sign-in stands at."""
    provider = context.services().provider(provider_id)
    try:
        with _using(provider_id) as sign_in:
            if sign_in is None:
                return back(_LATE)
            step = sign_in.step()
            if step.kind != "done":
                return render_template("steps.html", provider=provider, step=step, mark=_mark(step))
            tokens = sign_in.finish()
            # Before another request gets hold of it.
            end(current_app)
        made = connections.connect(
            context.services(), context.person(), provider.id, tokens, sign_in.abandon
        )
    except (ConnectorError, VaultError) as error:
        end(current_app)
        return back(str(error))
    return connected(provider, made)


@blueprint.get("/mark")
def mark(provider_id: str) -> ResponseReturnValue:
    """Whether the page is still that of the step: its script asks now and then."""
    try:
        with _using(provider_id, looks=True) as sign_in:
            return jsonify({"mark": _mark(sign_in.step()) if sign_in else ""})
    except ConnectorError:
        # The page, loaded again, says why.
        return jsonify({"mark": ""})


@blueprint.get("/code.svg")
def code(provider_id: str) -> ResponseReturnValue:
    """The QR code of a step."""
    with _using(provider_id) as sign_in:
        step = sign_in.step() if sign_in else None
    if step is None or step.link is None:
        abort(404, "There is no code to scan now.")
    drawn = io.BytesIO()
    segno.make(step.link, error="m", micro=False).save(drawn, kind="svg", scale=6, light="white")
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


@blueprint.post("")
def go_on(provider_id: str) -> ResponseReturnValue:
    """What the person did: an answer, another way, or giving up."""
    if "stop" in request.form:
        end(current_app)
        return redirect(url_for("dashboard.connections"))
    try:
        with _using(provider_id) as sign_in:
            if sign_in is None:
                return back(_LATE)
            if "way" in request.form:
                sign_in.choose(request.form["way"])  # type: ignore[arg-type]  # it is checked there
            else:
                sign_in.answer(request.form.get("answer", "").strip())
    except NotAcceptedError as error:
        flash(str(error), "bad")
    except ConnectorError as error:
        end(current_app)
        return back(str(error))
    return redirect(url_for(".show", provider_id=provider_id))


@contextmanager
def _using(provider_id: str, *, looks: bool = False) -> Iterator[SignIn | None]:
    held, number = sign_ins(current_app), session.get("steps", "")
    with held.use(number, context.person(), provider_id, looks=looks) as sign_in:
        yield sign_in


def end(app: Flask) -> None:
    """Give up the sign-in of this session, if there is one."""
    sign_ins(app).end(session.pop("steps", ""))


def _mark(step: Step) -> str:
    """Tells a step from another without telling what it holds."""
    key = str(current_app.secret_key).encode()
    told = f"{step.kind}|{step.text}|{step.link}".encode()
    return hmac.new(key, told, hashlib.sha256).hexdigest()[:16]
