"""What people do while a sync runs, and what happens to Redis meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from connectors.sdk.oauth import Tokens
from sandbox.server import RunningSandbox
from tests.worker.engine.steps import MESSAGES, control, run, with_worker
from vault.errors import VaultError, VaultLockedError
from vault.vaults import Vaults
from worker import connections, ticks
from worker.keys import Job
from worker.services import Services


def kept(services: Services, job: Job) -> int:
    return services.vaults.open("owner").handler(job.connection, job.handler).kept


def after_commit(
    services: Services, monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]
) -> None:
    """Do something right after the given commit of the next run."""
    vault = services.vaults.open("owner")
    original, count = vault.commit, 0

    def commit(value: Any) -> Any:
        nonlocal count
        done = original(value)
        count += 1
        if count == number:
            act()
        return done

    monkeypatch.setattr(vault, "commit", commit)


def test_redis_gone_for_a_moment_is_no_bug(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def away(*_: Any) -> bool:
        nonlocal calls
        calls += 1
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.checkpoints), "save", away)
        outcome = run(services, job)
    assert calls == 1
    assert (outcome.next, outcome.bug, outcome.failures) == ("wait", False, 1)
    assert run(services, job).handler == "enabled"
    assert kept(services, job) == MESSAGES


def test_the_end_of_a_slice_waits_for_a_redis_that_restarts(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failures = type(services.schedule).rest, 0

    def once(self: Any, *args: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise redis.ConnectionError("restarting")
        return original(self, *args)

    monkeypatch.setattr(type(services.schedule), "rest", once)
    assert run(services, job).next == "rest"
    due = services.schedule.due_at(job)
    assert due is not None


def test_a_vault_left_out_of_a_rebuild_is_looked_at_again(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, job)
    services.redis.flushall()

    def locked(*_: Any, **__: Any) -> Any:
        raise VaultLockedError("in use by another process: try again")

    with monkeypatch.context() as broken:
        broken.setattr(Vaults, "open", locked)
        ticks.tick(services)
    assert services.schedule.due_at(job) is None
    assert 0 < services.redis.ttl("dcs:due:built") <= 60
    services.redis.delete("dcs:due:built")
    ticks.tick(services)
    assert services.schedule.due_at(job) is not None
    assert services.redis.ttl("dcs:due:built") > 60


def test_a_cancel_stops_the_run_it_was_meant_for_and_no_later_one(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.redis.set(job.cancel(), "an-older-run", ex=60)
    assert run(services, job).handler == "enabled"
    assert kept(services, job) == MESSAGES


def test_a_reset_in_the_middle_leads_to_a_whole_sync_by_itself(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        reset = lambda: connections.reset(services, "owner", "google", delete_data=True)  # noqa: E731
        after_commit(services, patch, 2, reset)
        assert run(services, job).next == "leave"
    assert services.schedule.due_at(job) is not None
    vault = services.vaults.open("owner")
    assert vault.handler(job.connection, "gmail").status == "enabled"
    assert all(entry.ended_at for entry in vault.runs(job.connection))
    assert run(services, job).handler == "enabled"
    assert kept(services, job) == MESSAGES


def test_a_handler_switched_off_at_the_last_moment_stays_off(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = lambda: connections.set_handler_enabled(  # noqa: E731
        services, "owner", job.connection, "gmail", enabled=False
    )
    after_commit(services, monkeypatch, MESSAGES // 50 + 1, off)
    run(services, job)
    state = services.vaults.open("owner").handler(job.connection, "gmail")
    assert state.status == "disabled"
    assert services.schedule.due_at(job) is None


def test_a_forced_sync_does_not_switch_a_handler_on(services: Services, job: Job) -> None:
    connections.set_handler_enabled(services, "owner", job.connection, "gmail", enabled=False)
    run(services, job, force=True)
    assert kept(services, job) == MESSAGES
    state = services.vaults.open("owner").handler(job.connection, "gmail")
    assert state.status == "disabled"
    assert services.schedule.due_at(job) is None


def test_an_option_changed_during_a_run_is_followed_at_once(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.set_handler_options(services, "owner", job.connection, "gmail", {"backdate": "1"})
    with monkeypatch.context() as patch:
        widen = lambda: connections.set_handler_options(  # noqa: E731
            services, "owner", job.connection, "gmail", {"backdate": "all"}
        )
        after_commit(services, patch, 1, widen)
        run(services, job)
    assert services.schedule.pop(10) == [job]
    run(services, job)
    assert kept(services, job) == MESSAGES
    # And no more than that: the next one comes by the frequency.
    assert services.schedule.pop(10) == []


def test_a_run_that_waits_is_ended_by_a_pause(
    services: Services, job: Job, sandbox: RunningSandbox
) -> None:
    fault = {"path": "/gmail/", "kind": "429", "count": 1, "retry_after": 30}
    control(sandbox, "POST", "faults", fault)
    assert run(services, job).next == "wait"
    connections.pause(services, "owner", job.connection)
    view = services.progress.view(job)
    assert view is not None
    assert view.status == "paused"
    assert all(e.ended_at for e in services.vaults.open("owner").runs(job.connection))


def test_a_new_connection_outlives_the_end_of_the_old_access(
    services: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person connects again while the refresh of the old tokens is on its way."""
    from worker import tokens as module

    control(sandbox, "POST", "tokens/revoke-refresh")
    control(sandbox, "POST", "tokens/expire-access")
    original = module.refresh_tokens

    def slow(*arguments: Any) -> Tokens:
        fresh = Tokens.from_json(control(sandbox, "POST", "tokens"))
        services.vaults.open("owner").save_tokens(job.connection, fresh)
        return original(*arguments)

    monkeypatch.setattr(module, "refresh_tokens", slow)
    assert run(services, job).handler == "enabled"
    assert kept(services, job) == MESSAGES


def test_labels_of_trashed_mail_are_right_after_history_was_lost(
    services: Services, job: Job, sandbox: RunningSandbox
) -> None:
    run(services, job)
    listed = control(sandbox, "GET", "state")["accounts"][0]["labels"]
    victim = next(key for key, labels in listed.items() if "INBOX" in labels)
    control(sandbox, "POST", f"accounts/0/messages/{victim}/trash")
    control(sandbox, "POST", "accounts/0/expire-history")
    run(services, job)
    kept_now = services.vaults.open("owner").kept(job.connection, "gmail").get(victim)
    assert kept_now is not None
    assert set(kept_now["labels"]) == set(
        control(sandbox, "GET", "state")["accounts"][0]["labels"][victim]
    )


def test_a_disconnected_account_leaves_the_schedule(services: Services, job: Job) -> None:
    services.vaults.open("owner").remove_connection(job.connection)
    services.schedule.put(job, 0)
    assert run(services, job).next == "off"
    assert services.schedule.due_at(job) is None


def test_a_vault_that_cannot_be_written_is_said_and_tried_again(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise VaultError("no space is left: make room, then try again")

    vault = type(services.vaults.open("owner"))
    with monkeypatch.context() as broken:
        broken.setattr(vault, "commit", full)
        broken.setattr(vault, "update_handler", full)
        assert run(services, job).next == "wait"
    view = services.progress.view(job)
    assert view is not None
    assert view.message == "no space is left: make room, then try again"
    assert services.schedule.due_at(job) is not None
    assert run(services, job).handler == "enabled"
    assert kept(services, job) == MESSAGES


def test_a_forced_sync_of_a_paused_connection_comes_to_its_end(
    services: Services, job: Job
) -> None:
    """It takes several slices; the pause must not strand it after the first."""
    connections.pause(services, "owner", job.connection)
    run_id = services.schedule.run_of(job)
    with with_worker(services, slice_seconds=0.0) as hasty:
        outcomes = [run(hasty, job, force=True).next]
        while outcomes[-1] == "continue":
            assert services.schedule.in_run(job, run_id)
            outcomes.append(run(hasty, job, force=True).next)
    assert len(outcomes) > 2
    assert outcomes[-1] == "rest"
    assert kept(services, job) == MESSAGES
    assert services.schedule.due_at(job) is None
