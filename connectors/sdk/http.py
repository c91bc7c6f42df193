"""The one transport that every call to a provider takes.

It pools connections, bounds time, tries passing faults again, stays within the account's quota,
refreshes the access token once when it is rejected, and keeps addresses and tokens out of errors.
"""

from __future__ import annotations

import ipaddress
import json as jsonlib
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from connectors.sdk.errors import (
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.oauth import TokenSource
from connectors.sdk.quota import Budget

Classify = Callable[[int, Mapping[str, str], bytes], ConnectorError | None]
_T = TypeVar("_T")
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass(slots=True)
class Stats:
    """What a run cost at the provider: counters of one `Api`."""

    requests: int = 0
    retries: int = 0
    refused: int = 0
    network_seconds: float = 0.0
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer. Never shown by `repr`.

    Args:
        status: HTTP status.
        headers: Look-ups ignore case.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            TransientError: It is no JSON, as when a proxy answered or the body was cut.
        """
        try:
            return jsonlib.loads(self.content)
        except ValueError:
            raise TransientError("the provider's answer could not be read") from None


#: Returns after so many seconds; the engine's own looks at pause and shutdown meanwhile.
Wait = Callable[[float], None]


class Transport:
    """Connections to providers, shared by all that one process calls. Safe among threads.

    Args:
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer's next bytes.
        pool_size: Connections kept open to each host.
    """

    def __init__(
        self, *, connect_timeout: float = 10.0, read_timeout: float = 60.0, pool_size: int = 8
    ) -> None:
        self._timeout = (connect_timeout, read_timeout)
        self._session = _Session()
        # Environment proxies and certificates count; a .netrc must not add credentials.
        self._session.auth = _no_auth
        # All people's calls go through here: a cookie set for one must not be sent for another.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.max_redirects = 5
        adapter = HTTPAdapter(pool_connections=pool_size, pool_maxsize=pool_size)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
    ) -> Answer:
        """Send one request, once.

        Raises:
            TransientError: No whole answer came: timeout, reset, wrong length, garbled encoding.
        """
        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                params=params,
                data=data,
                timeout=self._timeout,
                # What is posted may hold secrets: it goes where it was addressed, or nowhere.
                allow_redirects=method == "GET",
            )
        except requests.RequestException as error:
            # The message of the library holds the address with its query: name the kind alone.
            raise TransientError(f"{_host(url)} did not answer ({type(error).__name__})") from None
        if response.is_redirect:
            raise TransientError(f"{_host(url)} sends elsewhere, which is not followed")
        return Answer(response.status_code, response.headers, response.content)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


class Api:
    """The provider's API as one connection may use it.

    Args:
        transport: Shared by all connections.
        tokens: Where the access token comes from; None before there is one.
        classify: The provider's table from answers to errors.
        budget: What is left of the account's quota.
        base_url: Replaces scheme and host of each URL; None leaves them.
        retries: Tries again after a passing fault, within one call.
        backoff: Seconds before the first of them; doubles, with jitter.
        inline_wait: Waits up to this many seconds happen here; longer ones raise.
        wait: How to wait.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        tokens: TokenSource | None,
        classify: Classify,
        budget: Budget,
        base_url: str | None = None,
        retries: int = 3,
        backoff: float = 0.5,
        inline_wait: float = 5.0,
        wait: Wait = time.sleep,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._classify = classify
        self._budget = budget
        self._base_url = base_url
        self._retries = retries
        self._backoff = backoff
        self._inline_wait = inline_wait
        self._wait = wait
        self.stats = Stats()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        cost: int = 0,
    ) -> Answer:
        """Call the provider and return its successful answer.

        Args:
            method: HTTP method; a fault makes the call go out again, so it must be safe to repeat.
            url: Absolute, as the provider documents it.
            headers: Besides `Authorization`, which is added.
            params: Query parameters.
            data: Body, as `requests` takes it.
            cost: Quota units that one try costs.

        Raises:
            ConnectorError: As `classify` says of the answer, after the tries it deserves.
        """
        return self._tried(
            cost, lambda token: self._once(method, url, headers, params, data, token)
        )

    def json(self, url: str, *, params: Mapping[str, Any] | None = None, cost: int = 0) -> Any:
        """GET the URL and return its JSON. Raises as `request` does."""
        return self._tried(
            cost, lambda token: self._once("GET", url, None, params, None, token).json()
        )

    def _tried(self, cost: int, once: Callable[[str | None], _T]) -> _T:
        """The result of `once`, called with the access token as often as its errors deserve."""
        rejected = False
        tries = 0
        while True:
            self.spend(cost)
            token = self._tokens.access_token() if self._tokens else None
            try:
                return once(token)
            except _UnauthorizedError:
                if rejected or self._tokens is None or token is None:
                    raise TokenExpiredError(
                        "the provider rejects the access token; connect the account again"
                    ) from None
                rejected = True
                self._tokens.refresh(token)
            except RateLimitedError as error:
                self.stats.refused += 1
                tries += 1
                if tries > self._retries:
                    raise
                self.hold(error, tries)
            except TransientError:
                tries += 1
                if tries > self._retries:
                    raise
                self.stats.retries += 1
                self._pause(self._backoff * 2 ** (tries - 1) * random.uniform(0.5, 1.5))  # noqa: S311

    def spend(self, units: int) -> None:
        """Take units from the account's budget, waiting for them when the wait is short.

        Raises:
            RateLimitedError: The wait is longer than a worker should be held.
        """
        while (seconds := self._budget.take(units)) > 0:
            if seconds > self._inline_wait:
                raise RateLimitedError(self._budget.message, seconds)
            self._pause(seconds)

    def hold(self, error: RateLimitedError, tries: int = 1) -> None:
        """Wait as the provider asked, when that is short; for parts of a batch that were refused.

        Args:
            error: The provider's refusal.
            tries: How many refusals in a row this is, where the provider names no time.

        Raises:
            RateLimitedError: The wait is longer than a worker should be held.
        """
        seconds = error.retry_after
        if seconds is None:
            seconds = self._backoff * 2**tries * random.uniform(1.0, 1.5)  # noqa: S311
        self._budget.block(seconds)
        if seconds > self._inline_wait:
            raise RateLimitedError(str(error), seconds) from error
        self._pause(seconds)

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, Any] | None,
        data: Any,
        token: str | None,
    ) -> Answer:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        started = time.perf_counter()
        self.stats.requests += 1
        try:
            answer = self._transport.send(
                method, rebase(url, self._base_url), headers=sent, params=params, data=data
            )
        finally:
            self.stats.network_seconds += time.perf_counter() - started
        error = self._classify(answer.status, answer.headers, answer.content)
        # A provider may say 401 of other things than the token, which no refresh mends.
        if answer.status == requests.codes.unauthorized and (
            error is None or isinstance(error, TokenExpiredError)
        ):
            raise _UnauthorizedError
        if error is not None:
            raise error
        return answer

    def _pause(self, seconds: float) -> None:
        self.stats.waited_seconds += seconds
        self._wait(seconds)


class _UnauthorizedError(Exception):
    """401: the access token was rejected."""


def rebase(url: str, base_url: str | None) -> str:
    """The URL with scheme and host of `base_url`, where one is given; the path stays."""
    if not base_url:
        return url
    base, parts = urlsplit(base_url), urlsplit(url)
    return urlunsplit(
        (base.scheme, base.netloc, base.path.rstrip("/") + parts.path, parts.query, parts.fragment)
    )


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine; a name that merely looks like it is not."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def classify_by_status(
    status: int,
    headers: Mapping[str, str],
    body: bytes,  # noqa: ARG001 - the signature is `Classify`
) -> ConnectorError | None:
    """What the status alone tells; a provider's own table looks at the body first."""
    from connectors.sdk.errors import AccessDeniedError

    if status < requests.codes.bad_request:
        return None
    if status == requests.codes.too_many_requests:
        return RateLimitedError("the provider asks to wait", retry_after(headers))
    if status == requests.codes.unauthorized:
        return TokenExpiredError("the provider rejects the access token; connect the account again")
    if status == requests.codes.forbidden:
        return AccessDeniedError("the provider denies access to this data")
    if status >= requests.codes.internal_server_error or status == requests.codes.request_timeout:
        return TransientError(f"the provider answered {status}")
    return ConnectorError(f"the provider refused the request with {status}")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds of a `Retry-After` header, which holds seconds or a date (RFC 9110, 10.2.3).

    Args:
        headers: The answer's headers.
        now: Unix time in seconds that a date is counted from; default: the clock.
    """
    from email.utils import parsedate_to_datetime

    value = (CaseInsensitiveDict(headers).get("Retry-After") or "").strip()
    # A fraction is not in the RFC, but providers send it.
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    # The zone `-0000` gives a time without one; HTTP's dates are all in UTC.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - (time.time() if now is None else now))


class _Session(requests.Session):
    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Drop the token on the way to another host; the library would ask .netrc as well."""
        strip: Callable[[str | None, str | None], bool] = self.should_strip_auth
        if strip(response.request.url, prepared_request.url):
            prepared_request.headers.pop("Authorization", None)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the provider"
