"""A run that is ended while one of its slices works, and the run that comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.sdk.errors import AccessDeniedError
from connectors.sdk.oauth import Tokens
from sandbox.server import RunningSandbox
from tests.worker.engine.steps import (
    MESSAGES,
    control,
    drain,
    only,
    run,
    state,
    take,
    with_worker,
)
from vault.vault import Vault
from worker import connections, ticks
from worker.engine import Engine
from worker.handlers import tokens_of
from worker.keys import Job
from worker.services import Services
from worker.slices import Slice


@pytest.fixture
def alone(services: Services, job: Job, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services of a worker with an empty queue."""
    only(services, job, monkeypatch)
    return services


def at_commits(monkeypatch: pytest.MonkeyPatch, **acts: Callable[[], object]) -> None:
    """Do things before the commits `at_1`, `at_2` and so on."""
    real, count = Vault.commit, 0

    def commit(self: Vault, value: Any) -> Any:
        nonlocal count
        count += 1
        act = acts.get(f"at_{count}")
        if act is not None:
            act()
        return real(self, value)

    monkeypatch.setattr(Vault, "commit", commit)


def pausing(services: Services, job: Job) -> tuple[Callable[[], object], Callable[[], object]]:
    return (
        lambda: connections.pause(services, job.person, job.connection),
        lambda: connections.resume(services, job.person, job.connection),
    )


def switching(services: Services, job: Job) -> tuple[Callable[[], object], Callable[[], object]]:
    def switch(*, enabled: bool) -> None:
        connections.set_handler_enabled(
            services, job.person, job.connection, job.handler, enabled=enabled
        )

    return lambda: switch(enabled=False), lambda: switch(enabled=True)


@pytest.mark.parametrize("way", [pausing, switching])
def test_what_is_switched_off_and_on_while_it_works_goes_on(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    """The slice has heard of the end; the run that was asked for then is another."""
    off, on = way(alone, job)
    alone.queue.sync(job.person, job.connection, job.handler)
    with monkeypatch.context() as patch:
        at_commits(patch, at_1=off, at_2=on)
        take(alone)
    assert state(alone, job).kept < MESSAGES
    view = alone.progress.view(job)
    assert view is not None
    assert view.status == "queued"
    drain(alone)
    assert state(alone, job).kept == MESSAGES
    assert alone.schedule.due_at(job) is not None


def test_a_slice_goes_on_with_the_run_that_has_taken_the_place_of_its_own(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message was taken by another worker meanwhile, which saw the lease and left."""
    with with_worker(services, slice_seconds=0.0) as hasty:
        only(hasty, job, monkeypatch)
        first = hasty.queue.sync(job.person, job.connection, job.handler)
        off, on = pausing(hasty, job)
        second = ""

        def off_and_on() -> None:
            nonlocal second
            off()
            on()
            second = hasty.schedule.run_of(job)
            Engine(hasty).run(job.person, job.connection, job.handler, second, ticket=1)

        with monkeypatch.context() as patch:
            at_commits(patch, at_1=off_and_on)
            take(hasty)
        assert second not in ("", first)
        entries = {entry.id: entry for entry in hasty.vaults.open("owner").runs(job.connection)}
        assert (entries[first].outcome, entries[first].message) == ("paused", "stopped on request")
        assert entries[first].ended_at is not None
        drain(hasty)
        assert state(hasty, job).kept == MESSAGES
        log = hasty.vaults.open("owner").runs(job.connection, 50)
        assert {entry.id: entry.outcome for entry in log}[second] == "done"


def test_a_sync_by_force_that_is_asked_for_during_one_follows_it(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.pause(alone, job.person, job.connection)
    vault = alone.vaults.open(job.person)
    vault.update_handler(job.connection, job.handler, options={"backdate": "1"})
    alone.queue.sync(job.person, job.connection, job.handler, force=True)

    def ask() -> None:
        vault.update_handler(job.connection, job.handler, options={"backdate": "all"})
        alone.queue.sync(job.person, job.connection, job.handler, force=True)

    with monkeypatch.context() as patch:
        at_commits(patch, at_1=ask)
        take(alone)
    assert state(alone, job).kept < MESSAGES
    drain(alone)
    assert ticks.tick(alone) == 1
    drain(alone)
    assert state(alone, job).kept == MESSAGES
    # And no more than that: the connection is paused.
    assert alone.schedule.due_at(job) is None


def test_a_plain_sync_that_is_asked_for_during_a_forced_one_is_refused_once(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.pause(alone, job.person, job.connection)
    alone.queue.sync(job.person, job.connection, job.handler, force=True)
    plain = lambda: alone.queue.sync(job.person, job.connection, job.handler)  # noqa: E731
    with monkeypatch.context() as patch:
        at_commits(patch, at_1=plain)
        take(alone)
    drain(alone)
    assert ticks.tick(alone) == 1
    drain(alone)
    assert alone.schedule.due_at(job) is None
    assert state(alone, job).message == "the connection is paused"


def test_a_refusal_by_a_worker_that_was_overtaken_writes_nothing(
    alone: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.pause(alone, job.person, job.connection)
    real = Slice.save

    def overtaken(self: Slice, outcome: Any) -> None:
        vault = alone.vaults.open(job.person)
        vault.claim(job.connection, job.handler, vault.last_fence(job.connection, job.handler) + 9)
        real(self, outcome)

    monkeypatch.setattr(Slice, "save", overtaken)
    assert run(alone, job).next == "leave"
    assert state(alone, job).message is None


def before_the_end(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once, before the next slice's end is written."""
    real, done = Slice.save, []

    def save(self: Slice, outcome: Any) -> None:
        if not done:
            done.append(outcome)
            act()
        real(self, outcome)

    monkeypatch.setattr(Slice, "save", save)


def renew(services: Services, sandbox: RunningSandbox) -> None:
    fresh = Tokens.from_json(control(sandbox, "POST", "tokens"))
    connections.connect(services, "owner", "google", fresh)


def test_who_connects_again_is_not_overwritten_by_the_end_of_the_old_access(
    alone: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(sandbox, "POST", "tokens/revoke-refresh")
    control(sandbox, "POST", "tokens/expire-access")
    alone.queue.sync(job.person, job.connection, job.handler)
    before_the_end(monkeypatch, lambda: renew(alone, sandbox))
    take(alone)
    assert alone.vaults.open("owner").connection(job.connection).status == "connected"
    drain(alone)
    assert state(alone, job).kept == MESSAGES
    assert alone.vaults.open("owner").connection(job.connection).status == "active"
    for handler in alone.vaults.open("owner").handlers(job.connection):
        other = Job(job.person, job.connection, handler.handler_id)
        assert alone.schedule.due_at(other) is not None


def test_a_permission_granted_meanwhile_is_not_overwritten_by_its_refusal(
    alone: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.google.gmail import Gmail

    def denied(self: Gmail, position: Any) -> Iterator[Any]:
        raise AccessDeniedError("the permission is missing")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", denied)
        before_the_end(patch, lambda: renew(alone, sandbox))
        assert run(alone, job).next == "wait"
    assert state(alone, job).status == "enabled"
    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", denied)
        assert run(alone, job).next == "off"
    assert state(alone, job).status == "invalid-auth"


def test_a_permission_granted_while_its_refusal_is_on_its_way_counts(
    alone: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.google.gmail import Gmail

    def denied(self: Gmail, position: Any) -> Iterator[Any]:
        self.api.token()
        renew(alone, sandbox)
        raise AccessDeniedError("the permission is missing")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", denied)
        assert run(alone, job).next == "wait"
    assert state(alone, job).status == "enabled"
    drain(alone)
    assert state(alone, job).kept == MESSAGES


def test_who_connects_again_while_the_access_is_refreshed_keeps_what_was_granted(
    alone: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = alone.vaults.open("owner")
    tokens = tokens_of(alone, vault, job)
    real, before = Vault.replace_tokens, vault.tokens(job.connection)
    assert before is not None

    def replace_tokens(self: Vault, *arguments: Any) -> Any:
        renew(alone, sandbox)
        return real(self, *arguments)

    monkeypatch.setattr(Vault, "replace_tokens", replace_tokens)
    used = tokens.refresh(before.access_token)
    held = vault.tokens(job.connection)
    assert held is not None
    assert used == held.access_token
    assert held.refresh_token != before.refresh_token


def test_who_connects_again_right_after_the_access_has_ended_loses_no_handler(
    alone: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end stands in the vault; the other handlers are about to leave the schedule."""
    control(sandbox, "POST", "tokens/revoke-refresh")
    control(sandbox, "POST", "tokens/expire-access")
    alone.queue.sync(job.person, job.connection, job.handler)
    real, done = Slice.save, []

    def save(self: Slice, outcome: Any) -> None:
        real(self, outcome)
        if not done:
            done.append(outcome)
            renew(alone, sandbox)

    monkeypatch.setattr(Slice, "save", save)
    take(alone)
    assert done[0].connection == "invalid-auth"
    for handler in alone.vaults.open("owner").handlers(job.connection):
        other = Job(job.person, job.connection, handler.handler_id)
        assert alone.schedule.due_at(other) is not None
    drain(alone)
    ticks.tick(alone)
    drain(alone)
    assert state(alone, job).kept == MESSAGES
