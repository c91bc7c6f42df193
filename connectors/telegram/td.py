"""TDLib's JSON interface: the library itself, or the same JSON over HTTP.

One receiver serves all clients of a process, as the interface wants it; what it receives is handed
to the client that it is for. The library is touched first when a client is made, so that nothing of
it crosses a fork, and its log is off before that: it would hold phone numbers and messages.

https://core.telegram.org/tdlib/docs/td__json__client_8h.html
"""

from __future__ import annotations

import atexit
import base64
import itertools
import json
import os
import queue
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.sdk.errors import ConfigurationError, TransientError
from connectors.sdk.http import Classify, Transport
from connectors.telegram import calls
from connectors.telegram.session import BINLOG

Json = dict[str, Any]

#: Seconds that the receiver waits at once, and those that clients have to end with the process.
_LOOK = 1.0
_LAST_SECONDS = 3.0
#: The longest wait that is asked for over HTTP, in seconds.
_LONGEST_POLL = 10.0
_GONE = "Telegram's client has closed"
_MISSING = (
    "Telegram needs its library, which is not installed here: "
    "pip install 'data-connector-server[telegram]'"
)


class Td(ABC):
    """TDLib as one caller uses it; clients are numbers."""

    @abstractmethod
    def create(self) -> int:
        """A new client, which does nothing before its first request."""

    @abstractmethod
    def send(self, client: int, request: Json) -> None:
        """Send a request; its answer comes by `receive`, with the request's `@extra`.

        Raises:
            TransientError: It cannot be sent now.
        """

    @abstractmethod
    def receive(self, client: int, timeout: float) -> Json | None:
        """The next answer or update.

        Args:
            client: Whose.
            timeout: Seconds to wait for it; 0 for what is there already.

        Raises:
            TransientError: TDLib cannot be reached now.
        """

    @abstractmethod
    def execute(self, request: Json) -> Json:
        """Answer a request that needs no client."""

    @abstractmethod
    def forget(self, client: int) -> None:
        """Let go of a client that has closed or was never sent anything."""

    @abstractmethod
    def leave(self, client: int) -> bool:
        """Let go of a client that nobody waits for any more, as soon as it has closed.

        Returns:
            Whether it goes on by itself until then.
        """


class LibraryTd(Td):
    """The library in this process.

    Raises:
        ConfigurationError: It is not installed; names the command.
    """

    def __init__(self) -> None:
        self._hub = _hub()

    def create(self) -> int:
        """See `Td`."""
        return self._hub.create()

    def send(self, client: int, request: Json) -> None:
        """See `Td`."""
        self._hub.send(client, request)

    def receive(self, client: int, timeout: float) -> Json | None:
        """See `Td`."""
        return self._hub.receive(client, timeout)

    def execute(self, request: Json) -> Json:
        """See `Td`."""
        return self._hub.execute(request)

    def forget(self, client: int) -> None:
        """See `Td`."""
        self._hub.forget(client)

    def leave(self, client: int) -> bool:
        """See `Td`."""
        return self._hub.leave(client)


class _Hub:
    """The process's one receiver, and the queues of its clients."""

    def __init__(self) -> None:
        try:
            import tdjson
        except ImportError:
            raise ConfigurationError(_MISSING) from None
        self.pid = os.getpid()
        self._library = tdjson
        self._lock = threading.Lock()
        self._queues: dict[int, queue.SimpleQueue[Json]] = {}
        #: Clients that have been sent something and have not closed.
        self._alive: set[int] = set()
        #: Those of them that nobody waits for any more.
        self._left: set[int] = set()
        self._receiver: threading.Thread | None = None
        self.execute(calls.set_log_stream_empty())
        self.execute(calls.set_log_verbosity(0))
        atexit.register(self._end)

    def create(self) -> int:
        client = int(self._library.td_create_client_id())
        with self._lock:
            self._queues[client] = queue.SimpleQueue()
        return client

    def send(self, client: int, request: Json) -> None:
        with self._lock:
            if client not in self._queues:
                raise TransientError(_GONE)
            self._alive.add(client)
            if self._receiver is None:
                self._receiver = threading.Thread(target=self._receive, name="tdlib", daemon=True)
                self._receiver.start()
        self._library.td_send(client, json.dumps(request).encode())

    def receive(self, client: int, timeout: float) -> Json | None:
        waiting = self._queues.get(client)
        if waiting is None:
            raise TransientError(_GONE)
        try:
            return waiting.get(timeout=timeout) if timeout > 0 else waiting.get_nowait()
        except queue.Empty:
            return None

    def execute(self, request: Json) -> Json:
        answer: Json = json.loads(self._library.td_execute(json.dumps(request).encode()) or b"{}")
        return answer

    def forget(self, client: int) -> None:
        with self._lock:
            self._drop(client)

    def leave(self, client: int) -> bool:
        with self._lock:
            if client in self._alive:
                self._left.add(client)
                return True
            self._drop(client)
            return False

    def _drop(self, client: int) -> None:
        self._queues.pop(client, None)
        self._alive.discard(client)
        self._left.discard(client)

    def _receive(self) -> None:
        while True:
            raw = self._library.td_receive(_LOOK)
            with self._lock:
                if raw is not None:
                    self._hand_over(json.loads(raw))
                elif not self._alive:
                    self._receiver = None
                    return

    def _hand_over(self, found: Json) -> None:
        client = found.pop("@client_id", 0)
        state = found.get("authorization_state") or {}
        if state.get("@type") == "authorizationStateClosed":
            self._alive.discard(client)
            if client in self._left:
                self._drop(client)
        if client in self._queues:
            self._queues[client].put(found)

    def _end(self) -> None:
        """Close what is still open: a process that ends before may be aborted by the library."""
        receiver = self._receiver
        if os.getpid() != self.pid or receiver is None:
            return
        for client in list(self._alive):
            self._library.td_send(client, json.dumps(calls.close()).encode())
        until = time.monotonic() + _LAST_SECONDS
        while self._alive and time.monotonic() < until:
            time.sleep(0.01)
        receiver.join(_LOOK + _LAST_SECONDS)


_hubs: list[_Hub] = []
_hubs_lock = threading.Lock()


def _hub() -> _Hub:
    """The hub of this process; that of a process it was forked from is of no use."""
    with _hubs_lock:
        if not _hubs or _hubs[0].pid != os.getpid():
            _hubs[:] = [_Hub()]
        return _hubs[0]


@dataclass(slots=True)
class _Remote:
    """A client over HTTP.

    Args:
        name: What it is called there.
        found: What has come and was not received yet.
        directory: Where its file is.
    """

    name: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    found: deque[Json] = field(default_factory=deque)
    directory: Path | None = None


class RemoteTd(Td):
    """The same JSON over HTTP, as the sandbox speaks it.

    What TDLib would read from and write to the session's file goes along with the requests.

    Args:
        transport: Sends the requests.
        base_url: What all addresses begin with.
        classify: What the HTTP status of an answer means.
    """

    def __init__(self, transport: Transport, base_url: str, classify: Classify) -> None:
        self._transport = transport
        self._classify = classify
        self._url = base_url.rstrip("/") + "/td/"
        self._numbers = itertools.count(1)
        self._clients: dict[int, _Remote] = {}

    def create(self) -> int:
        """See `Td`."""
        number = next(self._numbers)
        self._clients[number] = _Remote()
        return number

    def send(self, client: int, request: Json) -> None:
        """See `Td`."""
        remote = self._clients[client]
        body: Json = {"client": remote.name, "request": request, "binlog": None}
        if request["@type"] == "setTdlibParameters":
            remote.directory = Path(request["database_directory"])
            # A path of this machine is nobody else's business.
            body["request"] = {**request, "database_directory": "", "files_directory": ""}
            path = remote.directory / BINLOG
            if path.exists():
                body["binlog"] = base64.b64encode(path.read_bytes()).decode()
        self._take(remote, self._post("send", body), request.get("@extra"))

    def receive(self, client: int, timeout: float) -> Json | None:
        """See `Td`."""
        remote = self._clients[client]
        if not remote.found and timeout > 0:
            body = {"client": remote.name, "timeout": min(timeout, _LONGEST_POLL)}
            self._take(remote, self._post("receive", body), None)
        return remote.found.popleft() if remote.found else None

    def execute(self, request: Json) -> Json:
        """See `Td`."""
        found = self._post("execute", {"request": request}).get("object")
        if not isinstance(found, dict):
            raise TransientError("Telegram's answer is none to what was asked")
        return found

    def forget(self, client: int) -> None:
        """See `Td`."""
        self._clients.pop(client, None)

    def leave(self, client: int) -> bool:  # noqa: ARG002 - the signature is `Td`'s
        """See `Td`; what is known of it here goes with this object, and there it does nothing."""
        return False

    def _post(self, what: str, body: Json) -> Json:
        headers = {"Content-Type": "application/json"}
        answer = self._transport.send(
            "POST", self._url + what, headers=headers, data=json.dumps(body).encode()
        )
        error = self._classify(answer.status, answer.headers, answer.content)
        if error is not None:
            raise error
        found = answer.json()
        if not isinstance(found, dict):
            raise TransientError("Telegram's answer is none to what was asked")
        return found

    def _take(self, remote: _Remote, answer: Json, extra: Any) -> None:
        if answer.get("@type") == "error":
            if extra is None:
                # Nobody waits for it as an answer; whoever asked would ask again at once.
                raise TransientError("Telegram cannot be reached now")
            answer = {"objects": [{**answer, "@extra": extra}]}
        found, binlog = answer.get("objects"), answer.get("binlog")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise TransientError("Telegram's answer is none to what was asked")
        if isinstance(binlog, str) and remote.directory is not None:
            remote.directory.joinpath(BINLOG).write_bytes(base64.b64decode(binlog))
        remote.found.extend(found)
