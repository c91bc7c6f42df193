"""Messages of one job: however many are sent, one chain of slices goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.google.gmail import Gmail
from connectors.sdk.errors import RateLimitedError
from tests.worker.engine.steps import (
    MESSAGES,
    drain,
    only,
    run,
    state,
    take,
    waiting,
    with_worker,
)
from vault.vault import Vault
from worker import connections, ticks
from worker.engine import Engine
from worker.keys import Job
from worker.services import Services


@pytest.fixture
def hasty(services: Services, job: Job, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services of a worker whose slices are one batch long, and an empty queue."""
    with with_worker(services, slice_seconds=0.0) as made:
        only(made, job, monkeypatch)
        yield made


def slices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The handlers whose slices begin from now on."""
    begun, real = [], Vault.begin

    def begin(self: Vault, given: Any, *args: Any, **kwargs: Any) -> Any:
        begun.append(given.handler_id)
        return real(self, given, *args, **kwargs)

    monkeypatch.setattr(Vault, "begin", begin)
    return begun


@pytest.mark.parametrize("force", [False, True])
def test_whoever_asks_after_each_slice_adds_no_message(
    hasty: Services, job: Job, force: bool
) -> None:
    counts = []
    hasty.queue.sync(job.person, job.connection, job.handler, force=force)
    while state(hasty, job).last_sync_at is None:
        take(hasty)
        for _ in range(3):
            hasty.queue.sync(job.person, job.connection, job.handler, force=force)
        counts.append(waiting(hasty))
    assert len(counts) > 3
    assert set(counts) == {1}
    assert state(hasty, job).kept == MESSAGES


@pytest.mark.parametrize("force", [False, True])
def test_whoever_asks_during_each_slice_replaces_the_continuation(
    hasty: Services, job: Job, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Vault.commit

    def commit(self: Vault, value: Any) -> Any:
        for _ in range(3):
            hasty.queue.sync(job.person, job.connection, job.handler, force=force)
        return real(self, value)

    hasty.queue.sync(job.person, job.connection, job.handler)
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "commit", commit)
        for _ in range(3):
            take(hasty)
            assert waiting(hasty) == 1
    drain(hasty)
    assert state(hasty, job).kept == MESSAGES


def test_of_the_messages_that_wait_only_the_first_one_taken_does_something(
    hasty: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = slices(monkeypatch)
    run_id = hasty.schedule.run_of(job)
    for _ in range(5):
        hasty.queue.send(job, run_id)
    take(hasty)
    assert begun == ["gmail"]
    for _ in range(4):
        take(hasty)
    assert begun == ["gmail"]
    # Its continuation is the only one.
    assert waiting(hasty) == 1
    drain(hasty)
    assert state(hasty, job).kept == MESSAGES


def test_a_message_that_is_delivered_again_goes_on_unless_another_has_begun(
    hasty: Services, job: Job
) -> None:
    run_id = hasty.schedule.run_of(job)
    first = hasty.schedule.ticket(job, run_id)
    assert first is not None

    def deliver(ticket: int) -> str:
        made = Engine(hasty)
        return made.run(job.person, job.connection, job.handler, run_id, ticket=ticket).next

    assert deliver(first) == "continue"
    assert deliver(first) == "continue"
    second = hasty.schedule.ticket(job, run_id)
    assert second is not None
    assert deliver(second) == "continue"
    assert deliver(first) == "leave"


def test_a_request_that_finds_a_slice_at_work_does_not_end_its_chain(
    hasty: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker takes it, sees the lease, and leaves."""
    real, asked = Vault.commit, []

    def commit(self: Vault, value: Any) -> Any:
        if not asked:
            asked.append(hasty.queue.sync(job.person, job.connection, job.handler))
            take(hasty)
        return real(self, value)

    hasty.queue.sync(job.person, job.connection, job.handler)
    monkeypatch.setattr(Vault, "commit", commit)
    take(hasty)
    assert waiting(hasty) == 1
    drain(hasty)
    assert state(hasty, job).kept == MESSAGES


def test_a_request_during_the_last_slice_leads_to_another_run(
    services: Services, hasty: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, job)
    services.queue.sync(job.person, job.connection, job.handler)
    drain(hasty)
    real = Gmail.batches

    def asked_meanwhile(self: Gmail, position: Any) -> Any:
        services.queue.sync(job.person, job.connection, job.handler)
        return real(self, position)

    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", asked_meanwhile)
        services.queue.sync(job.person, job.connection, job.handler)
        take(hasty)
    begun = slices(monkeypatch)
    # What was sent for the run that has ended does nothing; the tick brings the next.
    drain(hasty)
    assert begun == []
    hasty.schedule.set_built()
    assert ticks.tick(hasty) == 1
    drain(hasty)
    assert begun == ["gmail"]


def test_a_plain_request_does_not_end_a_forced_run(hasty: Services, job: Job) -> None:
    connections.pause(hasty, job.person, job.connection)
    hasty.queue.sync(job.person, job.connection, job.handler, force=True)
    take(hasty)
    # As a request or a tick that comes when the continuation is late does.
    hasty.queue.send(job, hasty.schedule.run_of(job))
    drain(hasty)
    assert state(hasty, job).kept == MESSAGES
    assert hasty.schedule.due_at(job) is None
    # The next run of the paused connection is not forced.
    hasty.queue.sync(job.person, job.connection, job.handler)
    take(hasty)
    assert state(hasty, job).message == "the connection is paused"


def test_a_forced_run_that_had_to_wait_goes_on_by_the_tick(
    hasty: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(self: Gmail, position: Any) -> Any:
        raise RateLimitedError("429", 60)

    connections.pause(hasty, job.person, job.connection)
    hasty.queue.sync(job.person, job.connection, job.handler, force=True)
    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", limited)
        take(hasty)
    assert hasty.schedule.due_at(job) is not None
    hasty.schedule.put(job, 0.0)
    hasty.schedule.set_built()
    assert ticks.tick(hasty) == 1
    drain(hasty)
    assert state(hasty, job).kept == MESSAGES


def test_a_connection_resumed_at_once_is_synced_at_once(hasty: Services, job: Job) -> None:
    """The message of the run that the pause has ended is still in the queue."""
    hasty.queue.sync(job.person, job.connection, job.handler)
    connections.pause(hasty, job.person, job.connection)
    connections.resume(hasty, job.person, job.connection)
    drain(hasty, 300)
    assert state(hasty, job).kept == MESSAGES
