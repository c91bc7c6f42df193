"""An OAuth 2.0 server without peculiarities, for providers that need no more to be played.

The authorization code flow (RFC 6749, 4.1) with PKCE by S256 (RFC 7636), refresh tokens (RFC 6749,
6; they rotate where `SandboxOptions.rotate_refresh_tokens` says so) and revoking (RFC 7009). A code
always brings a refresh token; one that was revoked or has rotated away is an `invalid_grant`. All
providers share the store of tokens: a token opens what its scopes name.

https://datatracker.ietf.org/doc/html/rfc6749, https://datatracker.ietf.org/doc/html/rfc7636
"""

from __future__ import annotations

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
    check_client,
    no_store,
    redirect_allowed,
    sent_back,
    show_errors,
    verifier_matches,
)
from sandbox.options import SandboxOptions
from sandbox.tokens import Grant, TokenRules
from sandbox.world import World


def blueprint(
    world: World,
    name: str,
    prefix: str,
    scopes: Sequence[str],
    *,
    authorize: str = "/oauth/authorize",
    token: str = "/oauth/token",  # noqa: S107 - a path
    revoke: str = "/oauth/revoke",
    rules: TokenRules | None = None,
) -> Blueprint:
    """The routes of a provider's OAuth server.

    Args:
        world: The sandbox's state.
        name: The provider's id, for the counts.
        prefix: What the provider's paths begin with at the sandbox (`Side.prefix`).
        scopes: All that can be granted; an application that asks for another is refused.
        authorize: Path of the consent page.
        token: Path of the token endpoint.
        revoke: Path where a token is given back.
        rules: How refresh tokens end at this provider; default: as at all others.
    """
    routes = Blueprint(f"{name}-oauth", __name__, url_prefix=prefix or None)
    show_errors(routes)
    _consent(routes, world, frozenset(scopes), authorize)
    _tokens(routes, world, token, revoke, rules)
    return routes


def bearer(world: World) -> Grant | None:
    """What the request's access token stands for; None without one that is good (RFC 6750, 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return world.tokens.check(token.strip()) if scheme.lower() == "bearer" else None


class _RedirectedError(Exception):
    """A refusal that goes back to the application (RFC 6749, 4.1.2.1)."""

    def __init__(self, location: str) -> None:
        super().__init__("refused")
        self.location = location


@dataclass(frozen=True, slots=True)
class _Asked:
    """A valid authorization request."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None

    @classmethod
    def read(
        cls, args: Mapping[str, str], options: SandboxOptions, grantable: frozenset[str]
    ) -> Self:
        """Check a request.

        Raises:
            BadRequestError: Unknown client, or a redirect that is not its own.
            _RedirectedError: Another parameter is wrong.
        """
        if args.get("client_id") != options.client_id:
            raise BadRequestError("invalid_client", "The OAuth client was not found.", 401)
        redirect_uri, state = args.get("redirect_uri", ""), args.get("state")
        if not redirect_allowed(redirect_uri, options.redirect_uris):
            raise BadRequestError("invalid_request", "The redirect URI is not registered.")
        challenge = args.get("code_challenge") or None
        scopes = tuple(dict.fromkeys(args.get("scope", "").split()))
        refusal = None
        if args.get("response_type") != "code":
            refusal = "unsupported_response_type"
        elif not scopes or not grantable.issuperset(scopes):
            refusal = "invalid_scope"
        elif challenge and args.get("code_challenge_method") != "S256":
            refusal = "invalid_request"
        if refusal:
            raise _RedirectedError(sent_back(redirect_uri, state, error=refusal))
        return cls(redirect_uri, scopes, state, challenge)


def _consent(routes: Blueprint, world: World, grantable: frozenset[str], path: str) -> None:
    @routes.errorhandler(_RedirectedError)
    def refused(error: _RedirectedError) -> AnyResponse:
        return redirect(error.location)

    @routes.get(path)
    def ask() -> AnyResponse:
        world.stats.request("authorize")
        asked = _Asked.read(request.args, world.options, grantable)
        return Response(page(asked.scopes, (), world.people, None, request.args))

    @routes.post(path)
    def decide() -> AnyResponse:
        world.stats.request("consent")
        asked = _Asked.read(request.form, world.options, grantable)
        return redirect(_decided(world, asked, request.form))


def _decided(world: World, asked: _Asked, form: MultiDict[str, str]) -> str:
    """Where the person goes with the decision: back to the application."""
    number = form.get("account", "0")
    if not number.isdecimal() or int(number) >= len(world.accounts):
        raise BadRequestError("invalid_request", "There is no such account.")
    granted = [scope for scope in asked.scopes if scope in set(form.getlist("granted"))]
    if form.get("decision") != "allow" or not granted:
        return sent_back(asked.redirect_uri, asked.state, error="access_denied")
    grant = world.tokens.consent(int(number), granted, include_granted=False)
    code = world.tokens.code(grant, asked.redirect_uri, asked.challenge, "S256", refresh=True)
    return sent_back(asked.redirect_uri, asked.state, code=code)


def _tokens(
    routes: Blueprint, world: World, token: str, revoke: str, rules: TokenRules | None
) -> None:
    @routes.post(token)
    def exchange() -> AnyResponse:
        world.stats.request("token")
        check_client(world.options)
        match request.form.get("grant_type"):
            case "authorization_code":
                return no_store(_exchanged(world, request.form))
            case "refresh_token":
                return no_store(_refreshed(world, request.form, rules))
        raise OAuthError("unsupported_grant_type", "grant_type is not known")

    @routes.post(revoke)
    def give_back() -> AnyResponse:
        world.stats.request("revoke")
        check_client(world.options)
        # A token that is not known is as good as revoked (RFC 7009, 2.2).
        world.tokens.revoke(request.form.get("token", ""))
        return no_store({})


def _exchanged(world: World, form: MultiDict[str, str]) -> dict[str, Any]:
    code = world.tokens.redeem(form.get("code", ""))
    if code is None:
        raise OAuthError("invalid_grant", "The code is not known, was used, or came too late.")
    if form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect URI is not the one the code was given for.")
    if not verifier_matches(code, form.get("code_verifier")):
        raise OAuthError("invalid_grant", "The code verifier does not fit.")
    return _given(world, code.grant, world.tokens.refresh_token(code.grant))


def _refreshed(world: World, form: MultiDict[str, str], rules: TokenRules | None) -> dict[str, Any]:
    found = world.tokens.refresh(form.get("refresh_token", ""), rules)
    if found is None:
        raise OAuthError("invalid_grant", "The refresh token has ended.")
    return _given(world, *found)


def _given(world: World, grant: Grant, refresh_token: str | None) -> dict[str, Any]:
    """The token endpoint's answer (RFC 6749, 5.1)."""
    given = {
        "access_token": world.tokens.access_token(grant),
        "token_type": "Bearer",
        "expires_in": world.options.token_seconds,
        "scope": " ".join(sorted(grant.scopes)),
    }
    return given | ({"refresh_token": refresh_token} if refresh_token is not None else {})
