"""Pulls batches: fetches one ahead while one is mapped, checked and committed, never more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from connectors.sdk.http import Api
from connectors.sdk.records import Batch
from worker.batches import Prepared, Preparer

#: Tells why to stop after this batch; None to go on.
StopReason = Callable[[], str | None]


class Puller:
    """Runs a handler's generator in a thread of its own, one batch ahead of the commits.

    Args:
        batches: The handler's generator.
        preparer: Checks what it yields.
        api: Whose network and waiting time is taken off the mapping's.
    """

    def __init__(self, batches: Iterator[Batch], preparer: Preparer, api: Api) -> None:
        self._batches = batches
        self._preparer = preparer
        self._timings = preparer.timings
        self._api = api

    def pull(self, commit: Callable[[Prepared], None], stop: StopReason) -> str | None:
        """Commit batch after batch.

        Args:
            commit: Keeps one batch.
            stop: Asked once a batch, before the next one is fetched.

        Returns:
            Why it stopped early; None when the handler had no more.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="fetch") as fetcher:
            ahead: Future[Batch | None] | None = fetcher.submit(self._next)
            reason: str | None = None
            try:
                while ahead is not None and (batch := ahead.result()) is not None:
                    reason = stop()
                    ahead = None if reason else fetcher.submit(self._next)
                    commit(self._prepared(batch))
            finally:
                if ahead is not None and not ahead.cancel():
                    ahead.exception()  # the generator must rest before it can be closed
                _close(self._batches)
            return reason

    def _next(self) -> Batch | None:
        started = time.perf_counter()
        stats, timings = self._api.stats, self._timings
        outside = stats.network_seconds + stats.waited_seconds
        try:
            return next(self._batches, None)
        finally:
            spent = time.perf_counter() - started
            outside = stats.network_seconds + stats.waited_seconds - outside
            timings.fetched += spent
            timings.mapping += max(0.0, spent - outside)

    def _prepared(self, batch: Batch) -> Prepared:
        """The batch, mapped as far as its handler left that for now, and checked."""
        started = time.perf_counter()
        schema = self._timings.schema
        prepared = self._preparer.prepare(batch)
        schema = self._timings.schema - schema
        self._timings.mapping += max(0.0, time.perf_counter() - started - schema)
        return prepared


def _close(batches: Any) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()
