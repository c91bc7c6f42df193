"""The session that all calls share: nothing of one call reaches another, and answers are bounded.

How long an answer may take in all, and how large it may grow, is for us to say. The libraries bound each wait for bytes, not the whole: "timeout is not a time limit on the entire
response download" (https://requests.readthedocs.io/en/latest/user/quickstart/#timeouts; of
`total` https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html#urllib3.util.Timeout
says that it does not bound a server that trickles). So the clock is looked at where bytes come in:
beneath status line, headers, chunk sizes and body alike.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import time
from collections.abc import Callable
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: Bytes asked for at once.
_PIECE = 65_536
_REDIRECTS = 5
#: When this thread's call must have its answer in whole, on the monotonic clock.
_deadline = ContextVar("deadline", default=math.inf)


class TooLargeError(Exception):
    """The answer is larger than it may be."""


def make(pool_size: int) -> requests.Session:
    """A new session.

    Args:
        pool_size: Connections kept open to each host.
    """
    made = _Session()
    # Environment proxies and certificates count; a .netrc must not add credentials.
    made.auth = _no_auth
    # All people's calls go through here: a cookie set for one must not be sent for another.
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.max_redirects = _REDIRECTS
    made.hooks["response"].append(_drop_redirect)
    adapter = _Adapter(pool_connections=pool_size, pool_maxsize=pool_size)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


def bound(seconds: float) -> float:
    """Let the answers to this thread's next call be cut off so many seconds from now.

    Returns:
        When that is, on the monotonic clock.
    """
    deadline = time.monotonic() + seconds
    _deadline.set(deadline)
    return deadline


def body(response: requests.Response, limit: int) -> bytes:
    """The whole body, unpacked.

    Args:
        response: An answer of which only the headers were read (`stream`).
        limit: Most bytes, counted after unpacking, so that few bytes cannot become very many.

    Raises:
        TooLargeError: It is larger; its connection is closed.
        requests.RequestException: It did not come whole.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > limit:
            response.close()
            raise TooLargeError
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self._environment: dict[str, dict[str, Any]] = {}

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """What the environment says of proxies and certificates, asked once for each host.

        The library goes through all variables for every request, which took a third of a client's
        time where there are many.
        """
        parts = urlsplit(str(url))
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._environment:
            self._environment[host] = dict(super().merge_environment_settings(url, *given))
        return dict(self._environment[host])

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Drop the token on the way to another host; the library would ask .netrc as well."""
        strip: Callable[[str | None, str | None], bool] = self.should_strip_auth
        if strip(response.request.url, prepared_request.url):
            prepared_request.headers.pop("Authorization", None)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _drop_redirect(response: requests.Response, *_: Any, **__: Any) -> None:
    """Give up the body of a redirect, which the library would read whole, of any size."""
    if response.is_redirect:
        response.close()


class _Reader(io.RawIOBase):
    """A socket's bytes until a deadline.

    Args:
        connection: The socket, which has the timeout of each wait.
        source: Its bytes, as the library reads them.
        until: When to end, on the monotonic clock.
    """

    def __init__(self, connection: socket.socket, source: io.BufferedReader, until: float) -> None:
        self._connection = connection
        self._source = source
        self._until = until
        self._patience = connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        if self._patience is None or left < self._patience:
            self._connection.settimeout(left)
        return self._source.raw.readinto(buffer)

    def close(self) -> None:
        # The socket is closed with the last file that was made of it.
        self._source.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(sock, self.fp, _deadline.get()))


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    """Connections that look at the deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
