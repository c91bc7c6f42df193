"""What holds for every request: trusted hosts, protection against forged requests, headers."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request, session

from config.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Proves itself by its one-time token; there is no session yet that could be misused.
_WITHOUT_CSRF = frozenset({"signin.sign_in"})

#: Asked by probes and by Prometheus under whatever address they know; they tell a page elsewhere
#: nothing (`/metrics` looks at the name itself, where no token guards it).
_ANY_HOST = frozenset({"health.healthz", "health.readyz", "metrics.show"})

#: No inline script or style, nothing from elsewhere, no frames.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask, settings: Settings) -> None:
    """Guard all of the app's requests and answers."""
    app.config.update(
        SESSION_COOKIE_NAME="dcs",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=settings.web.session_hours * 3600,
        MAX_CONTENT_LENGTH=1024 * 1024,
    )
    trusted = trusted_hosts(settings)
    app.before_request(lambda: _refuse_other_hosts(trusted))
    app.before_request(_refuse_forged)
    app.after_request(_add_headers)
    app.jinja_env.globals["csrf_token"] = csrf_token


def trusted_hosts(settings: Settings) -> frozenset[str]:
    """Names under which the server answers: its own, and loopback's.

    Any other `Host` is refused, so that a page elsewhere cannot point its own name here.
    """
    public = urlsplit(settings.public_url).hostname
    return _LOOPBACK | ({public} if public else frozenset())


def csrf_token() -> str:
    """The session's token against forged requests; made on first use."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


def _refuse_other_hosts(trusted: frozenset[str]) -> Response | None:
    """400 for any other name. Flask's own TRUSTED_HOSTS knows no IPv6 addresses."""
    if request.endpoint in _ANY_HOST or urlsplit(f"//{request.host}").hostname in trusted:
        return None
    # Not a page: no URL may be built of this name.
    message = "This server does not answer under this name; see the setting web.public_url.\n"
    return Response(message, status=400, mimetype="text/plain")


def _refuse_forged() -> None:
    """403 unless a request that changes something comes from our own pages.

    Forms send the token as field `csrf`, programs as header `X-CSRF-Token`.
    """
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        abort(403, "The request came from another site.")
    if request.endpoint in _WITHOUT_CSRF:
        return
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
    expected = session.get("csrf", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        abort(403, "The page is out of date. Load it again and repeat what you did.")


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
