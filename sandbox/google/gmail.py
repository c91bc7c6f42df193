"""The Gmail API over HTTP: single calls and batches.

https://developers.google.com/workspace/gmail/api/reference/rest

The system parameters `alt`, `prettyPrint`, `key` and `quotaUser` change nothing here. A partial
response (`fields`) is refused rather than answered in full.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from sandbox.google.api import GmailApi
from sandbox.google.batch import answer_batch, read_batch
from sandbox.google.call import Answer, Call
from sandbox.google.errors import GoogleError, too_many_concurrent
from sandbox.world import World

_JSON = "application/json; charset=UTF-8"


def blueprint(world: World) -> Blueprint:
    """The routes of the Gmail API."""
    routes = Blueprint("gmail", __name__)
    api = GmailApi(world)

    @routes.route("/gmail/v1/<path:_>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def single(_: str) -> Response:
        world.stats.request("gmail")
        target = f"{request.path}?{request.query_string.decode('latin-1')}"
        call = Call.read(request.method, target, request.headers.get("Authorization"))
        return _response(_alone(world, api, call))

    # The guide's path, and the one that the discovery document gives as `batchPath`.
    @routes.post("/batch/gmail/v1")
    @routes.post("/batch")
    def batch() -> Response:
        world.stats.request("batch")
        authorization = request.headers.get("Authorization")
        try:
            calls = read_batch(request.get_data(), request.content_type or "", authorization)
        except GoogleError as error:
            return _response(Answer.of(error))
        content_type, body = answer_batch(api, calls, world.work)
        return Response(body, content_type=content_type)

    return routes


def _alone(world: World, api: GmailApi, call: Call) -> Answer:
    account = api.account_of(call.token)
    if account is None:
        world.work()
        return api.handle(call)
    with account.slots.take(1) as taken:
        world.work()
        return api.handle(call) if taken else api.refuse(too_many_concurrent())


def _response(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, content_type=_JSON)
    response.headers.extend(answer.headers)
    return response
