"""Connecting an account without OAuth: the steps of a provider's own sign-in, as pages.

A sign-in is alive between two requests (`connectors.sdk.signin.SignIn`), so it stays in this
process, for as long as somebody is at it. The session's cookie holds its number alone.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
from worker import connections

#: Seconds after which a sign-in that nobody goes on with is given up.
_IDLE_SECONDS = 300.0
#: Sign-ins that may be under way at once: each holds a client of the provider open.
_MOST = 20
_KEY = "data-connector-server-steps"
_LATE = "Signing in took too long. Try again."

blueprint = Blueprint("steps", __name__, url_prefix="/connect/<provider_id>/steps")


@dataclass(slots=True)
class _Held:
    """A sign-in under way.

    Args:
        person: Whose it is.
        provider_id: Where.
        sign_in: The sign-in; used by the holder of `lock` alone.
        seen: When somebody was at it last, on the monotonic clock.
    """

    person: str
    provider_id: str
    sign_in: SignIn
    seen: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class SignIns:
    """All sign-ins under way in this process."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def add(self, person: str, provider_id: str, sign_in: SignIn) -> str:
        """Hold one; its number. A person's earlier one is given up."""
        number = secrets.token_urlsafe(24)
        with self._lock:
            others = sorted(self._held, key=lambda key: self._held[key].seen)
            doomed = [key for key in others if self._held[key].person == person]
            doomed += [key for key in others if key not in doomed][
                : max(0, len(others) + 1 - _MOST)
            ]
            ended = [self._held.pop(key) for key in doomed]
            self._held[number] = _Held(person, provider_id, sign_in, time.monotonic())
        _close(ended)
        return number

    @contextmanager
    def use(self, number: str, person: str, provider_id: str) -> Iterator[SignIn | None]:
        """A sign-in, for one request at a time; None when it is there no more."""
        self.sweep()
        with self._lock:
            held = self._held.get(number)
        if held is None or (held.person, held.provider_id) != (person, provider_id):
            yield None
            return
        with held.lock:
            held.seen = time.monotonic()
            yield held.sign_in

    def end(self, number: str) -> None:
        """Give one up."""
        with self._lock:
            held = self._held.pop(number, None)
        _close([held] if held else [])

    def sweep(self) -> None:
        """Give up those that nobody goes on with."""
        oldest = time.monotonic() - _IDLE_SECONDS
        with self._lock:
            late = [key for key, held in self._held.items() if held.seen < oldest]
            ended = [self._held.pop(key) for key in late]
        _close(ended)

    def close(self) -> None:
        """Give all up."""
        with self._lock:
            ended, self._held = list(self._held.values()), {}
        _close(ended)


def _close(ended: list[_Held]) -> None:
    for held in ended:
        # Not while a request is at it.
        with held.lock:
            held.sign_in.close()


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
            tokens = sign_in.finish() if step.kind == "done" else None
        if tokens is None:
            return render_template("steps.html", provider=provider, step=step, mark=_mark(step))
        _end()
        made = connections.connect(context.services(), context.person(), provider.id, tokens)
    except (ConnectorError, VaultError) as error:
        _end()
        return back(str(error))
    return connected(provider, made)


@blueprint.get("/mark")
def mark(provider_id: str) -> ResponseReturnValue:
    """Whether the page is still that of the step: its script asks now and then."""
    try:
        with _using(provider_id) as sign_in:
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
        _end()
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
        _end()
        return back(str(error))
    return redirect(url_for(".show", provider_id=provider_id))


@contextmanager
def _using(provider_id: str) -> Iterator[SignIn | None]:
    held = sign_ins(current_app)
    with held.use(session.get("steps", ""), context.person(), provider_id) as sign_in:
        yield sign_in


def _end() -> None:
    sign_ins(current_app).end(session.pop("steps", ""))


def _mark(step: Step) -> str:
    """Tells a step from another without telling what it holds."""
    key = str(current_app.secret_key).encode()
    told = f"{step.kind}|{step.text}|{step.link}".encode()
    return hmac.new(key, told, hashlib.sha256).hexdigest()[:16]
