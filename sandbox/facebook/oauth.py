"""Facebook Login by hand: the dialog, the code's exchange, and the exchange for a token that lasts.

There are no refresh tokens, and an answer tells no scopes. The exchanges are documented as GET;
that they are answered as POST of a form too is how many clients call them. How errors of the token
endpoint look is commonly seen, not documented.

https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow
https://developers.facebook.com/documentation/facebook-login/guides/access-tokens/get-long-lived
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from sandbox.consent import page
from sandbox.facebook.errors import GraphError, expired
from sandbox.facebook.graph import VERSIONS
from sandbox.oauth_rules import (
    BadRequestError,
    no_store,
    redirect_allowed,
    sent_back,
    show_errors,
)
from sandbox.tokens import Grant
from sandbox.world import World

#: Life of a token that lasts, as the documentation's example has it.
LASTING_SECONDS = 5_183_944
#: The permission that every app has and nobody can decline.
_BASIC = "public_profile"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A valid request for the dialog."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None

    @classmethod
    def read(cls, args: Mapping[str, str], world: World, grantable: tuple[str, ...]) -> Self:
        """Check a request; what is wrong is shown to the person.

        Raises:
            BadRequestError: It is not valid.
        """
        if args.get("client_id") != world.options.client_id:
            raise BadRequestError("invalid_client", "Invalid App ID")
        redirect_uri = args.get("redirect_uri", "")
        if not redirect_allowed(redirect_uri, world.options.redirect_uris):
            raise BadRequestError("URL Blocked", "This redirect failed because it is not allowed.")
        if args.get("response_type", "code") != "code":
            raise BadRequestError("invalid_request", "The sandbox plays response_type=code alone.")
        scopes = tuple(dict.fromkeys(s for s in re.split(r"[,\s]+", args.get("scope", "")) if s))
        if unknown := sorted(set(scopes) - set(grantable)):
            raise BadRequestError("Invalid Scopes", f"Invalid Scopes: {', '.join(unknown)}.")
        return cls(redirect_uri, (_BASIC, *(s for s in scopes if s != _BASIC)), args.get("state"))


def blueprint(world: World, prefix: str, scopes: tuple[str, ...]) -> Blueprint:
    """The routes of the dialog and the token endpoint."""
    routes = Blueprint("facebook-oauth", __name__, url_prefix=prefix)
    show_errors(routes)

    @routes.errorhandler(GraphError)
    def refused(error: GraphError) -> AnyResponse:
        made = error.refusal()
        return Response(made.body, made.status, {"Content-Type": "application/json"})

    @routes.get("/<version>/dialog/oauth")
    def ask(version: str) -> AnyResponse:  # noqa: ARG001 - any will do
        world.stats.request("authorize")
        asked = _Asked.read(request.args, world, scopes)
        return Response(page(asked.scopes, (_BASIC,), world.people, None, request.args))

    @routes.post("/<version>/dialog/oauth")
    def decide(version: str) -> AnyResponse:  # noqa: ARG001 - any will do
        world.stats.request("consent")
        asked = _Asked.read(request.form, world, scopes)
        return redirect(_decided(world, asked, request.form))

    @routes.route("/<version>/oauth/access_token", methods=["GET", "POST"])
    def token(version: str) -> AnyResponse:
        world.stats.request("token")
        if version not in VERSIONS:
            raise GraphError(2500, "Unknown path components: /oauth/access_token")
        return no_store(_given(world, request.values))

    return routes


def _decided(world: World, asked: _Asked, form: MultiDict[str, str]) -> str:
    """Where the person goes with the decision: back to the application."""
    number = form.get("account", "0")
    if not number.isdecimal() or int(number) >= len(world.accounts):
        raise BadRequestError("invalid_request", "There is no such account.")
    if form.get("decision") != "allow":
        return sent_back(
            asked.redirect_uri,
            asked.state,
            error="access_denied",
            error_code="200",
            error_description="Permissions error",
            error_reason="user_denied",
        )
    chosen = {_BASIC, *form.getlist("granted")}
    granted = [scope for scope in asked.scopes if scope in chosen]
    grant = world.tokens.consent(int(number), granted, include_granted=False)
    code = world.tokens.code(grant, asked.redirect_uri, None, "S256", refresh=False)
    return sent_back(asked.redirect_uri, asked.state, code=code)


def _given(world: World, values: Mapping[str, str]) -> dict[str, Any]:
    """The token endpoint's answer."""
    options = world.options
    if values.get("client_id") != options.client_id:
        message = "Error validating application. Cannot get application info due to a system error."
        raise GraphError(101, message)
    secret = values.get("client_secret") or ""
    if not hmac.compare_digest(secret.encode(), options.client_secret.encode()):
        raise GraphError(1, "Error validating client secret.")
    match values.get("grant_type", "authorization_code"):
        case "authorization_code":
            return _answer(world, _redeemed(world, values), options.token_seconds)
        case "fb_exchange_token":
            grant = world.tokens.check(values.get("fb_exchange_token"))
            if grant is None:
                raise expired()
            return _answer(world, grant, LASTING_SECONDS)
    raise GraphError(100, "Invalid grant_type")


def _redeemed(world: World, values: Mapping[str, str]) -> Grant:
    code = world.tokens.redeem(values.get("code", ""))
    if code is None:
        raise GraphError(100, "This authorization code has been used.", subcode=36009)
    if values.get("redirect_uri") != code.redirect_uri:
        message = (
            "Error validating verification code. Please make sure your redirect_uri is identical "
            "to the one you used in the OAuth dialog request"
        )
        raise GraphError(100, message, subcode=36008)
    return code.grant


def _answer(world: World, grant: Grant, seconds: int) -> dict[str, Any]:
    token = world.tokens.access_token(grant, seconds)
    return {"access_token": token, "token_type": "bearer", "expires_in": seconds}
