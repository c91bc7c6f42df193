"""X's OAuth 2.0 server.

- PKCE is asked for, by S256 or plain; the client is confidential and shows itself by HTTP Basic.
- A code is good for 30 seconds.
- A refresh token comes with the scope `offline.access` alone, and is used once: each refresh brings
  another, without a grace. X's pages do not say so; it is consistently reported, as is that a spent
  one is `invalid_request`, and a client that is not right `unauthorized_client`.

X's own authorize page is at another host (x.com) than its token endpoint (api.x.com).
Access tokens last as long here as the sandbox's others; X's last two hours.

https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from sandbox.consent import page
from sandbox.oauth_rules import (
    BadRequestError,
    OAuthError,
    no_store,
    redirect_allowed,
    sent_back,
    show_errors,
    verifier_matches,
)
from sandbox.options import SandboxOptions
from sandbox.tokens import Grant, TokenRules
from sandbox.world import World

_AUTHORIZE, _TOKEN, _REVOKE = "/i/oauth2/authorize", "/2/oauth2/token", "/2/oauth2/revoke"
_CODE_SECONDS = 30.0
_MOST_STATE = 500
_OFFLINE = "offline.access"
#: Used once each, whatever the other providers do.
_RULES = TokenRules(rotate=True)


def blueprint(world: World, prefix: str, scopes: Sequence[str]) -> Blueprint:
    """The routes of X's OAuth server.

    Args:
        world: The sandbox's state.
        prefix: What all its paths begin with.
        scopes: All that can be granted.
    """
    routes = Blueprint("x-oauth", __name__, url_prefix=prefix)
    show_errors(routes)
    grantable = frozenset(scopes)

    @routes.get(_AUTHORIZE)
    def ask() -> AnyResponse:
        world.stats.request("authorize")
        asked = _Asked.read(request.args, world.options, grantable)
        return Response(page(asked.scopes, (), world.people, None, request.args))

    @routes.post(_AUTHORIZE)
    def decide() -> AnyResponse:
        world.stats.request("consent")
        asked = _Asked.read(request.form, world.options, grantable)
        return redirect(_decided(world, asked, request.form))

    @routes.post(_TOKEN)
    def exchange() -> AnyResponse:
        world.stats.request("token")
        _check_client(world.options)
        match request.form.get("grant_type"):
            case "authorization_code":
                return no_store(_exchanged(world, request.form))
            case "refresh_token":
                return no_store(_refreshed(world, request.form))
        raise OAuthError("unsupported_grant_type", "Value passed for the grant_type was invalid.")

    @routes.post(_REVOKE)
    def revoke() -> AnyResponse:
        world.stats.request("revoke")
        _check_client(world.options)
        return no_store({"revoked": world.tokens.revoke(request.form.get("token", ""))})

    return routes


@dataclass(frozen=True, slots=True)
class _Asked:
    """A valid authorization request."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    method: str

    @classmethod
    def read(
        cls, args: Mapping[str, str], options: SandboxOptions, grantable: frozenset[str]
    ) -> Self:
        """Check a request. X shows what is wrong with one on its page.

        Raises:
            BadRequestError: Something is wrong.
        """
        redirect_uri, state = args.get("redirect_uri", ""), args.get("state", "")
        scopes = tuple(dict.fromkeys(args.get("scope", "").split()))
        challenge = args.get("code_challenge", "")
        method = args.get("code_challenge_method", "plain")
        wrong = None
        if args.get("client_id") != options.client_id:
            wrong = "the client_id is not known"
        elif not redirect_allowed(redirect_uri, options.redirect_uris):
            wrong = "the redirect_uri is not the app's"
        elif args.get("response_type") != "code":
            wrong = "the response_type is not code"
        elif not scopes or not grantable.issuperset(scopes):
            wrong = "a scope is not known"
        elif not 0 < len(state) <= _MOST_STATE:
            wrong = "the state must have 1 to 500 characters"
        elif not challenge or method not in ("S256", "plain"):
            wrong = "PKCE's code_challenge is missing"
        if wrong:
            raise BadRequestError("invalid_request", f"Something went wrong: {wrong}.")
        return cls(redirect_uri, scopes, state, challenge, method)


def _decided(world: World, asked: _Asked, form: MultiDict[str, str]) -> str:
    """Where the person goes with the decision: X grants all that was asked for, or nothing."""
    number = form.get("account", "0")
    if not number.isdecimal() or int(number) >= len(world.accounts):
        raise BadRequestError("invalid_request", "There is no such account.")
    if form.get("decision") != "allow":
        return sent_back(asked.redirect_uri, asked.state, error="access_denied")
    grant = world.tokens.consent(int(number), asked.scopes, include_granted=False)
    code = world.tokens.code(
        grant,
        asked.redirect_uri,
        asked.challenge,
        asked.method,
        refresh=_OFFLINE in asked.scopes,
        seconds=_CODE_SECONDS,
    )
    return sent_back(asked.redirect_uri, asked.state, code=code)


def _check_client(options: SandboxOptions) -> None:
    """Check the client, which a confidential one shows by HTTP Basic.

    Raises:
        OAuthError: There is none, or it is not right.
    """
    basic = request.authorization
    if basic is None or basic.type != "basic":
        raise OAuthError("unauthorized_client", "Missing valid authorization header", 401)
    secret = (basic.password or "").encode()
    if basic.username != options.client_id or not hmac.compare_digest(
        secret, options.client_secret.encode()
    ):
        raise OAuthError("unauthorized_client", "Missing valid authorization header", 401)


def _exchanged(world: World, form: MultiDict[str, str]) -> dict[str, Any]:
    code = world.tokens.redeem(form.get("code", ""))
    if code is None or form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("invalid_request", "Value passed for the authorization code was invalid.")
    if not verifier_matches(code, form.get("code_verifier")):
        raise OAuthError("invalid_request", "Value passed for the code verifier was invalid.")
    return _given(
        world, code.grant, world.tokens.refresh_token(code.grant) if code.refresh else None
    )


def _refreshed(world: World, form: MultiDict[str, str]) -> dict[str, Any]:
    found = world.tokens.refresh(form.get("refresh_token", ""), _RULES)
    if found is None:
        raise OAuthError("invalid_request", "Value passed for the token was invalid.")
    return _given(world, *found)


def _given(world: World, grant: Grant, refresh_token: str | None) -> dict[str, Any]:
    given = {
        "token_type": "bearer",
        "expires_in": world.options.token_seconds,
        "access_token": world.tokens.access_token(grant),
        "scope": " ".join(sorted(grant.scopes)),
    }
    return given | ({"refresh_token": refresh_token} if refresh_token is not None else {})
