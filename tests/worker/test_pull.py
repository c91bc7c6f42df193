"""The order in which batches are fetched, kept and closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.sdk.errors import TransientError
from connectors.sdk.records import Batch
from connectors.sdk.stats import Stats
from worker.batches import Prepared, Timings
from worker.pull import Puller

Log = list[str]


class Pass:
    """A preparer that lets all pass; what it does is tested beside it."""

    def __init__(self) -> None:
        self.timings = Timings()

    def prepare(self, batch: Batch) -> Prepared:
        return Prepared(batch.position, list(batch.records), [], [], batch.total)


def pull(
    batches: Iterator[Batch],
    commit: Callable[[Prepared], None],
    stop: Callable[[], str | None] = lambda: None,
    preparer: Any = None,
) -> str | None:
    api: Any = SimpleNamespace(stats=Stats())
    made: Any = preparer or Pass()
    return Puller(batches, made, api).pull(commit, stop)


def counted(log: Log, count: int, error: Exception | None = None) -> Iterator[Batch]:
    try:
        for number in range(count):
            log.append(f"fetch {number}")
            yield Batch([], {"n": number})
        if error:
            raise error
    finally:
        log.append("close")


def committing(log: Log) -> Callable[[Prepared], None]:
    def commit(batch: Prepared) -> None:
        log.append(f"commit {batch.position['n']}")

    return commit


def test_all_batches_are_kept_in_order() -> None:
    log: Log = []
    assert pull(counted(log, 4), committing(log)) is None
    assert [entry for entry in log if "commit" in entry] == [f"commit {n}" for n in range(4)]
    assert log.count("close") == 1


def test_no_batches_need_no_commit() -> None:
    log: Log = []
    assert pull(counted(log, 0), committing(log)) is None
    assert log == ["close"]


def test_one_batch_is_fetched_while_one_is_kept_and_never_more() -> None:
    log: Log = []

    def commit(batch: Prepared) -> None:
        number = batch.position["n"]
        until = time.monotonic() + 5
        while number < 4 and f"fetch {number + 1}" not in log and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02)  # time enough to fetch another, if it were allowed
        log.append(f"commit {number}")

    pull(counted(log, 5), commit)
    for number in range(3):
        assert log.index(f"fetch {number + 1}") < log.index(f"commit {number}")
        assert log.index(f"fetch {number + 2}") > log.index(f"commit {number}")


def test_a_batch_yielded_before_an_error_is_kept() -> None:
    log: Log = []
    with pytest.raises(TransientError, match="gone"):
        pull(counted(log, 2, TransientError("gone")), committing(log))
    assert [entry for entry in log if "commit" in entry] == ["commit 0", "commit 1"]


def test_an_error_of_a_preparer_comes_after_the_batches_before_it() -> None:
    log: Log = []

    class Broken(Pass):
        def prepare(self, batch: Batch) -> Prepared:
            if batch.position["n"] == 2:
                raise ZeroDivisionError
            return super().prepare(batch)

    with pytest.raises(ZeroDivisionError):
        pull(counted(log, 5), committing(log), preparer=Broken())
    assert [entry for entry in log if "commit" in entry] == ["commit 0", "commit 1"]
    assert log[-1] == "close"


def test_a_stop_keeps_what_was_fetched_and_fetches_no_more() -> None:
    log: Log = []
    reasons = iter([None, "slice"])
    assert pull(counted(log, 9), committing(log), lambda: next(reasons)) == "slice"
    assert sorted(log) == ["close", "commit 0", "commit 1", "fetch 0", "fetch 1"]
    assert log[-1] == "close"


def test_a_commit_that_fails_ends_it_and_closes_the_generator_at_rest() -> None:
    log: Log = []

    working = threading.Event()

    def batches() -> Iterator[Batch]:
        try:
            yield Batch([], {"n": 0})
            working.set()
            time.sleep(0.05)
            log.append("fetched")
            yield Batch([], {"n": 1})
        finally:
            log.append("close")

    def fail(batch: Prepared) -> None:
        assert working.wait(5)
        raise RuntimeError("fenced")

    with pytest.raises(RuntimeError, match="fenced"):
        pull(batches(), fail)
    assert log == ["fetched", "close"]


def test_a_stop_that_fails_closes_the_generator_too() -> None:
    log: Log = []

    def fail() -> str | None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        pull(counted(log, 9), committing(log), fail)
    assert log == ["fetch 0", "close"]


def test_an_iterator_that_cannot_be_closed_will_do() -> None:
    log: Log = []
    assert pull(iter([Batch([], {"n": 0})]), committing(log)) is None
    assert log == ["commit 0"]


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    pull(counted([], 3), committing([]))
    assert threading.active_count() == before


def test_network_and_checks_are_no_part_of_the_mappings_time() -> None:
    preparer = Pass()
    stats = Stats()
    api: Any = SimpleNamespace(stats=stats)

    def batches() -> Iterator[Batch]:
        time.sleep(0.05)
        stats.network_seconds += 0.05
        yield Batch([], {"n": 0})

    Puller(batches(), preparer, api).pull(committing([]), lambda: None)  # type: ignore[arg-type]  # Pass does what is used
    assert preparer.timings.fetched >= 0.05
    assert preparer.timings.mapping < 0.03
