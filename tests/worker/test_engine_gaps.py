"""What must not be taken for success: gaps, quarantined items, jobs that kill their workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings, load
from connectors.google.gmail import Gmail
from connectors.sdk.errors import TransientError
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import HandlerState, Run
from vault.vault import Vault
from worker import connections
from worker.batches import NOT_DELIVERED
from worker.engine import Engine
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services

MESSAGES = 60
OPTIONS = SandboxOptions(messages=MESSAGES, seed=8)


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
    return load(
        home=tmp_path / "home",
        http={"backoff": 0.01},
        worker={"lease_seconds": 2, "max_deaths": 3},
        providers={"google": google},
    )


@pytest.fixture
def job(services: Services, sandbox: RunningSandbox) -> Job:
    tokens = Tokens.from_json(sandbox.world.tokens.mint(0, sandbox.world.sides["google"].scopes))
    made = connections.connect(services, "owner", "google", tokens)
    return Job("owner", made.id, "gmail")


@pytest.fixture
def vault(services: Services, job: Job) -> Vault:
    return services.vaults.open(job.person)


def run(services: Services, job: Job) -> Outcome:
    run_id = services.schedule.run_of(job)
    return Engine(services).run(job.person, job.connection, job.handler, run_id)


def state(vault: Vault, job: Job) -> HandlerState:
    return vault.handler(job.connection, job.handler)


def test_what_was_listed_and_is_not_in_the_vault_is_no_success_and_mends_itself(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vault that lost rows after their commit, as no transaction should ever let it."""
    real = Vault.commit

    def forgetful(self: Vault, commit: Any) -> Any:
        done = real(self, commit)
        if commit.records:
            with self._write() as database:
                database.exec_driver_sql(
                    "DELETE FROM records WHERE source_id = ?", (commit.records[0]["sourceId"],)
                )
        return done

    monkeypatch.setattr(Vault, "commit", forgetful)
    outcome = run(services, job)
    monkeypatch.undo()
    assert "could not be kept" in str(outcome.message)
    gaps = vault.quarantine()
    assert gaps
    assert {item.reason for item in gaps} == {NOT_DELIVERED}
    assert run(services, job).message is None
    assert vault.quarantine() == []
    assert len(list(vault.kept(job.connection, "gmail").source_ids())) == MESSAGES


def odd_one(services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a message that could not be mapped."""
    mapped = Gmail._record

    def odd(self: Gmail, message: Any, texts: Any) -> Any:
        record = mapped(self, message, texts)
        if record["sourceId"] == sorted(found)[0]:
            raise ValueError("odd")
        return record

    with monkeypatch.context() as patch:
        found = {message["id"] for message in _list(services, job)["messages"]}
        patch.setattr(Gmail, "_record", odd)
        outcome = run(services, job)
    assert outcome.handler == "enabled"
    assert "could not be kept" in str(outcome.message)
    [item] = vault.quarantine()
    return item.source_id


def _list(services: Services, job: Job) -> Any:
    from worker.handlers import open_handler

    handler = open_handler(services, services.vaults.open(job.person), job)
    assert isinstance(handler, Gmail)
    return handler._client.messages(size=100)


def test_a_quarantined_item_is_tried_again_by_the_next_run(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = odd_one(services, job, vault, monkeypatch)
    assert state(vault, job).kept == MESSAGES - 1
    assert run(services, job).message is None
    assert vault.quarantine() == []
    assert state(vault, job).kept == MESSAGES
    view = services.progress.view(job)
    assert view is not None
    assert view.kept == 1
    assert key in vault.kept(job.connection, "gmail").known([key])


def test_a_quarantined_item_that_is_gone_is_kept_as_found_and_marked_deleted(
    services: Services,
    job: Job,
    vault: Vault,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = odd_one(services, job, vault, monkeypatch)
    sandbox.world.sides["google"].holdings(0)["gmail"].remove(key)
    run(services, job)
    assert vault.quarantine() == []
    assert vault.count("email") == MESSAGES - 1
    assert vault.count("email", include_deleted=True) == MESSAGES


def test_an_item_that_is_gone_before_it_was_seen_leaves_quarantine(
    services: Services, job: Job, vault: Vault
) -> None:
    run(services, job)
    _quarantine(vault, job, ["ffff0000"])
    run(services, job)
    assert vault.quarantine() == []
    assert vault.count("email", include_deleted=True) == MESSAGES


def test_items_that_do_not_mend_are_tried_a_few_times_by_themselves(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def fail(self: Gmail, failed: Failed) -> Any:
        nonlocal tries
        tries += 1
        raise TransientError("not now")

    run(services, job)
    _quarantine(vault, job, [f"f{number}" for number in range(5)])
    monkeypatch.setattr(Gmail, "retry", fail)
    for _ in range(20):
        assert run(services, job).handler == "enabled"
    # A few faults in a row end the tries of one run, and each item has its number of them.
    assert tries == 5 * 5
    assert len(vault.quarantine()) == 5


def _quarantine(vault: Vault, job: Job, keys: list[str]) -> None:
    from vault.model import Commit

    held = state(vault, job)
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=vault.last_fence(job.connection, job.handler),
            schemas=Gmail.schemas(),
            position=held.position,
            quarantined=[Failed(key, {"id": key}, NOT_DELIVERED) for key in keys],
        )
    )


def test_a_job_that_kills_its_process_each_time_is_set_aside_with_the_reason(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(3):
        _die(services, job, vault, number)
    outcome = run(services, job)
    assert (outcome.next, outcome.handler) == ("rest", "error")
    assert state(vault, job).status == "error"
    assert "died 3 times" in str(state(vault, job).message)
    assert vault.connection(job.connection).status == "error"
    assert vault.count("email") == 0
    # It is tried once more later; the next death sets it aside again, for longer.
    _die(services, job, vault, 9)
    again = run(services, job)
    assert again.handler == "error"
    assert again.delay == outcome.delay * 2
    # Mended at last.
    assert run(services, job).handler == "enabled"
    assert vault.count("email") == MESSAGES
    assert state(vault, job).message is None


def test_deaths_with_records_kept_in_between_set_nothing_aside(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(3):
        _die(services, job, vault, number)
        _keep_one(services, job, vault, number)
    assert run(services, job).handler == "enabled"


def test_deaths_with_nothing_but_positions_kept_in_between_set_it_aside(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(3):
        _die(services, job, vault, number)
        _quarantine(vault, job, ["x"])
    assert run(services, job).handler == "error"


def _keep_one(services: Services, job: Job, vault: Vault, number: int) -> None:
    from vault.model import Commit
    from worker.handlers import open_handler

    handler = open_handler(services, vault, job)
    assert isinstance(handler, Gmail)
    message = handler._client.message(_list(services, job)["messages"][number]["id"])
    fence, held = vault.last_fence(job.connection, job.handler), state(vault, job)
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=fence,
            schemas=Gmail.schemas(),
            position=held.position,
            records=[handler.record(message)],
        )
    )


def _die(services: Services, job: Job, vault: Vault, number: int) -> None:
    """What a process that is killed in its slice leaves behind."""
    from datetime import UTC, datetime

    fence = vault.last_fence(job.connection, job.handler) + 1
    vault.begin(Run(f"r{number}", job.connection, job.handler, datetime.now(UTC)), fence)
