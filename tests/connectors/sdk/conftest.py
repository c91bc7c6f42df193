"""A server on loopback that misbehaves as it is told, and an `Api` that calls it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from connectors.sdk.http import Transport


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Misbehaving:
    """Answers each request with the next reply; the last one stays.

    Args:
        url: Scheme, host and port.
        seen: All requests so far.
    """

    url: str
    replies: list[Reply] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def next(self, seen: Seen) -> Reply:
        with self.lock:
            self.seen.append(seen)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @staticmethod
    def says(
        status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A whole answer; its length is right unless the headers name another."""

        def reply(to: BaseHTTPRequestHandler) -> None:
            to.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                to.send_header(name, value)
            to.end_headers()
            to.wfile.write(body)
            to.close_connection = "Content-Length" in (headers or {})

        return reply

    @staticmethod
    def resets(to: BaseHTTPRequestHandler) -> None:
        """End the connection with RST, in the middle of the headers."""
        to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-")
        to.wfile.flush()
        to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        to.connection.close()
        to.close_connection = True

    @staticmethod
    def hangs_up(to: BaseHTTPRequestHandler) -> None:
        """Close without a word."""
        to.close_connection = True

    @staticmethod
    def cuts_a_chunk(to: BaseHTTPRequestHandler) -> None:
        """Promise 100 bytes in a chunk and send 10."""
        to.send_response(200)
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()
        to.wfile.write(b"64\r\n0123456789")
        to.close_connection = True


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    """A server that answers `{}` until told otherwise."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as listening:
        made = Misbehaving(f"http://127.0.0.1:{listening.server_port}")
        made.will(made.says())

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                made.next(Seen(self.command, self.path, self.headers, body))(self)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Nothing: tests look at `seen`."""

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    self.close_connection = True  # the reply has closed it already

        listening.RequestHandlerClass = Handler
        listening.daemon_threads = True
        listening.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client gone is no news
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield made
        listening.shutdown()
        thread.join()


@pytest.fixture
def transport() -> Iterator[Transport]:
    """A transport that loses patience soon."""
    made = Transport(connect_timeout=2, read_timeout=0.2)
    yield made
    made.close()
