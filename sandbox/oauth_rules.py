"""What every OAuth 2.0 server checks alike, and how it refuses.

https://datatracker.ietf.org/doc/html/rfc6749, https://datatracker.ietf.org/doc/html/rfc7636
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.consent import error_page
from sandbox.options import SandboxOptions
from sandbox.tokens import Code

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.body = {"error": error, "error_description": description}
        self.status = status


class BadRequestError(Exception):
    """A refusal that is shown to the person, since the redirect cannot be trusted."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


def show_errors(routes: Blueprint) -> None:
    """Answer both refusals in their forms: a page, and JSON."""

    @routes.errorhandler(BadRequestError)
    def refused(error: BadRequestError) -> AnyResponse:
        return Response(error_page(error.error, error.description), status=error.status)

    @routes.errorhandler(OAuthError)
    def token_refused(error: OAuthError) -> AnyResponse:
        response = jsonify(error.body)
        response.status_code = error.status
        return response


def redirect_allowed(uri: str, registered: tuple[str, ...]) -> bool:
    """Whether the client may be answered there: registered, else any on loopback."""
    if registered:
        return uri in registered
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK


def sent_back(redirect_uri: str, state: str | None, **params: str) -> str:
    """The redirect with these parameters and the state."""
    query = urlencode({**({"state": state} if state else {}), **params})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"


def verifier_matches(code: Code, verifier: str | None) -> bool:
    """Whether a PKCE verifier fits the code's challenge (RFC 7636)."""
    if code.challenge is None:
        return True
    made = (verifier or "").encode("ascii", "replace")
    if code.method == "S256":
        made = base64.urlsafe_b64encode(hashlib.sha256(made).digest()).rstrip(b"=")
    return bool(verifier) and hmac.compare_digest(made, code.challenge.encode())


def check_client(options: SandboxOptions) -> None:
    """Check the client's id and secret, in the form or by HTTP Basic (RFC 6749, 2.3.1).

    Raises:
        OAuthError: They are not the sandbox's client's.
    """
    basic = request.authorization
    name, secret = request.form.get("client_id"), request.form.get("client_secret")
    if basic is not None and basic.type == "basic":
        name, secret = basic.username, basic.password
    if name != options.client_id:
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if not hmac.compare_digest((secret or "").encode(), options.client_secret.encode()):
        raise OAuthError("invalid_client", "Unauthorized", 401)


def no_store(body: dict[str, Any]) -> AnyResponse:
    """Tokens as JSON that no cache may keep (RFC 6749, 5.1)."""
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response
