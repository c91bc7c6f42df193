"""What stands between the workers and the sandbox: a relay that can refuse, cut, and see who calls.

The workers know its port alone, so the sandbox behind it can be another one for each chapter.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

_TOKEN = re.compile(rb"Bearer ([^\s]+)")


class Front:
    """Relays connections to a port of loopback.

    Attributes:
        target: Where to; a port.
        seen: The last port from which each access token was used.
        elsewhere: Where all callers are sent by a redirect; a root without a slash, or None.
        watched: Called with the caller's port when a token is used, before the request goes on.
        calls: How many connections came.
        cut: How many requests were reset that had no answer yet.
    """

    def __init__(self) -> None:
        self.target = 0
        self.seen: dict[str, int] = {}
        self.watched: dict[str, Callable[[int], None]] = {}
        self.calls = 0
        self.cut = 0
        self._live: set[socket.socket] = set()
        #: Callers who have asked and had no answer yet.
        self._asking: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.elsewhere: str | None = None
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen (again)."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections and reset those there are."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.reset()

    def reset(self) -> None:
        """Reset the connections there are."""
        self.cut += len(self._asking & self._live)
        for live in list(self._live):
            with suppress(OSError):
                live.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                live.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, address = listener.accept()
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self._serve, args=(caller, address[1]), daemon=True).start()

    def _serve(self, caller: socket.socket, port: int) -> None:
        try:
            onward = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            caller.close()
            return
        onward.settimeout(None)
        self._live |= {caller, onward}
        back = threading.Thread(
            target=_pump, args=(onward, caller, lambda _: self._answered(caller)), daemon=True
        )
        back.start()
        _pump(caller, onward, lambda data: self._look(data, port, caller))
        back.join()
        self._live -= {caller, onward}
        self._asking.discard(caller)
        caller.close()
        onward.close()

    def _look(self, data: bytes, port: int, caller: socket.socket) -> bool:
        """Note who calls; whether the data may go on."""
        self._asking.add(caller)
        for found in _TOKEN.findall(data):
            token = found.decode("ascii", "replace")
            self.seen[token] = port
            watcher = self.watched.get(token)
            if watcher is not None:
                watcher(port)
        elsewhere = self.elsewhere
        if elsewhere is None:
            return True
        lines = ("HTTP/1.1 307 Temporary Redirect", f"Location: {elsewhere}/", "Content-Length: 0")
        with suppress(OSError):
            caller.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return False

    def _answered(self, caller: socket.socket) -> bool:
        """Note that an answer has begun to come; it may go on."""
        self._asking.discard(caller)
        return True


def _pump(
    source: socket.socket, drain: socket.socket, look: Callable[[bytes], bool] | None = None
) -> None:
    try:
        while data := source.recv(65536):
            if look is not None and not look(data):
                break
            drain.sendall(data)
    except OSError:
        pass
    for end in (source, drain):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
