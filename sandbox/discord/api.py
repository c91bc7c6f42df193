"""Discord's API, version 10, as far as a person's own data goes.

| request | scope | answer |
| --- | --- | --- |
| `GET /users/@me` | `identify` | the account |
| `GET /users/@me/guilds` | `guilds` | its servers, by id; `limit` 1 to 200, `after`, `before`, `with_counts` |

What Discord does with a parameter that it does not know is not documented; here it is refused, so
that a mistake shows. Every request needs a `User-Agent` of Discord's form.

https://docs.discord.com/developers/reference
https://docs.discord.com/developers/resources/user
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from sandbox import plain_oauth
from sandbox.discord.errors import RefusedError, bad_parameter, plain
from sandbox.discord.limits import Address, Window
from sandbox.discord.store import MOST, Guilds
from sandbox.options import Quota
from sandbox.world import World

_AGENT = re.compile(r"DiscordBot \(https?://[^\s(),]+, ?[\w.+-]+\)( .*)?")
_CLOUDFLARE = 40333
#: Ids of accounts begin here, and are so far apart.
_FIRST, _APART = 80_351_110_224_678_912, 7_919 << 22
_ID = re.compile(r"[0-9]{1,19}")
_YES = {"true", "True", "1"}
_NO = {"false", "False", "0"}


def blueprint(
    world: World, prefix: str, guilds: Sequence[Guilds], address: Address, quota: Quota
) -> Blueprint:
    """The routes of the API.

    Args:
        world: The sandbox's state.
        prefix: What all its paths begin with.
        guilds: The servers of each account.
        address: That all calls come from.
        quota: Calls of one route that a user has in a window.
    """
    routes = Blueprint("discord", __name__, url_prefix=f"{prefix}/api/v10")
    windows: dict[tuple[str, int], Window] = {}

    @routes.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        address.note(error)
        return answer_of(error)

    @routes.after_request
    def limits(response: Response) -> Response:
        for name, value in getattr(g, "discord_limit", ()):
            response.headers.setdefault(name, value)
        return response

    def account(route: str, scope: str) -> int:
        """The number of the account that the request's token opens, a call having been taken."""
        world.stats.request("discord")
        address.check()
        check_agent()
        grant = plain_oauth.bearer(world)
        if grant is None:
            raise plain(401, "401: Unauthorized")
        key = (route, grant.account)
        made = windows.setdefault(key, Window(route, quota.units, quota.seconds, world.now))
        g.discord_limit = made.take()
        if scope not in grant.scopes:
            raise plain(403, "Missing required OAuth2 scope", 50026)
        return grant.account

    @routes.get("/users/@me")
    def me() -> Response:
        return jsonify(_account(world, account("9f7a3c1e", "identify")))

    @routes.get("/users/@me/guilds")
    def list_guilds() -> Response:
        held = guilds[account("d2b6e840", "guilds")]
        if unknown := sorted(set(request.args) - {"limit", "after", "before", "with_counts"}):
            raise bad_parameter(unknown[0], "BASE_TYPE_BAD", "This field is not played.")
        return jsonify(
            held.page(
                after=_id("after"),
                before=_id("before"),
                limit=_limit(),
                counts=_flag("with_counts"),
            )
        )

    return routes


def check_agent() -> None:
    """Look at the request's `User-Agent`.

    Raises:
        RefusedError: It is not of Discord's form.
    """
    if not _AGENT.fullmatch(request.headers.get("User-Agent", "")):
        raise plain(
            403,
            "Cloudflare is blocking your request. This can often be resolved by setting a proper "
            "User Agent",
            _CLOUDFLARE,
        )


def answer_of(error: RefusedError) -> Response:
    """A refusal as an answer."""
    refusal = error.refusal
    headers = {"Content-Type": "application/json", **dict(refusal.headers)}
    return Response(refusal.body, refusal.status, headers)


def account_id(number: int) -> str:
    """Discord's id of an account."""
    return str(_FIRST + number * _APART)


def _account(world: World, number: int) -> dict[str, Any]:
    """The account, as it is without the scope `email`."""
    person = world.people[number]
    return {
        "id": account_id(number),
        "username": person.email.partition("@")[0],
        "discriminator": "0",
        "global_name": person.name,
        "avatar": None if number % 2 else "8342729096ea3675442027381ff50dfe",
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "locale": "en-GB",
        "mfa_enabled": True,
        "premium_type": 0,
        "public_flags": 0,
        "flags": 0,
    }


def _limit() -> int:
    text = request.args.get("limit", str(MOST))
    if not text.isascii() or not text.isdecimal():
        raise bad_parameter("limit", "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    if int(text) < 1:
        message = "int value should be greater than or equal to 1."
        raise bad_parameter("limit", "NUMBER_TYPE_MIN", message)
    if int(text) > MOST:
        message = f"int value should be less than or equal to {MOST}."
        raise bad_parameter("limit", "NUMBER_TYPE_MAX", message)
    return int(text)


def _id(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not _ID.fullmatch(text):
        raise bad_parameter(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return int(text)


def _flag(name: str) -> bool:
    text = request.args.get(name, "false")
    if text not in _YES | _NO:
        raise bad_parameter(name, "BASE_TYPE_BAD", "Must be true or false.")
    return text in _YES
