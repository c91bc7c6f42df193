"""The one transport that every call to a provider takes.

It pools connections, bounds time, tries passing faults again, stays within the account's quota,
refreshes the access token once when it is rejected, and keeps addresses and tokens out of errors.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from connectors.sdk import session
from connectors.sdk.addresses import rebase
from connectors.sdk.answer import Answer
from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.oauth import Right, TokenSource
from connectors.sdk.quota import Budget
from connectors.sdk.stats import Stats

Classify = Callable[[int, Mapping[str, str], bytes], ConnectorError | None]
#: The parameters of `Provider.sign`, from the access token.
Sign = Callable[[str], Mapping[str, str]]
#: Seconds without a call after a success, from its headers: `Provider.wait_after`.
WaitAfter = Callable[[Mapping[str, str]], float]
#: Returns after so many seconds; the engine's own looks at pause and shutdown meanwhile.
Wait = Callable[[float], None]
_T = TypeVar("_T")
#: Fresh access tokens that may be rejected in one call: a provider may take a moment to know its
#: own token, and others who share the connection may have used it up.
_REJECTIONS = 3
_REJECTED = "the provider rejects the access token; connect the account again"
#: No wait is longer, whatever a provider says, in seconds: what is nonsense must not be for ever.
_LONGEST_WAIT = 7 * 24 * 3600.0
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class Transport:
    """Connections to providers, shared by all that one process calls. Safe among threads.

    Args:
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer's next bytes.
        answer_seconds: Longest time of one whole answer, redirects included.
        answer_megabytes: Largest answer, unpacked, in megabytes (10^6 bytes).
        pool_size: Connections kept open to each host.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        answer_seconds: float = 300.0,
        answer_megabytes: float = 256.0,
        pool_size: int = 8,
    ) -> None:
        self._timeout = (connect_timeout, read_timeout)
        self._seconds = answer_seconds
        self._megabytes = answer_megabytes
        self._session = session.make(pool_size)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        seconds: float = math.inf,
    ) -> Answer:
        """Send one request, once. `seconds` bounds this answer where others may take longer.

        Raises:
            TransientError: No whole answer came: timeout, reset, wrong length, garbled encoding,
                too slow or too large in all.
        """
        seconds = min(seconds, self._seconds)
        deadline = session.bound(seconds)
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
                stream=True,
            )
            content = session.body(response, int(self._megabytes * 1_000_000))
        except session.TooLargeError:
            told = f"sends more than {self._megabytes:g} MB in one answer"
        # A redirect's address that is none is a ValueError in the library.
        except (requests.RequestException, ValueError) as error:
            # The message of the library holds the address with its query: name the kind alone.
            told = f"did not answer ({type(error).__name__})"
            if time.monotonic() >= deadline:
                told = f"did not answer in whole within {seconds:g} s"
        else:
            if not response.is_redirect:
                return Answer(response.status_code, response.headers, content)
            told = "sends elsewhere, which is not followed"
        raise TransientError(f"{urlsplit(url).hostname or 'the provider'} {told}")

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
        sign: Further query parameters of each call that has an access token.
        headers: Headers of each call.
        wait_after: How long a success asks to hold the next call back.
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
        sign: Sign | None = None,
        headers: Mapping[str, str] | None = None,
        wait_after: WaitAfter | None = None,
        base_url: str | None = None,
        retries: int = 3,
        backoff: float = 0.5,
        inline_wait: float = 5.0,
        wait: Wait = time.sleep,
    ) -> None:
        self.transport = transport
        self._tokens = tokens
        self._classify = classify
        self._budget = budget
        self._sign = sign
        self._headers = dict(headers or {})
        self._wait_after = wait_after
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

    def json(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        cost: int = 0,
        needs: Collection[str] = (),
    ) -> Any:
        """GET the URL and return its JSON. Raises as `request` does.

        With `needs`, an answer that lacks one of these names is none to this question, and is
        asked for again: a list without its items would be taken for the end of the list.
        """
        return self._tried(
            cost, lambda token: self._once("GET", url, None, params, None, token).json(needs)
        )

    def token(self) -> str:
        """The access token, for a client that makes its own calls; raises TokenExpiredError."""
        return self._held().access_token()

    def exclusive(self) -> AbstractContextManager[Right]:
        """The right to open what the token stands for; see `TokenSource.exclusive`."""
        return self._held().exclusive()

    def keep_token(self, old: str, new: str) -> None:
        """Keep what such a client has made of the token, unless another is held by now."""
        self._held().keep(old, new)

    def _held(self) -> TokenSource:
        if self._tokens is None:
            raise TokenExpiredError("no access is held; connect the account again")
        return self._tokens

    def _tried(self, cost: int, once: Callable[[str | None], _T]) -> _T:
        """The result of `once`, called with the access token as often as its errors deserve."""
        rejected = tries = 0
        while True:
            self.spend(cost)
            token = self._tokens.access_token() if self._tokens else None
            try:
                return once(token)
            except _UnauthorizedError as unauthorized:
                rejected += 1
                if not self._renewed(token, unauthorized.error):
                    raise unauthorized.error or TokenExpiredError(_REJECTED) from None
                if rejected > _REJECTIONS:
                    raise AccessRejectedError(_REJECTED) from None
                if rejected > 1:
                    self._pause(self._backoff * 2 ** (rejected - 2))
            except RateLimitedError as error:
                self.stats.refused += 1
                tries += 1
                if tries > self._retries:
                    raise
                self.hold(error, tries, units=cost)
            except TransientError:
                tries += 1
                if tries > self._retries:
                    raise
                self.stats.retries += 1
                self._pause(self._backoff * 2 ** (tries - 1) * random.uniform(0.5, 1.5))  # noqa: S311

    def _renewed(self, rejected: str | None, reason: TokenExpiredError | None) -> bool:
        """Whether there is another access token now; else raises, in the provider's words."""
        if self._tokens is None or rejected is None:
            return False
        try:
            return self._tokens.refresh(rejected) != rejected
        except TokenExpiredError as ended:
            raise reason or ended from None

    def spend(self, units: int) -> None:
        """Take units from the account's budget, waiting for them when the wait is short.

        Raises:
            RateLimitedError: The wait is longer than a worker should be held.
        """
        while (seconds := self._budget.take(units)) > 0:
            self.stats.held(seconds)
            if seconds > self._inline_wait:
                raise RateLimitedError(self._budget.message, seconds)
            self._pause(seconds)

    def hold(self, error: RateLimitedError, tries: int = 1, *, units: int = 0) -> None:
        """Wait as the provider asked, when that is short; for parts of a batch that were refused.

        Args:
            error: The provider's refusal.
            tries: How many refusals in a row this is, where the provider names no time.
            units: Quota units of what was refused.

        Raises:
            RateLimitedError: The wait is longer than a worker should be held.
        """
        seconds = error.retry_after
        if seconds is None:
            seconds = self._backoff * 2**tries * random.uniform(1.0, 1.5)  # noqa: S311
        seconds = min(seconds, _LONGEST_WAIT)
        (self._budget.block_all if error.everyone else self._budget.block)(seconds)
        if units:
            self._budget.refused(units)
        self.stats.held(seconds)
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
        sent = {**self._headers, **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
            if self._sign is not None:
                params = {**(params or {}), **self._sign(token)}
        started = time.perf_counter()
        self.stats.requests += 1
        try:
            answer = self.transport.send(
                method, rebase(url, self._base_url), headers=sent, params=params, data=data
            )
        except TransientError as fault:
            self.stats.ended(fault)
            raise
        finally:
            self.stats.network_seconds += time.perf_counter() - started
        error = self._classify(answer.status, answer.headers, answer.content)
        # 401 may be about other things than the token, and another status about it.
        if isinstance(error, TokenExpiredError) or (
            answer.status == requests.codes.unauthorized and error is None
        ):
            self.stats.results["unauthorized"] += 1
            raise _UnauthorizedError(error)
        self.stats.ended(error)
        if error is not None:
            raise error
        if self._wait_after is not None and (seconds := self._wait_after(answer.headers)) > 0:
            self._budget.block(seconds)
        return answer

    def _pause(self, seconds: float) -> None:
        self.stats.waited_seconds += seconds
        self._wait(seconds)


class _UnauthorizedError(Exception):
    """The access token was rejected; `error` is what the provider said of it."""

    def __init__(self, error: TokenExpiredError | None) -> None:
        self.error = error


def classify_by_status(
    status: int,
    headers: Mapping[str, str],
    body: bytes,  # noqa: ARG001 - the signature is `Classify`
) -> ConnectorError | None:
    """What the status alone tells; a provider's own table looks at the body first."""
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
