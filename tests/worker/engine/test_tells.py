"""What a run leaves for those who look after the server: log lines and counts."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest

from config import logs
from config.settings import OWNER
from tests.worker.engine.steps import MESSAGES, state
from worker import keys, metrics
from worker.engine import Engine
from worker.keys import Job
from worker.metrics import read
from worker.services import Services


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the engine's logger writes, in the log's own form."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LineFormatter("worker"))
    log = logging.getLogger("worker.engine")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield stream
    log.removeHandler(handler)
    log.setLevel(level)


def sync(services: Services, job: Job, run: str) -> str:
    services.schedule.end_run(job)
    services.schedule.keep_run(job, run)
    outcome = Engine(services).run(job.person, job.connection, job.handler, run)
    while outcome.next == "continue":
        outcome = Engine(services).run(job.person, job.connection, job.handler, run)
    return outcome.next


def test_a_run_says_when_it_begins_and_what_came_of_it(
    services: Services, job: Job, written: io.StringIO
) -> None:
    assert sync(services, job, "4f2a7c") == "rest"
    told = [line for line in written.getvalue().splitlines() if "4f2a7c" in line]
    ids = rf"\[{re.escape(job.connection)} gmail 4f2a7c\]"
    assert re.search(rf"INFO worker worker.engine {ids} run begins$", told[0])
    assert re.search(
        rf"INFO worker worker.engine {ids} run ends, done: {MESSAGES} kept, 0 deleted, 0 quarantined,"
        r" \d+ requests, \d+\.\d s$",
        told[-1],
    )


def test_a_run_that_fails_says_so_with_its_end(
    services: Services,
    job: Job,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from connectors.google.gmail import Gmail

    def broken(*_: object) -> None:
        raise ValueError("subject: holiday in Rome")

    monkeypatch.setattr(Gmail, "batches", broken)
    sync(services, job, "4f2a7c")
    text = written.getvalue()
    assert "run ends, error: 0 kept" in text
    assert "Rome" not in text


def test_metrics_agree_with_what_is_kept(services: Services, job: Job) -> None:
    sync(services, job, "one")
    found = read(services.redis)
    of = ("google", "gmail")
    kept = state(services, job).kept
    assert kept == MESSAGES
    assert found[metrics.RECORDS] == {(*of, "inserted"): kept}
    assert found[metrics.RUNS] == {(*of, "done"): 1}
    batches = found[metrics.BATCHES][of]
    assert batches >= 3
    commits = found[metrics.COMMIT_SECONDS]
    assert sum(n for labels, n in commits.items() if labels[1] != metrics.SUM) == batches
    assert commits["google", metrics.SUM] > 0
    view = services.progress.view(job)
    assert view is not None
    assert view.stats is not None
    assert sum(found[metrics.REQUESTS].values()) == view.stats["requests"] > 0

    sync(services, job, "two")
    again = read(services.redis)
    assert again[metrics.RUNS] == {(*of, "done"): 2}
    assert again[metrics.RECORDS][*of, "inserted"] == kept


def test_nothing_of_the_person_is_in_what_was_counted(services: Services, job: Job) -> None:
    sync(services, job, "4f2a7c")
    text = repr(services.redis.hgetall(keys.METRICS))
    assert "gmail" in text
    for secret in (OWNER, job.connection.partition(":")[2], "4f2a7c", "@"):
        assert secret not in text
