"""Runs come to their end: in the sync log, for those who watch, whoever ends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connectors.google.calendar import CalendarEvents
from connectors.google.gmail import Gmail
from connectors.sdk.errors import RateLimitedError, TokenExpiredError
from tests.worker.engine.steps import MESSAGES, drain, only, run, state, take, with_worker
from vault.vault import Vault
from worker import connections, ticks
from worker.engine import Engine
from worker.keys import RUNS, Job
from worker.leases import Lease, Leases
from worker.services import Services
from worker.slices import Slice

WAIT = RateLimitedError("asks to wait", 3600.0)


@pytest.fixture
def alone(services: Services, job: Job, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services of a worker with an empty queue."""
    only(services, job, monkeypatch)
    return services


@contextmanager
def failing(handler: type[Any], error: Exception) -> Iterator[None]:
    """Let each sync of a handler end with the error."""

    def batches(_: Any, position: Any) -> Iterator[Any]:
        raise error
        yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "batches", batches)
        yield


def compared(services: Services) -> None:
    """Compare schedule and vaults, as each hour."""
    services.schedule.doubt()
    ticks.tick(services)


def is_open(vault: Vault, job: Job) -> list[str]:
    """How the job's runs stand that have not ended."""
    runs = [run for run in vault.runs(job.connection, 60) if run.handler_id == job.handler]
    return [run.outcome for run in runs if run.ended_at is None]


def test_an_access_that_has_ended_ends_the_runs_of_the_other_handlers(
    alone: Services, job: Job, vault: Vault
) -> None:
    calendar = Job(job.person, job.connection, "calendar-event")
    files = Job(job.person, job.connection, "google-drive-document")
    with failing(Gmail, WAIT):
        assert run(alone, job).next == "wait"
    alone.queue.sync(files.person, files.connection, files.handler)
    assert is_open(vault, job) == ["waiting"]
    with failing(CalendarEvents, TokenExpiredError("connect again")):
        assert run(alone, calendar).next == "off"
    assert is_open(vault, job) == []
    for left in (job, files):
        view = alone.progress.view(left)
        assert view is not None
        assert (view.status, view.message) == ("paused", "connect again")


def test_a_pause_in_the_last_batch_of_a_slice_ends_the_run(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_worker(services, slice_seconds=0.0) as hasty:
        only(hasty, job, monkeypatch)
        hasty.queue.sync(job.person, job.connection, job.handler)
        real = Vault.commit

        def commit(self: Vault, value: Any) -> Any:
            connections.pause(hasty, job.person, job.connection)
            return real(self, value)

        with monkeypatch.context() as patch:
            patch.setattr(Vault, "commit", commit)
            take(hasty)
        drain(hasty)
        assert is_open(vault, job) == []


def test_a_run_whose_worker_died_before_the_pause_is_ended_by_the_comparison(
    alone: Services, job: Job, vault: Vault
) -> None:
    lease = alone.leases.acquire(job, vault.last_fence(job.connection, job.handler))
    assert lease is not None
    Slice(alone, vault, lease, alone.schedule.run_of(job), lambda: False).begin()
    # Here its process is killed; the lease ends some time later.
    connections.pause(alone, job.person, job.connection)
    compared(alone)
    assert is_open(vault, job) == ["running"]
    alone.redis.delete(job.lease())
    compared(alone)
    assert is_open(vault, job) == []
    assert state(alone, job).status == "enabled"
    assert not alone.redis.hexists(RUNS, job.member)


def test_a_forced_run_of_a_paused_connection_is_left_to_its_next_slice(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_worker(services, slice_seconds=0.0) as hasty:
        only(hasty, job, monkeypatch)
        connections.pause(hasty, job.person, job.connection)
        hasty.queue.sync(job.person, job.connection, job.handler, force=True)
        take(hasty)
        compared(hasty)
        assert is_open(vault, job) == ["syncing"]
        drain(hasty)
        assert state(hasty, job).kept == MESSAGES


def test_a_pause_ends_the_run_that_redis_has_forgotten(
    alone: Services, job: Job, vault: Vault
) -> None:
    with failing(Gmail, WAIT):
        run(alone, job)
    alone.redis.flushall()
    connections.pause(alone, job.person, job.connection)
    assert is_open(vault, job) == []


def test_a_disconnection_in_the_middle_leaves_no_run_open(
    alone: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Vault.commit

    def commit(self: Vault, value: Any) -> Any:
        connections.disconnect(alone, job.person, job.connection, delete_data=False)
        return real(self, value)

    monkeypatch.setattr(Vault, "commit", commit)
    assert run(alone, job).next in ("off", "leave")
    assert is_open(vault, job) == []


def test_who_disconnects_right_after_the_access_has_ended_gets_no_error(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Slice.save

    def save(self: Slice, outcome: Any) -> None:
        real(self, outcome)
        connections.disconnect(alone, job.person, job.connection, delete_data=False)

    monkeypatch.setattr(Slice, "save", save)
    with failing(Gmail, TokenExpiredError("connect again")):
        assert run(alone, job).next == "off"


def test_a_sync_by_force_asked_for_just_before_a_slice_begins_is_answered_by_it(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.pause(alone, job.person, job.connection)
    alone.queue.sync(job.person, job.connection, job.handler)
    real, asked = Leases.acquire, []

    def acquire(self: Leases, job: Job, floor: int) -> Any:
        if not asked:
            asked.append(connections.sync(alone, "owner", job.connection, job.handler, force=True))
        return real(self, job, floor)

    monkeypatch.setattr(Leases, "acquire", acquire)
    drain(alone)
    assert state(alone, job).kept == MESSAGES


def test_a_worker_that_was_frozen_tells_nobody_of_a_run_that_another_has_ended(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease was over; its commit had been made before."""
    real, count = Vault.commit, 0
    seconds = alone.settings.worker.lease_seconds

    def commit(self: Vault, value: Any) -> Any:
        nonlocal count
        done, count = real(self, value), count + 1
        if count == 1:
            alone.redis.delete(job.lease())
            run(alone, job)
            # Long enough to be found by the heartbeat, had the process not been frozen.
            time.sleep(seconds / 2)
        return done

    monkeypatch.setattr(Vault, "commit", commit)
    run_id = alone.schedule.run_of(job)
    outcome = Engine(alone).run(job.person, job.connection, job.handler, run_id)
    assert outcome.next == "leave"
    view = alone.progress.view(job)
    assert view is not None
    assert view.status == "done"


def test_a_pause_just_before_a_slice_gives_its_lease_back_ends_the_run(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Lease.release

    def at_the_end(self: Lease) -> None:
        connections.pause(services, job.person, job.connection)
        release(self)

    with with_worker(services, slice_seconds=0.0) as hasty:
        only(hasty, job, monkeypatch)
        hasty.queue.sync(job.person, job.connection, job.handler)
        with monkeypatch.context() as patch:
            patch.setattr(Lease, "release", at_the_end)
            take(hasty)
        drain(hasty)
        assert is_open(vault, job) == []
        view = hasty.progress.view(job)
        assert view is not None
        assert view.status == "paused"
