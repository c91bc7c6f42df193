"""What must not be taken for success: gaps and quarantined items."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.google.gmail import Gmail
from connectors.sdk.errors import TransientError
from connectors.sdk.records import Failed
from sandbox.server import RunningSandbox
from tests.worker.engine.steps import MESSAGES, die, listed, run, state
from vault.model import Commit
from vault.vault import Vault
from worker.batches import NOT_DELIVERED
from worker.keys import Job
from worker.services import Services


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
        found = listed(services, job)
        patch.setattr(Gmail, "_record", odd)
        outcome = run(services, job)
    assert outcome.handler == "enabled"
    assert "could not be kept" in str(outcome.message)
    [item] = vault.quarantine()
    return item.source_id


def test_a_quarantined_item_is_tried_again_by_the_next_run(
    services: Services, job: Job, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = odd_one(services, job, vault, monkeypatch)
    assert state(services, job).kept == MESSAGES - 1
    assert run(services, job).message is None
    assert vault.quarantine() == []
    assert state(services, job).kept == MESSAGES
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
    view = services.progress.view(job)
    assert view is not None
    # It is found, and no record that was gained.
    assert (view.kept, vault.runs(job.connection, 1)[0].inserted) == (0, 0)
    assert vault.quarantine() == []
    assert vault.count("email") == MESSAGES - 1
    assert vault.count("email", include_deleted=True) == MESSAGES


def test_an_item_that_is_gone_before_it_was_seen_leaves_quarantine(
    services: Services, job: Job, vault: Vault
) -> None:
    run(services, job)
    _quarantine(services, job, ["ffff0000"])
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
    _quarantine(services, job, [f"f{number}" for number in range(5)])
    monkeypatch.setattr(Gmail, "retry", fail)
    for _ in range(20):
        assert run(services, job).handler == "enabled"
    # A few faults in a row end the tries of one run, and each item has its number of them.
    assert tries == 5 * 5
    assert len(vault.quarantine()) == 5


def _quarantine(services: Services, job: Job, keys: list[str]) -> None:
    vault = services.vaults.open(job.person)
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=vault.last_fence(job.connection, job.handler),
            schemas=Gmail.schemas(),
            position=state(services, job).position,
            quarantined=[Failed(key, {"id": key}, NOT_DELIVERED) for key in keys],
        )
    )


def test_deaths_with_nothing_but_positions_kept_in_between_set_it_aside(
    services: Services, job: Job, vault: Vault
) -> None:
    for number in range(3):
        die(vault, job, number)
        _quarantine(services, job, ["x"])
    assert run(services, job).handler == "error"
