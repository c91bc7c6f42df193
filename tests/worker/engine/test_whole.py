"""What a sync keeps, and what each error leads to."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from config.logs import LineFormatter
from connectors.google.gmail import Gmail
from connectors.sdk.oauth import Tokens
from sandbox.server import RunningSandbox
from tests.worker.engine.steps import MESSAGES, control, run, state, with_worker
from vault.errors import FencedError
from vault.vault import Vault
from worker import connections
from worker.engine import Engine
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services


class Account:
    """A connected sandbox account and short ways to work with it."""

    def __init__(
        self, services: Services, sandbox: RunningSandbox, tokens: Tokens, job: Job
    ) -> None:
        self.services = services
        self.sandbox = sandbox
        self.tokens = tokens
        self.job = job

    @property
    def vault(self) -> Vault:
        return self.services.vaults.open("owner")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return control(self.sandbox, method, path, body)

    def listed(self) -> set[str]:
        return set(self.control("GET", "state")["accounts"][0]["labels"])

    def kept(self) -> set[str]:
        return set(self.vault.kept(self.job.connection, self.job.handler).source_ids())

    def slice(self) -> Outcome:
        return run(self.services, self.job)

    def to_end(self, limit: int = 60) -> Outcome:
        for _ in range(limit):
            outcome = self.slice()
            if outcome.next in ("rest", "off"):
                return outcome
            time.sleep(min(outcome.delay, 1.0))
        raise AssertionError("the sync did not come to rest")

    def state(self) -> Any:
        return state(self.services, self.job)


@pytest.fixture
def account(services: Services, sandbox: RunningSandbox, tokens: Tokens, job: Job) -> Account:
    return Account(services, sandbox, tokens, job)


def test_a_sync_keeps_what_the_provider_lists(account: Account) -> None:
    outcome = account.to_end()
    assert outcome.handler == "enabled"
    assert account.kept() == account.listed()
    assert account.state().last_sync_at is not None
    assert account.vault.connection(account.job.connection).status == "active"


def test_a_run_that_has_ended_is_left_alone(account: Account) -> None:
    run = account.services.schedule.run_of(account.job)
    account.to_end()
    engine = Engine(account.services)
    again = engine.run("owner", account.job.connection, "gmail", run)
    assert again.next == "leave"


def test_a_second_delivery_finds_the_lease_taken(account: Account) -> None:
    lease = account.services.leases.acquire(account.job, floor=0)
    assert lease is not None
    with lease:
        assert account.slice().next == "leave"
    assert account.kept() == set()


def test_a_slice_ends_in_time_and_the_next_one_goes_on(
    account: Account, services: Services
) -> None:
    with with_worker(services, slice_seconds=0.0) as hasty:
        account.services = hasty
        first = account.slice()
        assert first.next == "continue"
        assert 0 < len(account.kept()) < MESSAGES
        account.to_end(limit=200)
        assert account.kept() == account.listed()


def test_an_older_fence_cannot_commit(account: Account) -> None:
    """A worker that slept through its lease must not write over a newer one."""
    commits = 0
    vault = account.vault
    original = vault.commit

    def overtaken(commit: Any) -> Any:
        nonlocal commits
        commits += 1
        if commits == 2:
            vault.claim(account.job.connection, "gmail", commit.fence + 1)
        return original(commit)

    vault.commit = overtaken  # type: ignore[method-assign]  # the overtaking happens just here
    try:
        assert account.slice().next == "leave"
    finally:
        del vault.commit
    with pytest.raises(FencedError):
        vault.claim(account.job.connection, "gmail", 1)
    account.to_end()
    assert account.kept() == account.listed()


def test_a_wiped_redis_costs_nothing_but_a_read(account: Account) -> None:
    account.to_end()
    account.services.redis.flushall()
    account.control("POST", "stats/reset")
    account.to_end()
    assert account.control("GET", "stats")["total"] <= 2
    assert account.kept() == account.listed()


def test_an_ended_access_token_is_refreshed_once(account: Account) -> None:
    account.control("POST", "tokens/expire-access")
    account.to_end()
    assert account.kept() == account.listed()
    renewed = account.vault.tokens(account.job.connection)
    assert renewed is not None
    assert renewed.access_token != account.tokens.access_token
    assert renewed.refresh_token


def test_a_refused_refresh_asks_the_person_to_connect_again(account: Account) -> None:
    account.control("POST", "tokens/revoke-refresh")
    account.control("POST", "tokens/expire-access")
    outcome = account.slice()
    assert outcome.connection == "invalid-auth"
    connection = account.vault.connection(account.job.connection)
    assert connection.status == "invalid-auth"
    assert connection.message is not None
    assert "connect" in connection.message
    account.control("POST", "stats/reset")
    assert account.slice().next == "off"
    assert account.control("GET", "stats")["total"] == 0
    assert account.services.schedule.due_at(account.job) is None


def test_connecting_again_mends_a_lost_access(account: Account) -> None:
    test_a_refused_refresh_asks_the_person_to_connect_again(account)
    tokens = Tokens.from_json(account.control("POST", "tokens", {}))
    connections.connect(account.services, "owner", "google", tokens)
    account.to_end()
    assert account.kept() == account.listed()


def test_a_reconnect_without_a_refresh_token_keeps_the_old_one_and_the_options(
    account: Account,
) -> None:
    connections.set_handler_options(
        account.services, "owner", account.job.connection, "gmail", {"backdate": "12"}
    )
    fresh = account.control("POST", "tokens", {})
    fresh["refresh_token"] = None
    connections.connect(account.services, "owner", "google", Tokens.from_json(fresh))
    tokens = account.vault.tokens(account.job.connection)
    assert tokens is not None
    assert tokens.refresh_token == account.tokens.refresh_token
    assert account.state().options == {"backdate": "12"}


def test_a_passing_fault_is_tried_again_within_the_call(account: Account) -> None:
    account.control("POST", "faults", {"path": "/messages", "kind": "503", "count": 2})
    assert account.to_end().handler == "enabled"
    assert account.kept() == account.listed()


def test_a_lasting_fault_ends_in_error_after_the_stated_retries_and_recovers(
    account: Account,
) -> None:
    account.control("POST", "faults", {"path": "/gmail/", "kind": "500", "count": 0})
    outcomes = [account.slice() for _ in range(5)]
    assert [o.next for o in outcomes] == ["wait"] * 4 + ["rest"]
    waits = [o.delay for o in outcomes[:4]]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    assert account.state().status == "error"
    assert account.state().message
    account.control("DELETE", "faults")
    account.to_end()
    assert account.state().status == "enabled"
    assert account.state().failures == 0
    assert account.kept() == account.listed()


def test_a_long_wait_frees_the_worker(account: Account) -> None:
    account.control(
        "POST", "faults", {"path": "/gmail/", "kind": "429", "count": 1, "retry_after": 30}
    )
    begun = time.monotonic()
    outcome = account.slice()
    assert time.monotonic() - begun < 5
    assert outcome.next == "wait"
    assert 20 < outcome.delay <= 31
    due = account.services.schedule.due_at(account.job)
    assert due is not None
    assert 15 < due - time.time() < 35


def test_a_missing_permission_stops_the_handler_alone(account: Account) -> None:
    account.control("POST", "faults", {"path": "/gmail/", "kind": "403-scope", "count": 1})
    outcome = account.slice()
    assert outcome.handler == "invalid-auth"
    assert account.state().status == "invalid-auth"
    assert account.vault.connection(account.job.connection).status == "active"


def test_a_bug_in_a_handler_shows_as_a_plain_message_with_the_run(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Gmail, position: Any) -> Any:
        raise ZeroDivisionError("secret content of a mail")

    monkeypatch.setattr(Gmail, "batches", broken)
    outcome = account.slice()
    assert outcome.bug
    assert outcome.handler == "error"
    lines = [LineFormatter("worker").format(record) for record in caplog.records]
    assert not any("secret content" in line for line in lines)
    assert any("ZeroDivisionError" in line for line in lines)
    message = account.state().message
    assert message is not None
    assert account.state().last_run_id in message


def test_one_bad_record_is_quarantined_alone_and_a_retry_keeps_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import quarantine

    victim = sorted(account.listed())[5]
    original = Gmail._record

    def spoiled(self: Gmail, message: Any, texts: Any) -> Any:
        record = original(self, message, texts)
        if message["id"] == victim:
            record["sentAt"] = "never"
        return record

    monkeypatch.setattr(Gmail, "_record", spoiled)
    account.to_end()
    assert account.kept() == account.listed() - {victim}
    [item] = account.vault.quarantine()
    assert item.source_id == victim
    assert item.source["id"] == victim
    assert "sentAt" in item.reason
    assert quarantine.retry(account.services, "owner", item.id) is not None
    assert account.vault.quarantine()[0].tries == 1
    monkeypatch.setattr(Gmail, "_record", original)
    assert quarantine.retry(account.services, "owner", item.id) is None
    assert account.kept() == account.listed()
    assert account.vault.quarantine() == []


def test_a_listed_item_that_is_not_delivered_does_not_go_unseen(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = sorted(account.listed())[5]
    original = Gmail.batches

    def forgetful(self: Gmail, position: Any) -> Any:
        from dataclasses import replace

        for batch in original(self, position):
            yield replace(batch, records=[r for r in batch.records if r["sourceId"] != victim])

    monkeypatch.setattr(Gmail, "batches", forgetful)
    account.to_end()
    assert [item.source_id for item in account.vault.quarantine()] == [victim]


def test_pause_stops_a_running_sync_and_resume_finishes_it(account: Account) -> None:
    done: list[Outcome] = []
    account.control(
        "POST", "faults", {"path": "/batch", "kind": "429", "count": 1, "retry_after": 0.4}
    )
    thread = threading.Thread(target=lambda: done.append(account.slice()))
    thread.start()
    time.sleep(0.2)
    connections.pause(account.services, "owner", account.job.connection)
    thread.join(timeout=20)
    assert [outcome.next for outcome in done] == ["off"]
    assert len(account.kept()) < MESSAGES
    assert account.services.schedule.due_at(account.job) is None
    assert account.slice().message == "the connection is paused"
    connections.resume(account.services, "owner", account.job.connection)
    account.to_end()
    assert account.kept() == account.listed()


def test_no_batch_is_fetched_twice_ahead(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch may be fetched while one is committed, never more."""
    fetched = committed = 0
    ahead: list[int] = []
    original = Gmail.batches

    def counting(self: Gmail, position: Any) -> Any:
        nonlocal fetched
        for batch in original(self, position):
            fetched += 1
            ahead.append(fetched - committed)
            yield batch

    vault = account.vault
    commit = vault.commit

    def slow(value: Any) -> Any:
        nonlocal committed
        time.sleep(0.1)
        result = commit(value)
        committed += 1
        return result

    monkeypatch.setattr(Gmail, "batches", counting)
    vault.commit = slow  # type: ignore[method-assign]  # slowed down to let the fetcher run ahead
    try:
        account.to_end()
    finally:
        del vault.commit
    assert max(ahead) == 2
