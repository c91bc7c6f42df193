"""The connection beneath a request, for what HTTP servers are made not to do."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

#: Seconds that a client which does not read is waited for.
_PATIENCE = 5.0


class Played:
    """A body that takes the connection over when the server asks for it, and closes it.

    Args:
        environ: The request's WSGI environment.
        play: Writes what is to be written, status line and headers too. A client that goes away
            meanwhile ends it.
    """

    def __init__(self, environ: Mapping[str, Any], play: Callable[[socket.socket], None]) -> None:
        self._environ = environ
        self._play = play

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        from waitress.channel import ClientDisconnected

        connection = _connection(self._environ)
        if connection is not None:
            with suppress(OSError):
                # The server's own loop leaves the socket alone until the answer has ended.
                connection.settimeout(_PATIENCE)
                self._play(connection)
        raise ClientDisconnected


def head(content_type: str, length: int) -> bytes:
    """Status line and headers of a success."""
    text = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    return text.encode()


def reset(connection: socket.socket) -> None:
    """Let the connection end with RST."""
    # Lingering for no time makes closing, which the server does, send RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait(environ: Mapping[str, Any], seconds: float, stopped: threading.Event) -> None:
    """Wait so many seconds, less when the client goes away or the sandbox stops."""
    connection = _connection(environ)
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopped.wait(0.1):
        if connection is not None and _gone(connection):
            return


def _connection(environ: Mapping[str, Any]) -> socket.socket | None:
    """The request's socket; None when no server is there."""
    check = environ.get("waitress.client_disconnected")
    # Waitress hands its channel to no one; the method it does hand out is bound to it.
    found: socket.socket | None = check.__self__.socket if check is not None else None
    return found


def _gone(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
