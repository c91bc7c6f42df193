"""Faults on demand: what goes wrong, where, and how many times.

A fault is laid in a queue; each request that it fits uses up one of its `count`. Faults of the
connection itself (`CONNECTION_KINDS`) need the server's socket and so only work when served. That
nobody listens, and that TLS fails, are no faults of a request: see `sandbox.listening`.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Self

BATCH_PART = "batch-part"
#: Every kind, with what it does.
MEANINGS: dict[str, str] = {
    "401": "the access token is rejected",
    "403-daily": "the quota of the day is spent",
    "403-quota": "the quota is spent for now",
    "403-scope": "a scope was not granted",
    "429": "too many requests; `retry_after` stands in its text",
    "429-date": "too many requests; Retry-After is a date, `retry_after` seconds from now",
    "429-seconds": "too many requests; Retry-After is `retry_after` seconds",
    "500": "the provider's own error",
    "502": "a page of HTML from a proxy whose upstream failed",
    "503": "the provider is overloaded",
    "504": "a page of HTML from a proxy whose upstream was too slow",
    "deep-json": "status 200, JSON nested deeper than a parser's stack",
    "garbage-json": "status 200, called JSON, is none",
    "gzip-bomb": "status 200, gzip that unpacks to `size` megabytes",
    "gzip-garbage": "status 200, called gzip, is none",
    "hang": "no answer for `seconds`, then the connection is reset",
    "huge": "status 200, JSON of `size` megabytes",
    "list-json": "status 200, an empty JSON list whatever was asked for",
    "lost-refresh": "tokens are refreshed, and the answer is lost: reset instead of it",
    "null-json": "status 200, the JSON null",
    "other-json": "status 200, a JSON object that answers something else",
    "page-token-refused": "the page token of a list is refused in the provider's own way",
    "redirect-loop": "302 to the same path, without end",
    "reset": "the connection is reset instead of an answer",
    "slow-drip": "status 200 at once, then a byte each tenth of a second for `seconds`",
    "truncate": "JSON cut in the middle: Content-Length promises more, the connection closes",
    "vanish": "`items` of the items that an answer lists are deleted right after it",
    "wrong-length-less": "whole JSON, but Content-Length says less",
    "wrong-length-more": "whole JSON, but Content-Length says more, the connection closes",
}
#: What each provider words in its own way.
ERROR_KINDS = frozenset(
    {
        "401", "403-daily", "403-quota", "403-scope", "429", "429-date", "429-seconds", "500",
        "503",
    }
)  # fmt: skip
#: What stands between the client and the provider answers, alike for all of them.
GATEWAY_KINDS = frozenset({"502", "504"})
#: The answer comes whole; its body is not what it should be.
BODY_KINDS = frozenset({"deep-json", "garbage-json", "list-json", "null-json", "other-json"})
CONNECTION_KINDS = frozenset(
    {
        "gzip-bomb", "gzip-garbage", "hang", "huge", "redirect-loop", "reset", "slow-drip",
        "truncate", "wrong-length-less", "wrong-length-more",
    }
)  # fmt: skip
#: The provider does its work; something is wrong before or after it.
PASSING_KINDS = frozenset({"lost-refresh", "page-token-refused", "vanish"})
KINDS = ERROR_KINDS | GATEWAY_KINDS | BODY_KINDS | CONNECTION_KINDS | PASSING_KINDS

#: What a request must have about it, besides the path, for a fault of this kind.
NEEDS = {"lost-refresh": "refresh", "page-token-refused": "page"}
_PATHS = {"lost-refresh": "/token$", "page-token-refused": ".", "vanish": "/messages$"}
_PATH = "^/gmail/|^/batch"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Args:
        kind: One of `KINDS`; `MEANINGS` says what it does.
        path: Regular expression searched in the request's path, or `batch-part` for the requests
            inside a batch. Without one: mail; for `lost-refresh` the token endpoints, for
            `page-token-refused` all lists, for `vanish` the list of mail.
        count: How many requests it hits; 0 means all from now on.
        skip: How many fitting requests pass unharmed before.
        rate: Chance from 0 to 1 that a fitting request is hit.
        retry_after: Seconds to wait: a `429-seconds` and a `429-date` name them in their
            `Retry-After` header (1 without it), a `429` in its text; without it a `429` says that
            there are too many concurrent requests.
        seconds: How long a `hang` keeps the connection before it is dropped, and how long a
            `slow-drip` lasts.
        size: Megabytes (of 10^6 bytes) of a `huge`, or of what a `gzip-bomb` unpacks to.
        items: How many items `vanish`.

    Raises:
        ValueError: Unknown kind, a kind that a batch part cannot have, or a bad expression.
    """

    kind: str
    path: str = ""
    count: int = 1
    skip: int = 0
    rate: float = 1.0
    retry_after: float | None = None
    seconds: float = 60.0
    size: float = 300.0
    items: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known: {sorted(KINDS)}")
        if self.path == BATCH_PART and self.kind in CONNECTION_KINDS | PASSING_KINDS:
            raise ValueError(f"a batch part has no connection of its own to {self.kind}")
        if not self.path:
            # Frozen for everyone else.
            object.__setattr__(self, "path", _PATHS.get(self.kind, _PATH))
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A fault from its JSON form, whose keys are this class's arguments.

        Raises:
            ValueError: An unknown or missing key, or a bad value.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def parse(cls, text: str) -> Self:
        """A fault from a command-line switch: `kind[:count[:path]]`, such as `503:2:batch-part`."""
        kind, _, rest = text.partition(":")
        count, _, path = rest.partition(":")
        return cls(kind, path, count=int(count or 1))


class Faults:
    """The queue of faults; safe to use from several threads.

    Args:
        faults: The first ones.
        seed: Decides which requests a fault with a `rate` hits.
    """

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._queue = list(faults)
        self._rng = random.Random(seed)

    def add(self, fault: Fault) -> None:
        """Lay a fault at the end of the queue."""
        with self._lock:
            self._queue.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._queue.clear()

    def pending(self) -> list[Fault]:
        """The faults that still wait for their requests."""
        with self._lock:
            return list(self._queue)

    def take(self, path: str, has: Set[str] = frozenset()) -> Fault | None:
        """Use up one fault that fits this path, if there is one.

        Args:
            path: The request's path, or `batch-part`.
            has: What the request has about it (`NEEDS`).
        """
        if not self._queue:
            return None
        with self._lock:
            for index, fault in enumerate(self._queue):
                if not self._fits(fault, path, has):
                    continue
                if fault.skip:
                    self._queue[index] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.count == 1:
                    del self._queue[index]
                elif fault.count > 1:
                    self._queue[index] = replace(fault, count=fault.count - 1)
                return fault
        return None

    def _fits(self, fault: Fault, path: str, has: Set[str]) -> bool:
        if (fault.path == BATCH_PART) != (path == BATCH_PART):
            return False
        if path != BATCH_PART and not re.search(fault.path, path):
            return False
        if fault.kind in NEEDS and NEEDS[fault.kind] not in has:
            return False
        return fault.rate >= 1 or self._rng.random() < fault.rate
