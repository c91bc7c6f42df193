"""What a fault does to a whole request: an error, an unreadable answer, a broken connection."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from werkzeug.wrappers import Response

from sandbox.faults import Fault
from sandbox.world import World

_JSON = "application/json; charset=UTF-8"
_CUT = b'{"messages": [{"id": "1'


def answer(fault: Fault, world: World, environ: Mapping[str, Any]) -> Response:
    """The response that a fault makes of a request.

    Args:
        fault: What goes wrong.
        world: The sandbox's state.
        environ: The request's WSGI environment.
    """
    world.stats.request(f"fault:{fault.kind}")
    match fault.kind:
        case "garbage-json":
            return Response(b"<!DOCTYPE html><html>Not what you think", content_type=_JSON)
        case "truncate":
            response = Response(_CUT, content_type=_JSON)
            response.headers["Content-Length"] = "4096"
            return response
        case "reset":
            return Response(_Dropping(environ), content_type=_JSON)
        case "hang":
            world.stopped.wait(fault.seconds)
            return Response(_Dropping(environ), content_type=_JSON)
    refused = world.side_of(environ["PATH_INFO"]).error(fault)
    return Response(refused.body, refused.status, dict(refused.headers), content_type=_JSON)


class _Dropping:
    """A body that is never sent: when the server asks for it, the connection is reset."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        from waitress.channel import ClientDisconnected

        check = self._environ.get("waitress.client_disconnected")
        if check is not None:
            # Waitress hands its channel to no one; the method it does hand out is bound to it.
            _reset(check.__self__.socket)
        raise ClientDisconnected


def _reset(connection: socket.socket) -> None:
    # The client may have gone before.
    with suppress(OSError):
        # Lingering for no time makes closing send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
