"""The sockets that the sandbox listens on: closed for a while, or speaking a TLS that fails.

Neither can be played by a fault of a request, since it happens before there is one:

- `refused`: for so many seconds the port is taken and nobody listens, so that connecting is refused
  (RST), and connections that are open are closed once they have their answers.
- `tls`: a second port whose certificate is self-signed and has expired. A client meets it when
  its base URL is the one named here, which begins with `https`.
"""

from __future__ import annotations

import time
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer

from sandbox.tls import BadTls
from sandbox.world import World

_LOOK = 0.05


class Listening:
    """A server's sockets, and the loop that serves them.

    Args:
        world: The sandbox's state; `stopped` ends the loop.
        sockets: The server's map of sockets.
    """

    def __init__(self, world: World, sockets: dict[int, Any]) -> None:
        self._world = world
        self._sockets = sockets
        self._until: float | None = None
        self._shut = False
        self._tls: BadTls | None = None

    def loop(self) -> None:
        """What waitress's own `run` does, with an end: that one ends with the process only."""
        while not self._world.stopped.is_set():
            timeout = 1 if self._until is None else _LOOK
            wasyncore.loop(timeout=timeout, use_poll=True, map=self._sockets, count=1)
            self._turn()

    def refuse(self, seconds: float) -> None:
        """Let connections be refused for so long, beginning at once."""
        self._until = time.monotonic() + seconds
        for server in self._servers():
            server.pull_trigger()  # wakes the loop, which alone may touch the sockets

    def tls_url(self) -> str:
        """Root of an address where TLS fails."""
        if self._tls is None:
            self._tls = BadTls()
        return self._tls.url

    def close(self) -> None:
        """Stop what was begun here."""
        if self._tls is not None:
            self._tls.close()

    def _servers(self) -> list[Any]:
        return [found for found in self._sockets.values() if isinstance(found, BaseWSGIServer)]

    def _turn(self) -> None:
        if self._until is None:
            return
        if time.monotonic() >= self._until:
            self._until = None
            if self._shut:
                self._open()
        elif not self._shut:
            self._close()
        else:
            self._drop_idle()

    def _close(self) -> None:
        for server in self._servers():
            address = server.socket.getsockname()
            wasyncore.dispatcher.close(server)
            # Bound, so that no one else takes the port; without `listen`, connecting is refused.
            server.create_socket(server.family, server.socktype)
            server.set_reuse_addr()
            server.bind(address)
        self._shut = True

    def _open(self) -> None:
        for server in self._servers():
            server.accept_connections()
        self._shut = False

    def _drop_idle(self) -> None:
        for server in self._servers():
            for channel in list(server.active_channels.values()):
                if not (channel.requests or channel.request or channel.total_outbufs_len):
                    channel.handle_close()
