"""What the workers count."""

from __future__ import annotations

from typing import Any

import fakeredis
import pytest
import redis

from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.stats import Stats
from vault.model import Committed
from worker import keys, metrics
from worker.keys import Job
from worker.metrics import Counts, SliceCounts, count, read
from worker.progress import Progress, ProgressView

ERRORS = (
    AccessDeniedError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)


def publish(fake: fakeredis.FakeRedis, job: Job, counts: Counts) -> None:
    Progress(fake).publish(job, ProgressView(job.connection, job.handler, "r", "syncing"), counts)


def test_a_batch_is_counted_with_the_progress_in_one_round_trip(
    fake: fakeredis.FakeRedis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = []
    real = redis.client.Pipeline.execute
    monkeypatch.setattr(
        redis.client.Pipeline,
        "execute",
        lambda self, *a, **k: (trips.append(len(self.command_stack)), real(self, *a, **k))[1],
    )
    counts = SliceCounts(job)
    counts.committed(Committed(1, inserted=20, updated=3, unchanged=2, quarantined=1), 0.02)
    publish(fake, job, counts)
    assert len(trips) == 1
    found = read(fake)
    assert found[metrics.BATCHES] == {("google", "gmail"): 1}
    assert found[metrics.RECORDS] == {
        ("google", "gmail", "inserted"): 20,
        ("google", "gmail", "updated"): 3,
        ("google", "gmail", "unchanged"): 2,
        ("google", "gmail", "quarantined"): 1,
    }
    assert found[metrics.COMMIT_SECONDS] == {
        ("google", "le:0.025"): 1,
        ("google", "sum"): pytest.approx(0.02),
    }


def test_what_was_sent_is_not_counted_again(fake: fakeredis.FakeRedis, job: Job) -> None:
    counts = SliceCounts(job)
    stats = Stats()
    for errors in ([None, None, TransientError("x")], [RateLimitedError("x"), None]):
        for error in errors:
            stats.ended(error)
        stats.held(2.5)
        counts.spent(stats)
        publish(fake, job, counts)
    publish(fake, job, counts)
    found = read(fake)
    assert found[metrics.REQUESTS] == {
        ("google", "ok"): 3,
        ("google", "fault"): 1,
        ("google", "refused"): 1,
    }
    assert found[metrics.QUOTA_WAITS] == {("google",): 2}
    assert found[metrics.QUOTA_SECONDS] == {("google",): 5.0}


def test_counts_wait_while_redis_is_away(fake: fakeredis.FakeRedis, job: Job) -> None:
    away = fakeredis.FakeServer()
    away.connected = False
    counts = SliceCounts(job)
    counts.committed(Committed(1, inserted=5), 0.1)
    with pytest.raises(redis.ConnectionError):
        publish(fakeredis.FakeRedis(server=away), job, counts)
    counts.committed(Committed(2, inserted=6), 0.1)
    publish(fake, job, counts)
    assert read(fake)[metrics.RECORDS] == {("google", "gmail", "inserted"): 11}


def test_a_run_is_counted_when_it_comes_to_rest_and_each_slice_at_its_end(
    fake: fakeredis.FakeRedis, job: Job
) -> None:
    counts = SliceCounts(job)
    counts.ended("continue", "syncing")
    counts.ended("wait", "waiting")
    counts.ended("rest", "done")
    counts.ended("off", "error")
    publish(fake, job, counts)
    found = read(fake)
    assert found[metrics.RUNS] == {("google", "gmail", "done"): 1, ("google", "gmail", "error"): 1}
    assert sum(found[metrics.SLICES].values()) == 4


def test_no_person_and_no_connection_is_in_what_is_counted(
    fake: fakeredis.FakeRedis, job: Job
) -> None:
    counts = SliceCounts(job)
    counts.committed(Committed(1, inserted=5, deleted=1), 0.1)
    counts.ended("rest", "done")
    publish(fake, job, counts)
    held: Any = fake.hgetall(keys.METRICS)
    text = repr(held)
    assert "gmail" in text
    assert job.person not in text
    assert job.connection.partition(":")[2] not in text


def test_counting_what_is_rare_never_fails(fake: fakeredis.FakeRedis) -> None:
    away = fakeredis.FakeServer()
    away.connected = False
    count(fakeredis.FakeRedis(server=away), metrics.REFRESHES, "google", "ok")
    count(fake, metrics.REFRESHES, "google", "ok")
    assert read(fake)[metrics.REFRESHES] == {("google", "ok"): 1}


def test_fields_of_another_version_are_left_out(fake: fakeredis.FakeRedis) -> None:
    fake.hset(keys.METRICS, mapping={"dcs_gone_total|x": 1, "dcs_runs_total|only-one-label": 1})
    assert not any(read(fake).values())


def test_all_series_that_there_may_be_are_known(fake: fakeredis.FakeRedis, job: Job) -> None:
    """What is counted under other labels than those known would have no 0 before its first event."""
    counts = SliceCounts(job)
    counts.committed(Committed(1, 1, 1, 1, 1, 1), 0.1)
    stats = Stats()
    for error in (None, *(kind("x") for kind in ERRORS)):
        stats.ended(error)
    stats.results["unauthorized"] += 1
    stats.held(1.0)
    counts.spent(stats)
    for following, outcome in (("rest", "done"), ("off", "error"), ("rest", "paused")):
        counts.ended(following, outcome)
    counts.ended("continue", "syncing")
    counts.ended("wait", "waiting")
    publish(fake, job, counts)
    for metric, values in read(fake).items():
        known = set(metric.series({"google": ["gmail", "other"]}))
        assert {labels[: len(metric.labels)] for labels in values} <= known
        assert all(len(labels) == len(metric.labels) for labels in known)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (RateLimitedError("x"), "refused"),
        (TransientError("x"), "fault"),
        (AccessDeniedError("x"), "denied"),
        (ConnectorError("an item that is gone"), "failed"),
    ],
)
def test_a_request_is_counted_by_how_it_ended(error: Any, result: str) -> None:
    stats = Stats()
    stats.ended(error)
    assert stats.results == {result: 1}
