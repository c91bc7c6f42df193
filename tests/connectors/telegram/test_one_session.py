"""A session is open once, whoever wants it: syncs, retries, the live checks, a worker that froze."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from config.settings import OWNER, Settings, load
from connectors.sdk.errors import AccessDeniedError, InUseError, TransientError
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Batch, Failed
from connectors.telegram import calls, td
from connectors.telegram import client as client_module
from connectors.telegram.chat_message import ChatMessages
from connectors.telegram.client import Client, signed_in
from sandbox.faults import Fault
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.contract import live
from vault.model import Commit
from vault.vault import Vault
from worker import connections, keys, quarantine
from worker.engine import Engine
from worker.handlers import open_handler
from worker.keys import Job
from worker.outcomes import Outcome
from worker.rights import SoleRight
from worker.services import Services

#: Life of leases and rights in these tests, in seconds.
LIFE = 1.5


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(items=22, messages=3, seed=5)) as made:
        yield made


@pytest.fixture
def side(sandbox: RunningSandbox) -> Any:
    return sandbox.world.sides["telegram"]


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox, side: Any) -> Settings:
    base_url = sandbox.url + side.prefix
    telegram = {
        "client_id": "1",
        "client_secret": "hash",
        "base_url": base_url,
        "page_size": 5,
    }
    return load(
        home=tmp_path / "home",
        http={"backoff": 0.01},
        worker={"lease_seconds": LIFE, "inline_wait_seconds": 0.2},
        providers={"telegram": telegram},
    )


@pytest.fixture
def job(services: Services, sandbox: RunningSandbox, side: Any) -> Job:
    tokens = Tokens.from_json(side.tokens(sandbox.world.tokens.mint(0, ())))
    made = connections.connect(services, OWNER, "telegram", tokens)
    return Job(OWNER, made.id, "chat-message")


@pytest.fixture
def vault(services: Services, job: Job) -> Vault:
    return services.vaults.open(job.person)


def handler_of(services: Services, job: Job) -> ChatMessages:
    """A handler as another worker makes it."""
    made = open_handler(services, services.vaults.open(job.person), job)
    assert isinstance(made, ChatMessages)
    return made


@contextmanager
def session(handler: ChatMessages) -> Iterator[Client]:
    with signed_in(handler.settings, handler.api, handler.context.provider.classify) as client:
        yield client


@contextmanager
def reading(services: Services, job: Job) -> Iterator[Iterator[Batch]]:
    """A worker that is in the middle of its batches."""
    batches = handler_of(services, job).batches({})
    next(batches)
    try:
        yield batches
    finally:
        batches.close()  # type: ignore[attr-defined]


def run(services: Services, job: Job) -> Outcome:
    run_id = services.schedule.run_of(job)
    return Engine(services).run(job.person, job.connection, job.handler, run_id)


def put_aside(vault: Vault, job: Job, number: int) -> list[str]:
    """Quarantine messages instead of keeping them, as if they had been odd; their ids."""
    held = vault.kept(job.connection, job.handler)
    found = sorted(key for key in held.source_ids() if ":" in key)[:number]
    failed = []
    for key in found:
        record = held.get(key)
        assert record is not None
        failed.append(Failed(key, record["sourceData"], "odd"))
    with vault._write() as database:
        for key in found:
            database.exec_driver_sql("DELETE FROM records WHERE source_id = ?", (key,))
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=vault.last_fence(job.connection, job.handler),
            schemas=ChatMessages.schemas(),
            position=vault.handler(job.connection, job.handler).position,
            quarantined=failed,
        )
    )
    return found


def opened(sandbox: RunningSandbox) -> int:
    """How often a session was opened since the last look."""
    count = sandbox.world.stats.to_json()["calls"].get("telegram.setTdlibParameters", 0)
    sandbox.world.stats.reset()
    return int(count)


def test_a_sync_waits_while_a_worker_that_lost_its_lease_still_reads(
    services: Services, job: Job, vault: Vault, side: Any
) -> None:
    with reading(services, job) as batches:
        outcome = run(services, job)
        assert (outcome.next, outcome.handler, outcome.failures) == ("wait", None, 0)
        assert outcome.delay <= LIFE
        assert "one place at a time" in str(outcome.message)
        # It has noticed nothing, and may go on.
        next(batches)
    assert run(services, job).next == "rest"
    assert side.network.duplicates == 0
    assert vault.connection(job.connection).status != "error"


def test_a_retry_and_the_live_checks_wait_for_their_turn_too(
    services: Services, job: Job, vault: Vault, side: Any
) -> None:
    assert run(services, job).next == "rest"
    put_aside(vault, job, 1)
    (item,) = vault.quarantine()
    with reading(services, job):
        assert "being synced" in str(quarantine.retry(services, job.person, item.id))
        refused = list(live.results(services, job))
        assert {result["outcome"] for result in refused} == {"failed"}
        assert all("one place at a time" in result["message"] for result in refused)
    assert [left.tries for left in vault.quarantine()] == [0]
    assert quarantine.retry(services, job.person, item.id) is None
    # Each check opens it anew, some of them twice.
    passed = list(live.results(services, job))
    assert {result["outcome"] for result in passed} == {"passed"}, passed
    assert side.network.duplicates == 0


def test_a_worker_that_was_frozen_asks_nothing_more_and_keeps_nothing_over_the_newer_state(
    services: Services, job: Job, vault: Vault
) -> None:
    held = vault.tokens(job.connection)
    old = session(handler_of(services, job))
    client = old.__enter__()
    before = client.ask(calls.get_me(), "user")
    # Its right has ended while it was frozen, and the next worker has the session open.
    services.redis.delete(keys.session(job.person, job.connection))
    with session(handler_of(services, job)) as other:
        time.sleep(LIFE / 3 + 0.1)
        asked = client._asked
        # It has begun to close by itself.
        assert client._closing
        with pytest.raises(InUseError):
            client.ask(calls.get_me(), "user")
        assert client._asked == asked
        assert other.ask(calls.get_me(), "user") == before
    newer = vault.tokens(job.connection)
    old.__exit__(None, None, None)
    assert client.standing == "Closed"
    assert newer != held
    assert vault.tokens(job.connection) == newer


def test_a_worker_without_redis_closes_before_the_next_may_open(
    services: Services, job: Job, side: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = handler_of(services, job)
    monkeypatch.setattr("worker.rights.SoleRight._renewed", _away)
    # The budget asks Redis, too.
    monkeypatch.setattr(handler.api._budget, "take", lambda _: 0.0)

    def ask_on() -> None:
        with session(handler) as client:
            try:
                for _ in range(100):
                    time.sleep(LIFE / 50)
                    client.ask(calls.get_me(), "user")
            finally:
                # Nobody else could have it so far.
                assert services.redis.exists(keys.session(job.person, job.connection))

    with pytest.raises(InUseError):
        ask_on()
    assert not side.network._open


def _away(*_: Any) -> bool:
    raise redis.ConnectionError


def test_an_answer_that_is_waited_for_when_the_right_is_lost_is_waited_for_no_more(
    services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_LOOK", 0.05)
    handler = handler_of(services, job)
    with session(handler) as client:
        with monkeypatch.context() as patch:
            patch.setattr(client._td, "send", lambda *_: None)
            services.redis.delete(keys.session(job.person, job.connection))
            began = time.monotonic()
            with pytest.raises(InUseError):
                client.ask(calls.get_me(), "user")
        assert time.monotonic() - began < LIFE + 1
    # Telegram has refused nothing, so nothing is held back.
    assert handler.api.stats.results["refused"] == 0
    assert not list(services.redis.scan_iter("dcs:block:*"))


def test_a_client_that_could_not_be_closed_keeps_others_out_for_a_while(
    services: Services, job: Job, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in this process; what is asked for over HTTP does nothing by itself.
    monkeypatch.setattr(td.RemoteTd, "leave", lambda *_: True)
    handler = handler_of(services, job)
    with session(handler):
        sandbox.world.faults.add(Fault("reset", path="/td/", count=0))
    sandbox.world.faults.clear()
    with pytest.raises(InUseError), session(handler):
        pytest.fail("it may be open twice")
    time.sleep(LIFE + 0.1)
    with session(handler) as client:
        client.ask(calls.get_me(), "user")


def test_a_run_opens_the_session_once_for_all_that_it_tries_again(
    services: Services, job: Job, vault: Vault, sandbox: RunningSandbox, side: Any
) -> None:
    assert run(services, job).next == "rest"
    ids = put_aside(vault, job, 5)
    opened(sandbox)
    assert run(services, job).next == "rest"
    # And once for what is new.
    assert opened(sandbox) == 2
    assert vault.quarantine() == []
    assert vault.kept(job.connection, job.handler).known(ids) == set(ids)
    assert side.network.duplicates == 0


@pytest.mark.parametrize("way", ["closed", "ended"])
def test_tries_that_end_early_leave_no_session_open(
    services: Services, job: Job, vault: Vault, side: Any, way: str
) -> None:
    assert run(services, job).next == "rest"
    put_aside(vault, job, 3)
    handler = handler_of(services, job)
    fence = vault.last_fence(job.connection, job.handler)
    tries = quarantine.repair(vault, job, handler, fence)
    assert next(tries) == "kept"
    key = keys.session(job.person, job.connection)
    assert services.redis.exists(key)
    if way == "closed":
        tries.close()
    else:
        assert list(tries) == ["kept", "kept"]
    assert not services.redis.exists(key)
    assert not side.network._open


def test_a_passing_fault_is_the_items_and_the_next_gets_a_new_client(
    services: Services, job: Job, vault: Vault, sandbox: RunningSandbox, side: Any
) -> None:
    assert run(services, job).next == "rest"
    ids = put_aside(vault, job, 3)
    handler = handler_of(services, job)
    opened(sandbox)
    fence = vault.last_fence(job.connection, job.handler)
    # The first one's opening, which is none of the others' business.
    sandbox.world.faults.add(Fault("500", path="/td/send", count=1))
    assert list(quarantine.repair(vault, job, handler, fence)) == [None, "kept", "kept"]
    assert [(left.source_id, left.tries) for left in vault.quarantine()] == [(ids[0], 1)]
    assert side.network.duplicates == 0


def test_after_an_answer_that_did_not_come_the_next_item_gets_a_new_client(
    services: Services,
    job: Job,
    vault: Vault,
    sandbox: RunningSandbox,
    side: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(services, job).next == "rest"
    put_aside(vault, job, 3)
    handler = handler_of(services, job)
    real, late = Client.ask, ["the first"]

    def ask(self: Client, request: dict[str, Any], expected: str = "ok") -> Any:
        if request["@type"] == "getMessage" and late:
            raise TransientError(f"Telegram did not answer {late.pop()}")
        return real(self, request, expected)

    monkeypatch.setattr(Client, "ask", ask)
    opened(sandbox)
    fence = vault.last_fence(job.connection, job.handler)
    assert list(quarantine.repair(vault, job, handler, fence)) == [None, "kept", "kept"]
    assert opened(sandbox) == 2
    assert side.network.duplicates == 0


def test_an_item_that_is_gone_does_not_close_what_the_others_use(
    services: Services, job: Job, vault: Vault, sandbox: RunningSandbox, side: Any
) -> None:
    assert run(services, job).next == "rest"
    first, *_ = put_aside(vault, job, 3)
    holding = side.holdings(0)["chat-message"]
    holding.remove(first)
    handler = handler_of(services, job)
    opened(sandbox)
    fence = vault.last_fence(job.connection, job.handler)
    assert list(quarantine.repair(vault, job, handler, fence)) == ["gone", "kept", "kept"]
    assert opened(sandbox) == 1


def test_a_worker_that_rests_while_it_cannot_reach_redis_has_closed_before_another_opens(
    services: Services, job: Job, side: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, waiting = threading.Event(), threading.Event()
    real, commit = SoleRight._renewed, Vault.commit

    def renewed(self: SoleRight) -> bool:
        if away.is_set():
            raise redis.ConnectionError
        return real(self)

    def slow(self: Vault, batch: Commit) -> Any:
        if not waiting.is_set():
            away.set()
            waiting.set()
            time.sleep(LIFE * 2)
        return commit(self, batch)

    monkeypatch.setattr(SoleRight, "_renewed", renewed)
    monkeypatch.setattr(Vault, "commit", slow)
    first = threading.Thread(target=run, args=(services, job))
    first.start()
    try:
        assert waiting.wait(20)
        time.sleep(LIFE * 1.2)
        away.clear()
        assert not side.network._open
        with session(handler_of(services, job)) as client:
            assert first.is_alive()
            client.ask(calls.get_me(), "user")
    finally:
        first.join()
    assert side.network.duplicates == 0


def test_a_refusal_counts_though_the_session_has_a_newer_state_by_then(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = vault.tokens(job.connection)
    ask = Client.ask

    def refuse(self: Client, request: Any, expected: str = "ok") -> Any:
        if request["@type"] == "loadChats":
            raise AccessDeniedError("denied")
        return ask(self, request, expected)

    monkeypatch.setattr(Client, "ask", refuse)
    assert run(services, job).next == "off"
    assert vault.handler(job.connection, job.handler).status == "invalid-auth"
    assert vault.tokens(job.connection) != before
