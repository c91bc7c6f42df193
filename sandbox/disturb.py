"""What a fault does to a whole request: an error, an unreadable answer, a broken connection."""

from __future__ import annotations

import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Request
from werkzeug.wrappers import Response

from sandbox import wire
from sandbox.faults import BODY_KINDS, CONNECTION_KINDS, GATEWAY_KINDS, PASSING_KINDS, Fault
from sandbox.side import Refusal
from sandbox.world import World

_JSON = "application/json; charset=UTF-8"
_MEGABYTE = 1_000_000
_PIECE = 50_000
_CUT = b'{"messages": [{"id": "1'
_WHOLE = b'{"note": "all of this was meant to come"}'
_BODIES = {
    "deep-json": b"[" * 200_000 + b"]" * 200_000,
    "garbage-json": b"<!DOCTYPE html><html>Not what you think",
    "list-json": b"[]",
    "null-json": b"null",
    "other-json": b'{"status": "ok"}',
}
#: The mark of a request that a redirect without end led to.
_LOOP = "sandbox-loop"


def garbled(kind: str) -> bytes:
    """The body of an answer of this kind (`sandbox.faults.BODY_KINDS`)."""
    return _BODIES[kind]


def gateway(kind: str) -> Refusal:
    """The page of a proxy that did not get the provider's answer (RFC 9110, 15.6.3 and 15.6.5)."""
    status = HTTPStatus(int(kind))
    title = f"{status.value} {status.phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return Refusal(status.value, page.encode(), (("Content-Type", "text/html; charset=UTF-8"),))


def before(request: Request, world: World) -> tuple[Fault | None, Response | None]:
    """What stands in a request's way.

    Returns:
        The fault that was taken; the response that it makes, None where the provider answers.
    """
    if dict(parse_qsl(request.query_string.decode("latin-1"))).get(_LOOP):
        return None, _loop(request)
    fault = world.faults.take(request.path, _about(request, world))
    if fault is None:
        return None, None
    world.stats.request(f"fault:{fault.kind}")
    if fault.kind == "page-token-refused":
        _spoil_page(request, world)
    return fault, None if fault.kind in PASSING_KINDS else _answer(fault, world, request)


def after(fault: Fault, request: Request, response: Response, world: World) -> Response:
    """What becomes of the provider's own answer."""
    if fault.kind == "lost-refresh":
        return Response(wire.Played(request.environ, wire.reset))
    if fault.kind == "vanish":
        _vanish(fault, request, response, world)
    return response


def _answer(fault: Fault, world: World, request: Request) -> Response:
    played = _played(fault, world, request.environ)
    if played is not None:
        return Response(wire.Played(request.environ, played))
    kind = fault.kind
    if kind == "redirect-loop":
        return _loop(request)
    if kind in BODY_KINDS | CONNECTION_KINDS:
        body, headers = _misleading(fault)
        response = Response(body, content_type=_JSON)
        response.headers.update(headers)  # after the body, which sets its own length
        return response
    refused = gateway(kind) if kind in GATEWAY_KINDS else world.side_of(request.path).error(fault)
    headers = {"Content-Type": _JSON, **dict(refused.headers)}
    return Response(refused.body, refused.status, headers)


def _misleading(fault: Fault) -> tuple[bytes | Iterator[bytes], dict[str, str]]:
    """Body and headers of an answer that is a success by its status alone."""
    match fault.kind:
        case "truncate":
            return _CUT, {"Content-Length": "4096"}
        case "wrong-length-more":
            return _WHOLE, {"Content-Length": "4096"}
        case "gzip-garbage":
            return _WHOLE, {"Content-Encoding": "gzip"}
        case "gzip-bomb":
            return _zipped(_huge(fault.size)), {"Content-Encoding": "gzip"}
        case "huge":
            return _huge(fault.size), {}
    return garbled(fault.kind), {}


def _played(
    fault: Fault, world: World, environ: Mapping[str, Any]
) -> Callable[[socket.socket], None] | None:
    """What is done to the connection, past the server; None where the server can do it."""
    match fault.kind:
        case "hang":
            wire.wait(environ, fault.seconds, world.stopped)
            return wire.reset
        case "reset":
            return wire.reset
        case "slow-drip":
            return lambda to: _drip(to, fault.seconds, world)
        case "wrong-length-less":
            # The server would cut the body to its length.
            return lambda to: to.sendall(wire.head(_JSON, len(_WHOLE) - 10) + _WHOLE)
    return None


def _huge(megabytes: float) -> Iterator[bytes]:
    """JSON of about so many megabytes; without a length, so that only counting tells."""
    yield b'{"items": ["'
    for _ in range(int(megabytes * _MEGABYTE / _PIECE)):
        yield b"x" * _PIECE
    yield b'"]}'


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)  # 31: with gzip's header
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _drip(to: socket.socket, seconds: float, world: World) -> None:
    until = time.monotonic() + seconds
    to.sendall(wire.head(_JSON, _MEGABYTE) + b'{"items": ["')
    while time.monotonic() < until and not world.stopped.wait(0.1):
        to.sendall(b"x")


def _loop(request: Request) -> Response:
    query = [pair for pair in parse_qsl(request.query_string.decode()) if pair[0] != _LOOP]
    location = f"{request.path}?{urlencode([*query, (_LOOP, '1')])}"
    return Response(status=302, headers={"Location": location})


def _about(request: Request, world: World) -> set[str]:
    """What the request has that a fault may need (`sandbox.faults.NEEDS`)."""
    if not world.faults.pending():
        return set()
    found = set()
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    if is_form and request.form.get("grant_type") == "refresh_token":
        found.add("refresh")
    names = {name for name, _ in parse_qsl(request.query_string.decode("latin-1"))}
    if names.intersection(world.side_of(request.path).page_parameters):
        found.add("page")
    return found


def _spoil_page(request: Request, world: World) -> None:
    """Put a token that was never given in the place of the page token."""
    names = world.side_of(request.path).page_parameters
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    spoilt = urlencode([(name, "refused" if name in names else value) for name, value in query])
    request.query_string = spoilt.encode()


def _vanish(fault: Fault, request: Request, response: Response, world: World) -> None:
    grant = world.tokens.check(request.headers.get("Authorization", "").partition(" ")[2])
    if grant is None:
        return
    text = response.get_data(as_text=True)
    side = world.side_of(request.path)
    for holding in side.serving(grant.account, request.path):
        # What lists show is the last part of an id that is made of several.
        shown = [i for i in holding.expected({}) if json.dumps(i.rpartition("/")[2]) in text]
        for ident in shown[: fault.items]:
            holding.remove(ident)
