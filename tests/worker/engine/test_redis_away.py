"""Redis refuses writes, or is away, at the moments that matter."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from connectors.sdk.oauth import Tokens
from tests.worker.engine.steps import MESSAGES, drain, only, run, state
from worker import connections, ticks
from worker.engine import Engine
from worker.keys import Job
from worker.services import Services


@contextmanager
def full(services: Services, seconds: float | None = None) -> Iterator[None]:
    """A Redis that is out of memory, for so long or while inside."""
    services.redis.config_set("maxmemory", "1")
    services.redis.config_set("maxmemory-policy", "noeviction")
    lift = lambda: services.redis.config_set("maxmemory", "0")  # noqa: E731
    timer = threading.Timer(seconds or 0, lift)
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        lift()


def due_in(services: Services, job: Job) -> float:
    due = services.schedule.due_at(job)
    assert due is not None
    return due - time.time()


def test_a_job_that_redis_lets_nobody_begin_comes_back_soon(services: Services, job: Job) -> None:
    run_id = services.queue.sync(job.person, job.connection, job.handler)
    with full(services, 0.7):
        outcome = Engine(services).run(job.person, job.connection, job.handler, run_id, ticket=1)
    assert outcome.next == "wait"
    assert due_in(services, job) < 6
    assert run(services, job).handler == "enabled"
    assert state(services, job).kept == MESSAGES


def test_a_redis_that_stays_away_is_no_success(services: Services, job: Job) -> None:
    run_id = services.schedule.run_of(job)
    with full(services), pytest.raises(redis.RedisError):
        Engine(services).run(job.person, job.connection, job.handler, run_id)


def test_a_connection_that_was_resumed_while_redis_was_full_is_synced(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(services, job, monkeypatch)
    connections.pause(services, job.person, job.connection)
    with full(services), pytest.raises(redis.RedisError):
        connections.resume(services, job.person, job.connection)
    handlers = services.vaults.open("owner").handlers(job.connection)
    assert ticks.tick(services) == len(handlers)
    drain(services)
    assert state(services, job).kept == MESSAGES


def test_all_handlers_of_an_account_connected_while_redis_was_full_are_synced(
    services: Services, tokens: Tokens
) -> None:
    services.schedule.set_built()
    with full(services), pytest.raises(redis.RedisError):
        connections.connect(services, "owner", "google", tokens)
    [connection] = services.vaults.open("owner").connections()
    handlers = services.vaults.open("owner").handlers(connection.id)
    assert len(handlers) == len(services.provider("google").handlers)
    assert ticks.tick(services) == len(handlers)
