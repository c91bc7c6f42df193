"""Items tried again by each run: whose right it is, and when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from config.settings import Settings, load
from connectors.google import client
from connectors.google.gmail import Gmail
from connectors.sdk.errors import RateLimitedError, TransientError
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed, Record
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import Commit
from vault.vault import Vault
from worker import connections, quarantine
from worker.engine import Engine
from worker.keys import Job, session
from worker.outcomes import Outcome
from worker.rights import sole
from worker.services import Services

MESSAGES = 20
OPTIONS = SandboxOptions(messages=MESSAGES, seed=8)

Retry = Callable[[Gmail, Failed], Record]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(OPTIONS) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Any, sandbox: RunningSandbox) -> Settings:
    google = {
        "client_id": OPTIONS.client_id,
        "client_secret": OPTIONS.client_secret,
        "base_url": sandbox.url,
    }
    return load(home=tmp_path / "home", http={"backoff": 0.01}, providers={"google": google})


@pytest.fixture
def job(services: Services, sandbox: RunningSandbox) -> Job:
    tokens = Tokens.from_json(sandbox.world.tokens.mint(0, sandbox.world.sides["google"].scopes))
    made = connections.connect(services, "owner", "google", tokens)
    return Job("owner", made.id, "gmail")


@pytest.fixture
def vault(services: Services, job: Job) -> Vault:
    """A vault that is in sync."""
    opened = services.vaults.open(job.person)
    assert run(services, job).next == "rest"
    assert opened.count("email") == MESSAGES
    return opened


def run(services: Services, job: Job) -> Outcome:
    run_id = services.schedule.run_of(job)
    return Engine(services).run(job.person, job.connection, job.handler, run_id)


def put_aside(vault: Vault, job: Job, number: int) -> list[str]:
    """Quarantine messages instead of keeping them, as if they had been odd; their ids."""
    keys = sorted(vault.kept(job.connection, job.handler).source_ids())[:number]
    with vault._write() as database:
        for key in keys:
            database.exec_driver_sql("DELETE FROM records WHERE source_id = ?", (key,))
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=vault.last_fence(job.connection, job.handler),
            schemas=Gmail.schemas(),
            position=vault.handler(job.connection, job.handler).position,
            quarantined=[Failed(key, {"id": key}, "odd") for key in keys],
        )
    )
    return keys


def known(vault: Vault, job: Job, keys: list[str]) -> set[str]:
    held = {item.source_id for item in vault.quarantine()}
    return vault.kept(job.connection, job.handler).known(keys) - held


@pytest.mark.parametrize("failing", [False, True])
def test_a_worker_that_was_overtaken_while_it_tried_an_item_writes_nothing(
    services: Services,
    job: Job,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    failing: bool,
) -> None:
    keys = put_aside(vault, job, 1)
    real: Retry = Gmail.retry

    def overtaken(self: Gmail, failed: Failed) -> Record:
        record = real(self, failed)
        vault.claim(job.connection, job.handler, vault.last_fence(job.connection, job.handler) + 1)
        if failing:
            raise TransientError("not now")
        return record

    monkeypatch.setattr(Gmail, "retry", overtaken)
    assert run(services, job).next == "leave"
    [item] = vault.quarantine()
    assert (item.source_id, item.tries, item.reason) == (keys[0], 0, "odd")
    assert known(vault, job, keys) == set()


def test_a_pause_ends_the_tries_after_the_item_at_hand_and_what_was_kept_counts(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = put_aside(vault, job, 5)
    real: Retry = Gmail.retry
    tried: list[str] = []

    def pausing(self: Gmail, failed: Failed) -> Record:
        tried.append(failed.source_id)
        if len(tried) == 2:
            connections.pause(services, job.person, job.connection)
        return real(self, failed)

    monkeypatch.setattr(Gmail, "retry", pausing)
    assert run(services, job).next == "off"
    assert tried == keys[:2]
    assert known(vault, job, keys) == set(keys[:2])
    view = services.progress.view(job)
    assert view is not None
    assert (view.status, view.kept) == ("paused", 2)


def test_a_pause_while_an_item_waits_ends_the_slice_and_is_no_failed_try(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(vault, job, 2)

    def waiting(self: Gmail, failed: Failed) -> Record:
        connections.pause(services, job.person, job.connection)
        self.api.hold(RateLimitedError("wait", 1.0))
        raise AssertionError("the wait was not ended")

    monkeypatch.setattr(Gmail, "retry", waiting)
    assert run(services, job).next == "off"
    assert [(item.tries, item.reason) for item in vault.quarantine()] == [(0, "odd")] * 2


def test_tries_end_with_the_slice_and_the_run_goes_on_with_what_is_new(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = services.settings.worker.model_copy(update={"first_slice_seconds": 0.2})
    settings = services.settings.model_copy(update={"worker": worker})
    brief = replace(services, settings=settings)
    put_aside(vault, job, 8)
    tried: list[str] = []

    def slow(self: Gmail, failed: Failed) -> Record:
        tried.append(failed.source_id)
        time.sleep(0.11)
        raise ValueError("still odd")

    monkeypatch.setattr(Gmail, "retry", slow)
    assert run(brief, job).next == "continue"
    assert 1 <= len(tried) <= 2
    assert [item.tries for item in vault.quarantine()].count(1) == len(tried)
    # Each item has its chance once a run: the rest of the slices are for what is new.
    assert run(brief, job).next == "rest"
    assert len(tried) <= 2


def test_a_lost_lease_ends_the_tries(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(vault, job, 5)
    tried: list[str] = []

    def fail(self: Gmail, failed: Failed) -> Record:
        tried.append(failed.source_id)
        monkeypatch.setattr("worker.leases.Lease.lost", True)
        raise ValueError("still odd")

    monkeypatch.setattr(Gmail, "retry", fail)
    assert run(services, job).next == "leave"
    assert len(tried) == 1


def test_a_quarantined_message_that_is_in_the_trash_by_now_is_not_kept_live(
    services: Services, job: Job, vault: Vault, sandbox: RunningSandbox
) -> None:
    keys = put_aside(vault, job, 1)
    sandbox.world.sides["google"].holdings(0)["gmail"]._mailbox.trash(keys[0])
    assert run(services, job).message is None
    assert vault.quarantine() == []
    assert known(vault, job, keys) == set()


def test_a_person_s_retry_of_an_item_that_a_run_has_kept_meanwhile_says_it_is_kept(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(vault, job, 2)
    first, second = vault.quarantine()
    real: Retry = Gmail.retry

    def overtaken(self: Gmail, failed: Failed) -> Record:
        for item in vault.quarantine():
            if item.source_id == failed.source_id:
                vault.release(item.id)
        if failed.source_id == second.source_id:
            raise TransientError("not now")
        return real(self, failed)

    monkeypatch.setattr(Gmail, "retry", overtaken)
    assert quarantine.retry(services, job.person, first.id) is None
    assert quarantine.retry(services, job.person, second.id) is None
    assert quarantine.retry(services, job.person, second.id) == "there is no such item"


def test_a_message_whose_json_is_nested_too_deep_does_not_stop_its_mailbox(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = sorted(vault.kept(job.connection, job.handler).source_ids())[3]
    connections.reset(services, job.person, "google", delete_data=True)
    real = client.outcome_of

    def deep(part: Any) -> Any:
        outcome = real(part)
        if isinstance(outcome, dict) and outcome.get("id") == victim:
            return {**outcome, "x": json.loads("[" * 800 + "]" * 800)}
        return outcome

    def retry(self: Gmail, failed: Failed) -> Record:
        record = tried(self, failed)
        return {**record, "sourceData": {"x": json.loads("[" * 800 + "]" * 800)}}

    tried: Retry = Gmail.retry
    monkeypatch.setattr(client, "outcome_of", deep)
    outcome = run(services, job)
    assert (outcome.next, outcome.handler, outcome.bug) == ("rest", "enabled", False)
    assert "could not be kept" in str(outcome.message)
    assert vault.count("email") == MESSAGES - 1
    [item] = vault.quarantine()
    assert item.source_id == victim
    assert "nested" in item.reason
    # Tried again it is as deep as before, which is no bug either.
    monkeypatch.setattr(Gmail, "retry", retry)
    outcome = run(services, job)
    assert (outcome.handler, outcome.bug) == ("enabled", False)
    [item] = vault.quarantine()
    assert (item.tries, "nested" in item.reason) == (1, True)
    monkeypatch.undo()
    assert quarantine.retry(services, job.person, item.id) is None
    assert vault.count("email") == MESSAGES


def test_where_a_session_may_be_open_once_a_retry_keeps_out_of_a_syncs_way(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = put_aside(vault, job, 1)
    (item,) = vault.quarantine()
    real: Retry = Gmail.retry

    def opening(self: Gmail, failed: Failed) -> Record:
        with self.api.exclusive():
            return real(self, failed)

    monkeypatch.setattr(Gmail, "retry", opening)
    with sole(services.redis, session(job.person, job.connection), 5.0):
        assert "being synced" in str(quarantine.retry(services, job.person, item.id))
        # A run of the job waits for its turn, without a word against item, handler or account.
        outcome = run(services, job)
        assert (outcome.next, outcome.failures) == ("wait", 0)
        assert "one place at a time" in str(outcome.message)
        state = vault.handler(job.connection, job.handler)
        assert (state.status, state.failures, state.setbacks) == ("enabled", 0, 0)
        assert vault.connection(job.connection).status != "error"
        assert not list(services.redis.scan_iter("dcs:block:*"))
        assert not list(services.redis.scan_iter("dcs:learned:*"))
    assert [(left.tries, left.reason) for left in vault.quarantine()] == [(0, "odd")]
    assert quarantine.retry(services, job.person, item.id) is None
    assert known(vault, job, [key]) == {key}
    # The next sync finds the way free.
    assert run(services, job).next == "rest"


@pytest.mark.parametrize("ended", [False, True])
def test_what_a_handler_keeps_open_for_all_tries_is_opened_once_and_let_go(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    put_aside(vault, job, 3)
    real: Retry = Gmail.retry
    told: list[str] = []

    @contextmanager
    def retrying(_: Gmail) -> Iterator[None]:
        told.append("in")
        try:
            yield
        finally:
            told.append("out")

    def retry(self: Gmail, failed: Failed) -> Record:
        told.append("retry")
        if ended:
            connections.pause(services, job.person, job.connection)
        return real(self, failed)

    monkeypatch.setattr(Gmail, "retrying", retrying)
    monkeypatch.setattr(Gmail, "retry", retry)
    assert run(services, job).next == ("off" if ended else "rest")
    assert told == ["in", *["retry"] * (1 if ended else 3), "out"]
    if not ended:
        # Without anything to try, nothing need be made ready.
        assert run(services, job).next == "rest"
        assert told.count("in") == 1
