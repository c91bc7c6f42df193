"""Jobs that kill their workers or fail each time, and what only looks like it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.google.gmail import Gmail
from connectors.sdk.errors import RateLimitedError, TransientError
from connectors.sdk.handler import Batch
from tests.worker.engine.steps import MESSAGES, die, keep_one, run, state, with_worker
from vault.errors import VaultLockedError
from vault.vault import Vault
from worker.keys import Job
from worker.services import Services

HOUR = 3600.0
#: Deaths in a row that set a job aside, and deaths in a run with something kept before each.
IN_A_ROW, IN_ALL = 3, 30


def lock(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    def locked(*_: Any, **__: Any) -> Any:
        raise VaultLockedError("owner.vault is in use by another process: try again")

    for name in methods:
        monkeypatch.setattr(Vault, name, locked)


def test_a_job_that_kills_its_process_each_time_is_set_aside_with_the_reason(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(IN_A_ROW):
        die(vault, job, number)
    outcome = run(services, job)
    assert (outcome.next, outcome.handler, outcome.delay) == ("rest", "error", HOUR)
    assert state(services, job).status == "error"
    assert "died 3 times in a row" in str(state(services, job).message)
    assert vault.connection(job.connection).status == "error"
    assert vault.count("email") == 0
    # It is tried once more later; the next death sets it aside again, for longer.
    die(vault, job, 9)
    again = run(services, job)
    assert (again.handler, again.delay) == ("error", 2 * HOUR)
    # Mended at last.
    assert run(services, job).handler == "enabled"
    assert vault.count("email") == MESSAGES
    assert state(services, job).message is None


def test_deaths_with_records_kept_in_between_are_no_deaths_in_a_row(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(IN_ALL - 1):
        die(vault, job, number)
        keep_one(services, job, number)
    assert run(services, job).handler == "enabled"
    assert state(services, job).unfinished == 0


def test_a_job_that_keeps_one_record_before_each_death_is_set_aside_in_the_end(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(IN_ALL):
        die(vault, job, number)
        keep_one(services, job, number)
    outcome = run(services, job)
    assert (outcome.handler, outcome.delay) == ("error", HOUR)
    assert "died 30 times before it came to its end" in str(outcome.message)
    # Tried once, though something was kept before: the next death sets it aside for longer.
    die(vault, job, 98)
    keep_one(services, job, IN_ALL)
    again = run(services, job)
    assert (again.handler, again.delay) == ("error", 2 * HOUR)
    assert run(services, job).handler == "enabled"
    held = state(services, job)
    assert (held.unfinished, held.set_aside, held.attempts) == (0, 0, 0)


def test_slices_that_end_leave_the_count_of_deaths_as_it_is(
    services: Services, job: Job, vault: Vault
) -> None:
    die(vault, job, 0)
    with with_worker(services, slice_seconds=0.0) as hasty:
        for _ in range(3):
            assert run(hasty, job).next == "continue"
            assert state(services, job).unfinished == 1
    assert run(services, job).next == "rest"
    assert state(services, job).unfinished == 0


def test_the_first_time_a_job_is_set_aside_is_an_hour_whatever_failed_before(
    services: Services, job: Job, vault: Vault
) -> None:
    vault.update_handler(job.connection, job.handler, failures=7)
    for number in range(IN_A_ROW):
        die(vault, job, number)
    assert run(services, job).delay == HOUR


def test_a_vault_that_is_locked_at_the_end_of_slices_is_no_death(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(IN_A_ROW - 1):
        die(vault, job, number)
    for _ in range(IN_A_ROW + 1):
        with monkeypatch.context() as patch:
            lock(patch, "finish")
            patch.setattr(Gmail, "batches", _fails(VaultLockedError("owner.vault is in use")))
            assert run(services, job).next == "wait"
        # Nor is what it then cannot begin, which must not make it forget either.
        with monkeypatch.context() as patch:
            lock(patch, "begin", "finish")
            assert run(services, job).next == "wait"
        assert state(services, job).attempts == IN_A_ROW
        assert state(services, job).unfinished == IN_A_ROW
    assert run(services, job).handler == "enabled"


def test_a_lease_that_is_lost_and_a_slice_that_is_overtaken_are_no_deaths(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, job)
    real = Vault.commit
    for lose in [_wipe, _overtake] * IN_A_ROW:
        vault.reset(job.connection, delete_data=False)
        lost = []

        def commit(self: Vault, value: Any, lose: Any = lose, lost: Any = lost) -> Any:
            if not lost:
                lost.append(lose(services, vault, job))
            return real(self, value)

        with monkeypatch.context() as patch:
            patch.setattr(Vault, "commit", commit)
            assert run(services, job).next == "leave"
        assert state(services, job).attempts == 1
    services.redis.delete(*services.redis.keys("dcs:budget:*"))
    assert run(services, job).handler == "enabled"
    assert state(services, job).attempts == 0


def _wipe(services: Services, vault: Vault, job: Job) -> None:
    services.redis.flushall()
    time.sleep(1.0)  # until the heartbeat has seen it


def _overtake(services: Services, vault: Vault, job: Job) -> None:
    vault.claim(job.connection, job.handler, vault.last_fence(job.connection, job.handler) + 1)


def test_a_death_after_the_vault_was_locked_is_one(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lock(patch, "commit", "finish")
        run(services, job)
    die(vault, job, 0)
    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", _fails(TransientError("503")))
        run(services, job)
        # The mark stood for the locked slice alone.
        assert not services.schedule.unwritten(job)
    for number in range(1, IN_A_ROW + 1):
        die(vault, job, number)
    assert run(services, job).handler == "error"


def _fails(error: Exception) -> Any:
    def batches(self: Gmail, position: Any) -> Iterator[Batch]:
        raise error
        yield

    return batches


def _keeps_one_and_fails(error: Exception) -> Any:
    """A handler that brings one record that is new each time, and fails."""

    def batches(self: Gmail, position: Any) -> Iterator[Batch]:
        number = position.get("number", 0)
        message = self._client.message(self._client.messages(size=100)["messages"][number]["id"])
        yield Batch([self.record(message)], position={"number": number + 1})
        raise error

    return batches


def test_a_handler_that_keeps_something_and_fails_each_time_is_waited_for_ever_longer(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gmail, "batches", _keeps_one_and_fails(TransientError("503")))
    with with_worker(services, retry_seconds=5.0, error_retry_seconds=32.0) as made:
        outcomes = [run(made, job) for _ in range(9)]
    assert [outcome.delay for outcome in outcomes] == [5, 10, 15, 20, 25, 30, 32, 32, 32]
    # Its state does not flap meanwhile.
    assert {(outcome.next, outcome.handler) for outcome in outcomes} == {("wait", None)}
    assert state(services, job).setbacks == 9


def test_what_kept_nothing_is_counted_apart_and_an_end_clears_all(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Gmail, "batches", _keeps_one_and_fails(TransientError("503")))
        run(services, job)
        patch.setattr(Gmail, "batches", _fails(TransientError("503")))
        assert run(services, job).failures == 2
        patch.setattr(Gmail, "batches", _fails(RateLimitedError("429", 60)))
        assert run(services, job).next == "wait"
        # A quota is no failure.
        assert state(services, job).setbacks == 2
    services.vaults.open(job.person).reset(job.connection, delete_data=False)
    assert run(services, job).handler == "enabled"
    assert (state(services, job).setbacks, state(services, job).failures) == (0, 0)
