"""Faults on demand: what goes wrong, where, and how many times.

A fault is laid in a queue; each request that it fits uses up one of its `count`. Faults of the
connection itself (reset, truncate, hang) need the server's socket and so only work when served.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

BATCH_PART = "batch-part"
ERROR_KINDS = frozenset(
    {
        "401", "403-daily", "403-quota", "403-scope", "429", "429-date", "429-seconds", "500",
        "503",
    }
)  # fmt: skip
BODY_KINDS = frozenset({"garbage-json"})
CONNECTION_KINDS = frozenset({"reset", "truncate", "hang"})
KINDS = ERROR_KINDS | BODY_KINDS | CONNECTION_KINDS


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Args:
        kind: One of `KINDS`.
        path: Regular expression searched in the request's path, or `batch-part` for the requests
            inside a batch.
        count: How many requests it hits; 0 means all from now on.
        skip: How many fitting requests pass unharmed before.
        rate: Chance from 0 to 1 that a fitting request is hit.
        retry_after: Seconds to wait: a `429-seconds` and a `429-date` name them in their
            `Retry-After` header (1 without it), a `429` in its text; without it a `429` says that
            there are too many concurrent requests.
        seconds: How long a `hang` keeps the connection before it is dropped.

    Raises:
        ValueError: Unknown kind, a kind that a batch part cannot have, or a bad expression.
    """

    kind: str
    path: str = "^/gmail/|^/batch"
    count: int = 1
    skip: int = 0
    rate: float = 1.0
    retry_after: float | None = None
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known: {sorted(KINDS)}")
        if self.path == BATCH_PART and self.kind in CONNECTION_KINDS:
            raise ValueError(f"a batch part has no connection of its own to {self.kind}")
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
        fault = cls(kind, count=int(count or 1))
        return replace(fault, path=path) if path else fault


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

    def take(self, path: str) -> Fault | None:
        """Use up one fault that fits this path, if there is one.

        Args:
            path: The request's path, or `batch-part`.
        """
        if not self._queue:
            return None
        with self._lock:
            for index, fault in enumerate(self._queue):
                if not self._fits(fault, path):
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

    def _fits(self, fault: Fault, path: str) -> bool:
        if (fault.path == BATCH_PART) != (path == BATCH_PART):
            return False
        if path != BATCH_PART and not re.search(fault.path, path):
            return False
        return fault.rate >= 1 or self._rng.random() < fault.rate
