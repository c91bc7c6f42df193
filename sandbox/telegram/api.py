"""TDLib's JSON interface over HTTP, and the page on which a code is scanned.

| request | body | answer |
| --- | --- | --- |
| `POST /telegram/td/send` | `client` (a name of the caller's choice), `request`, `binlog` (the content of td.binlog in base64, with `setTdlibParameters`) | `objects`: all that is there for the client by now, answer and updates in TDLib's order; `binlog` where the file has changed: once signed in, and at the end |
| `POST /telegram/td/receive` | `client`, `timeout` (0 to 10 seconds) | the same, once there is anything |
| `POST /telegram/td/execute` | `request` | `object` |
| `GET`, `POST /telegram/scan` | `token` (or the whole link), `account` | a page |
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.consent import error_page, page
from sandbox.telegram.client import ABORTED, Client
from sandbox.telegram.network import Network
from sandbox.telegram.parse import SYNCHRONOUS, TdError, extra_of, read

Json = dict[str, Any]

PREFIX = "/telegram"
#: Seconds between looks at what comes by itself, such as another code to scan.
_LOOK = 0.2
_LONGEST = 10.0


class Interface:
    """The clients that are open, by name.

    Args:
        network: Telegram's servers.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._numbers = itertools.count(1)
        self._clients: dict[str, Client] = {}
        self._over: set[str] = set()

    def send(self, name: str, wanted: Any, binlog: str | None) -> Json:
        """Give a client a request; an unknown name makes a client."""
        with self._network.lock:
            client = self._client(name)
            if client is None:
                return _objects([{**ABORTED.to_json(), **extra_of(wanted)}], None)
            kind, refused = client.call(wanted, binlog)
            code, reason = (refused.code, refused.message) if refused else (200, None)
            self._network.world.stats.call(f"telegram.{kind}", code, reason)
            self._network.lock.notify_all()
            return self._taken(name, client)

    def receive(self, name: str, timeout: float) -> Json:
        """Wait until there is something for a client, or so many seconds."""
        until = time.monotonic() + min(max(timeout, 0.0), _LONGEST)
        with self._network.lock:
            client = self._clients.get(name)
            if client is None:
                # TDLib, too, is silent before the first request.
                return _objects([], None)
            while not client.wake() and not self._network.world.stopped.is_set():
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._network.lock.wait(min(left, _LOOK))
            return self._taken(name, client)

    def _client(self, name: str) -> Client | None:
        """The client of a name; None for one that was closed."""
        if name in self._over:
            return None
        if name not in self._clients:
            self._clients[name] = Client(self._network, next(self._numbers))
        return self._clients[name]

    def _taken(self, name: str, client: Client) -> Json:
        found = client.objects()
        if client.is_over:
            self._over.add(name)
            self._clients.pop(name, None)
        return _objects(found, client.binlog())


def blueprint(network: Network) -> Blueprint:
    """The routes."""
    routes = Blueprint("telegram", __name__, url_prefix=PREFIX)
    interface = Interface(network)
    stats = network.world.stats

    @routes.post("/td/send")
    def send() -> AnyResponse:
        stats.request("telegram")
        body = _body()
        binlog = body.get("binlog")
        if "request" not in body or not (binlog is None or isinstance(binlog, str)):
            return _bad("a body has client, request and binlog")
        return _answered(interface.send(str(body["client"]), body["request"], binlog))

    @routes.post("/td/receive")
    def receive() -> AnyResponse:
        stats.request("telegram")
        body = _body()
        timeout = body.get("timeout", 0)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            return _bad("timeout is a number of seconds")
        return _answered(interface.receive(str(body["client"]), timeout))

    @routes.post("/td/execute")
    def execute() -> AnyResponse:
        stats.request("telegram")
        return jsonify({"object": _executed(_json().get("request"))})

    @routes.errorhandler(KeyError)
    def lacking(_: KeyError) -> AnyResponse:
        return _bad("a body has client and request")

    _scanning(routes, network)
    return routes


def _scanning(routes: Blueprint, network: Network) -> None:
    people, stats = network.world.people, network.world.stats

    @routes.get("/scan")
    def ask() -> AnyResponse:
        stats.request("scan")
        token = _token(request.args.get("token", ""))
        if network.scanned(token) is None:
            return _expired()
        return Response(page((), (), people, None, {"token": token}))

    @routes.post("/scan")
    def decide() -> AnyResponse:
        stats.request("scan")
        token, number = _token(request.form.get("token", "")), request.form.get("account", "0")
        if request.form.get("decision", "allow") != "allow":
            return Response(error_page("denied", "The code was not scanned."))
        if not number.isdecimal() or int(number) >= len(people):
            return Response(error_page("account", "There is no such account."), 400)
        if not network.scan(token, int(number)):
            return _expired()
        done = "<!DOCTYPE html><title>Scanned</title><p>Scanned. Go on where the code was shown."
        return Response(done)


def _token(given: str) -> str:
    """The token, where the code's whole link was given as well."""
    return parse_qs(urlsplit(given).query).get("token", [given])[0] if "://" in given else given


def _expired() -> AnyResponse:
    # https://core.telegram.org/method/auth.acceptLoginToken
    return Response(error_page("AUTH_TOKEN_EXPIRED", "This code is no longer good."), 400)


def _executed(wanted: Any) -> Json:
    try:
        name, _ = read(wanted)
    except TdError as error:
        return {**error.to_json(), **extra_of(wanted)}
    if name in SYNCHRONOUS:
        return {"@type": "ok", **extra_of(wanted)}
    refused = TdError(400, "The method can't be executed synchronously")
    return {**refused.to_json(), **extra_of(wanted)}


def _objects(found: list[Json], binlog: str | None) -> Json:
    return {"objects": found, "binlog": binlog}


def _answered(answer: Json) -> AnyResponse:
    # `jsonify` would sort the fields of each of a page's many objects.
    return Response(json.dumps(answer, separators=(",", ":")), mimetype="application/json")


def _json() -> Json:
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}


def _body() -> Json:
    """The request's JSON object.

    Raises:
        KeyError: It names no client.
    """
    body = _json()
    if not body.get("client"):
        raise KeyError("client")
    return body


def _bad(why: str) -> AnyResponse:
    response: AnyResponse = jsonify({"error": why})
    response.status_code = 400
    return response
