"""Who the token's person is: the userinfo endpoints in their three forms.

https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.google.call import Call
from sandbox.mail.attachments import png
from sandbox.people import Person
from sandbox.tokens import Grant
from sandbox.world import World

_AUTH = "https://www.googleapis.com/auth/userinfo."
_COLOURS = ((66, 133, 244), (52, 168, 83), (251, 188, 5), (234, 67, 53))


def blueprint(world: World) -> Blueprint:
    """The routes of userinfo, and the picture it names."""
    routes = Blueprint("userinfo", __name__)

    @routes.get("/oauth2/v3/userinfo")
    @routes.get("/v1/userinfo")
    def openid() -> AnyResponse:
        return _answer(world, version=3)

    @routes.get("/oauth2/v2/userinfo")
    @routes.get("/oauth2/v1/userinfo")
    def old() -> AnyResponse:
        return _answer(world, version=2)

    @routes.get("/a/<int:number>.png")
    def picture(number: int) -> Response:
        return Response(png(*_COLOURS[number % len(_COLOURS)], size=96), content_type="image/png")

    return routes


def _answer(world: World, version: int) -> AnyResponse:
    world.stats.request("userinfo")
    call = Call.read("GET", request.full_path, request.headers.get("Authorization"))
    grant = world.tokens.check(call.token)
    if grant is None:
        return _refused(401, "invalid_request", "Invalid Credentials")
    if grant.scopes.isdisjoint({"openid", f"{_AUTH}email", f"{_AUTH}profile"}):
        return _refused(403, "insufficient_scope", "Request had insufficient scopes.")
    account = world.account(grant.account)
    picture = f"{request.host_url}a/{account.index}.png"
    return jsonify(_shown(account.person, grant, picture, version))


def _refused(status: int, error: str, description: str) -> AnyResponse:
    response = jsonify({"error": error, "error_description": description})
    response.status_code = status
    return response


def _shown(person: Person, grant: Grant, picture: str, version: int) -> dict[str, Any]:
    """What the granted scopes let be seen; the picture stands on the sandbox's own address."""
    shown: dict[str, Any] = {"sub" if version == 3 else "id": person.sub}
    if f"{_AUTH}email" in grant.scopes:
        verified = "email_verified" if version == 3 else "verified_email"
        shown |= {"email": person.email, verified: True}
    if f"{_AUTH}profile" in grant.scopes:
        shown |= {"name": person.name, "given_name": person.given_name}
        shown |= {"family_name": person.family_name, "picture": picture}
    return shown
