"""Counts of what was asked and what was refused."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class Stats:
    """Counters, safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._units: Counter[str] = Counter()
        self._bytes = 0

    def request(self, endpoint: str) -> None:
        """An HTTP request came in."""
        with self._lock:
            self._requests[endpoint] += 1

    def call(self, method: str, status: int, reason: str | None) -> None:
        """An API method was called, alone or in a batch, and answered with this status."""
        with self._lock:
            self._calls[method] += 1
            if status >= 400:
                self._refused[reason or str(status)] += 1

    def spent(self, account: str, units: int) -> None:
        """Quota units were spent."""
        with self._lock:
            self._units[account] += units

    def answered(self, length: int) -> None:
        """An answer's body of so many bytes was sent."""
        with self._lock:
            self._bytes += length

    def reset(self) -> None:
        """Start again at zero."""
        with self._lock:
            self._bytes = 0
            for counter in (self._requests, self._calls, self._refused, self._units):
                counter.clear()

    def to_json(self) -> dict[str, Any]:
        """All counts.

        Returns:
            `requests` (HTTP, by endpoint), `total` of them, `calls` (API methods, batch parts
            included), `parts` (calls inside batches), `batches`, `refused` (by reason),
            `units` (quota, by account) and `bytes` (of answers' bodies).
        """
        with self._lock:
            batches = self._requests["batch"]
            singles = sum(count for name, count in self._requests.items() if name == "gmail")
            return {
                "requests": {name: count for name, count in self._requests.items() if count},
                "total": sum(self._requests.values()),
                "calls": dict(self._calls),
                "parts": sum(self._calls.values()) - singles,
                "batches": batches,
                "refused": dict(self._refused),
                "units": dict(self._units),
                "bytes": self._bytes,
            }
