"""What each of Google's APIs checks before it answers, and the routes of those besides Gmail.

In this order: the token is good, the scope was granted, no fault lies in wait for a batch's part,
the quota has room. The documentation does not give the order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from sandbox.google import errors
from sandbox.google.accounts import Account
from sandbox.google.call import Answer, Call
from sandbox.google.errors import GoogleError
from sandbox.world import World

_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of an API.

    Args:
        id: As in the discovery document, such as `drive.files.list`.
        path: Regular expression of its whole path; its groups go to `run`.
        scopes: Any one of them is enough.
        run: Answers the call of an account; given the call, the account and the path's groups.
        cost: Quota units, counted in the statistics.
    """

    id: str
    path: str
    scopes: tuple[str, ...]
    run: Callable[..., Answer]
    cost: int = 1


def answer_json(body: Any) -> Answer:
    """A success with JSON."""
    return Answer(200, json.dumps(body).encode())


def blueprint(
    world: World, name: str, root: str, host: str, endpoints: Sequence[Endpoint]
) -> Blueprint:
    """The routes of an API whose methods are all GET.

    Args:
        world: The sandbox's state.
        name: The API's name, for the counts.
        root: What all its paths begin with, such as `/drive/v3`.
        host: The API's own host, which its errors name.
        endpoints: Its methods.
    """
    routes = Blueprint(name, __name__)

    @routes.route(f"{root}/<path:_>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def single(_: str) -> Response:
        world.stats.request(name)
        target = f"{request.path}?{request.query_string.decode('latin-1')}"
        call = Call.read(request.method, target, request.headers.get("Authorization"))
        answer = _answer(world, host, endpoints, call)
        kind = dict(answer.headers).get("Content-Type", _JSON)
        response = Response(answer.body, status=answer.status, content_type=kind)
        response.headers.extend([h for h in answer.headers if h[0] != "Content-Type"])
        return response

    return routes


def _answer(world: World, host: str, endpoints: Sequence[Endpoint], call: Call) -> Answer:
    name = "unknown"
    try:
        endpoint, groups = _find(endpoints, call)
        name = endpoint.id
        account = admitted(world, call, host, endpoint.id, endpoint.scopes)
        world.stats.spent(account.person.email, endpoint.cost)
        answer = endpoint.run(call, account, *groups)
    except GoogleError as error:
        answer = Answer.of(error)
    world.stats.call(name, answer.status, answer.reason)
    return answer


def admitted(world: World, call: Call, host: str, method: str, scopes: tuple[str, ...]) -> Account:
    """The account that a call is for.

    Raises:
        GoogleError: The token is not good, or does not carry one of the scopes.
    """
    grant = world.tokens.check(call.token)
    if grant is None:
        raise errors.unauthenticated()
    if grant.scopes.isdisjoint(scopes):
        raise errors.insufficient_scope(method, scopes, host)
    return world.account(grant.account)


def _find(endpoints: Sequence[Endpoint], call: Call) -> tuple[Endpoint, tuple[str, ...]]:
    if call.verb == "GET":
        for endpoint in endpoints:
            if match := re.fullmatch(endpoint.path, call.path):
                return endpoint, match.groups()
    raise errors.no_such_method()
