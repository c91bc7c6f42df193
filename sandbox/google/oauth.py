"""Google's OAuth 2.0 server for web applications.

https://developers.google.com/identity/protocols/oauth2/web-server
https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions

The consent page always shows, as when the person has several accounts; `prompt=none` skips it
where everything was granted before. A refresh token comes with the first consent that asks for
offline access, and again only when `prompt=consent` is asked for. The page's form is posted to its
own path, with all parameters of the request and:

- `account`: number of the account
- `granted`: one for each scope that is granted
- `decision`: `allow` or `deny`

How that form travels at Google is not public. The `id_token` that Google adds to the tokens of
`openid` is left out: who it is, userinfo tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request
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
from sandbox.tokens import Grant
from sandbox.world import World

_ALIASES = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}
# Signing in is one checkbox that cannot be refused by itself.
SIGN_IN = frozenset({"openid", *_ALIASES.values()})


@dataclass(frozen=True, slots=True)
class Request:
    """A valid authorization request."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None
    method: str
    offline: bool
    include_granted: bool
    prompt: str
    login_hint: str | None

    @classmethod
    def read(cls, args: Mapping[str, str], options: SandboxOptions) -> Request:
        """Check a request.

        Raises:
            BadRequestError: Unknown client, unregistered redirect, or a bad parameter.
        """
        if args.get("client_id") != options.client_id:
            raise BadRequestError("invalid_client", "The OAuth client was not found.", 401)
        redirect_uri = args.get("redirect_uri", "")
        if not redirect_allowed(redirect_uri, options.redirect_uris):
            raise BadRequestError(
                "redirect_uri_mismatch", "The redirect URI is not registered for this client."
            )
        if args.get("response_type") != "code":
            raise BadRequestError("unsupported_response_type", "response_type must be code.")
        scopes = tuple(_ALIASES.get(name, name) for name in args.get("scope", "").split())
        if not scopes:
            raise BadRequestError("invalid_request", "Missing required parameter: scope")
        method = args.get("code_challenge_method", "plain")
        if method not in ("S256", "plain"):
            raise BadRequestError("invalid_request", "Invalid code_challenge_method")
        return cls(
            redirect_uri=redirect_uri,
            scopes=tuple(dict.fromkeys(scopes)),
            state=args.get("state"),
            challenge=args.get("code_challenge") or None,
            method=method,
            offline=args.get("access_type") == "offline",
            include_granted=args.get("include_granted_scopes") == "true",
            prompt=args.get("prompt", ""),
            login_hint=args.get("login_hint"),
        )

    def back(self, **params: str) -> str:
        """The redirect with these parameters and the state."""
        return sent_back(self.redirect_uri, self.state, **params)


def blueprint(world: World) -> Blueprint:
    """The routes of the OAuth server."""
    routes = Blueprint("oauth", __name__)
    show_errors(routes)
    _consent(routes, world)
    _tokens(routes, world)
    return routes


def _consent(routes: Blueprint, world: World) -> None:
    @routes.get("/o/oauth2/v2/auth")
    @routes.get("/o/oauth2/auth")
    def ask() -> AnyResponse:
        world.stats.request("authorize")
        asked = Request.read(request.args, world.options)
        if asked.prompt == "none":
            return redirect(_without_asking(world, asked))
        return Response(page(asked.scopes, SIGN_IN, world.people, asked.login_hint, request.args))

    @routes.post("/o/oauth2/v2/auth")
    @routes.post("/o/oauth2/auth")
    def decide() -> AnyResponse:
        world.stats.request("consent")
        asked = Request.read(request.form, world.options)
        return redirect(_decided(world, asked, request.form))


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/token")
    @routes.post("/o/oauth2/token")
    def token() -> AnyResponse:
        world.stats.request("token")
        check_client(world.options)
        match request.form.get("grant_type"):
            case "authorization_code":
                return no_store(_exchange(world, request.form))
            case "refresh_token":
                return no_store(_refreshed(world, request.form))
        raise OAuthError("unsupported_grant_type", "Invalid grant_type")

    @routes.route("/revoke", methods=["GET", "POST"])
    @routes.route("/o/oauth2/revoke", methods=["GET", "POST"])
    def revoke() -> AnyResponse:
        world.stats.request("revoke")
        if not world.tokens.revoke(request.values.get("token", "")):
            raise OAuthError("invalid_token", "Token expired or revoked")
        return jsonify({})


def _decided(world: World, asked: Request, form: MultiDict[str, str]) -> str:
    number = form.get("account", "0")
    if not number.isdigit() or int(number) >= len(world.accounts):
        raise BadRequestError("invalid_request", "There is no such account.")
    granted = [scope for scope in asked.scopes if scope in set(form.getlist("granted"))]
    if form.get("decision") != "allow" or not granted:
        return asked.back(error="access_denied")
    return _approved(world, asked, int(number), granted, asked_person=True)


def _without_asking(world: World, asked: Request) -> str:
    account = next(
        (a for a in world.accounts if asked.login_hint in (a.person.email, a.person.sub)),
        world.account(0),
    )
    if not world.tokens.granted(account.index).issuperset(asked.scopes):
        return asked.back(error="interaction_required")
    return _approved(world, asked, account.index, list(asked.scopes), asked_person=False)


def _approved(
    world: World, asked: Request, account: int, scopes: list[str], *, asked_person: bool
) -> str:
    first = not world.tokens.granted(account)
    again = asked_person and "consent" in asked.prompt.split()
    grant = world.tokens.consent(account, scopes, include_granted=asked.include_granted)
    refresh = asked.offline and (first or again)
    code = world.tokens.code(
        grant, asked.redirect_uri, asked.challenge, asked.method, refresh=refresh
    )
    scope = " ".join(sorted(grant.scopes))
    return asked.back(code=code, scope=scope, authuser=str(account), prompt="consent")


def _exchange(world: World, form: MultiDict[str, str]) -> dict[str, Any]:
    code = world.tokens.redeem(form.get("code", ""))
    if code is None:
        raise OAuthError("invalid_grant", "Malformed auth code.")
    if form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("redirect_uri_mismatch", "Bad Request")
    if not verifier_matches(code, form.get("code_verifier")):
        missing = not form.get("code_verifier")
        raise OAuthError("invalid_grant", f"{'Missing' if missing else 'Invalid'} code verifier.")
    refresh = world.tokens.refresh_token(code.grant) if code.refresh else None
    return _granted(world, code.grant, refresh)


def _refreshed(world: World, form: MultiDict[str, str]) -> dict[str, Any]:
    found = world.tokens.refresh(form.get("refresh_token", ""))
    if found is None:
        raise OAuthError("invalid_grant", "Token has been expired or revoked.")
    grant, rotated = found
    return _granted(world, grant, rotated)


def _granted(world: World, grant: Grant, refresh: str | None) -> dict[str, Any]:
    shown = {
        "access_token": world.tokens.access_token(grant),
        "expires_in": world.options.token_seconds - 1,
        "scope": " ".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }
    return shown | ({"refresh_token": refresh} if refresh is not None else {})
