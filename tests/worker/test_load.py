"""What waits, over the real queue."""

from __future__ import annotations

import time

import pytest

from worker.keys import DUE, Job
from worker.load import load
from worker.services import Services

JOB = Job("owner", "google:1", "gmail")


def test_an_empty_server_has_nothing_waiting(services: Services) -> None:
    found = load(services.redis)
    assert {one.length for one in found.queues.values()} == {0}
    assert (found.scheduled, found.overdue) == (0, 0.0)
    assert set(found.queues) == set(services.queue.lengths())


def test_queued_jobs_are_counted_whatever_their_priority_and_the_oldest_tells_the_age(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("worker.queue.time.time", lambda: now - 90)
        services.queue.send(JOB, "r1", later=True)
    services.queue.send(JOB, "r2")
    services.queue.send(JOB, "r3")
    waiting = load(services.redis).queues["google"]
    assert waiting.length == 3 == services.queue.lengths()["google"]
    assert waiting.age == pytest.approx(90, abs=10)


def test_a_message_that_does_not_tell_its_age_is_counted(services: Services) -> None:
    services.redis.lpush("google", b"no json", b'{"headers": {}}')
    waiting = load(services.redis).queues["google"]
    assert (waiting.length, waiting.age) == (2, None)


def test_the_schedules_head_tells_how_late_it_is(services: Services) -> None:
    services.schedule.put(JOB, 500)
    assert load(services.redis).overdue == 0.0
    seconds, _ = services.redis.time()
    services.redis.zadd(DUE, {Job("owner", "google:2", "gmail").member: seconds - 40})
    found = load(services.redis)
    assert found.scheduled == 2
    assert 39 < found.overdue < 60
