"""The sync log, and what a slice's beginning and end write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.sdk.oauth import Tokens
from vault import migrations
from vault.errors import AccessRenewedError, FencedError, NotFoundError
from vault.model import Ending, Run

ACCOUNT = "google:1"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
RUN = Run("r1", ACCOUNT, "gmail", NOON)


def ending(**fields):
    given = {"fence": 1, "run_id": "r1", "outcome": "syncing"} | fields
    return Ending(connection_id=ACCOUNT, handler_id="gmail", **given)


def state(vault):
    return vault.handler(ACCOUNT, "gmail")


def test_a_run_adds_up_over_its_slices(vault):
    assert vault.begin(RUN, 1).first
    vault.finish(ending(counts={"inserted": 5, "requests": 2}))
    assert not vault.begin(replace(RUN, started_at=NOON + timedelta(minutes=1)), 1).first
    vault.finish(
        ending(
            outcome="done",
            message="All kept.",
            handler="enabled",
            complete=True,
            ended=True,
            counts={"inserted": 3, "requests": 1},
        )
    )
    vault.begin(Run("r2", ACCOUNT, "gmail", NOON + timedelta(hours=1)), 1)
    newest, run = vault.runs(ACCOUNT)
    assert newest.id == "r2"
    assert (run.inserted, run.requests, run.outcome, run.started_at) == (8, 3, "done", NOON)
    assert run.ended_at is not None
    assert vault.runs("google:9") == []
    assert len(vault.runs(limit=1)) == 1


def test_a_run_that_nobody_ended_is_ended_by_the_next(vault):
    vault.begin(RUN, 1)
    vault.finish(ending(outcome="waiting", message="Later."))
    assert vault.under_way(ACCOUNT) == {"gmail"}
    vault.begin(Run("r2", ACCOUNT, "gmail", NOON + timedelta(hours=1)), 2)
    newest, left = vault.runs(ACCOUNT)
    assert (newest.ended_at, left.outcome) == (None, "paused")
    assert left.ended_at is not None
    assert "another run" in left.message


def test_a_slice_that_is_refused_before_it_begins_ends_what_its_run_has_written(vault):
    vault.begin(RUN, 1)
    vault.finish(ending())
    vault.finish(ending(run_id=None, outcome="paused", message="The connection is paused."))
    assert vault.runs(ACCOUNT)[0].ended_at is None
    refused = ending(run_id=None, outcome="paused", message="It is paused.", ended=True)
    vault.finish(refused)
    [run] = vault.runs(ACCOUNT)
    assert (run.outcome, run.message) == ("paused", "It is paused.")
    assert run.ended_at is not None
    vault.finish(replace(refused, outcome="error", message="Again."))
    assert vault.runs(ACCOUNT) == [run]


def test_a_run_is_ended_from_outside_once_and_its_handler_is_synced_no_more(vault):
    vault.begin(RUN, 1)
    assert state(vault).status == "syncing"
    vault.end_last_run(ACCOUNT, "gmail", "paused", "Stopped.")
    assert (state(vault).status, vault.under_way(ACCOUNT)) == ("enabled", set())
    [run] = vault.runs(ACCOUNT)
    vault.end_last_run(ACCOUNT, "gmail", "error", "Again.")
    assert vault.runs(ACCOUNT) == [run]


def test_a_connection_that_is_removed_leaves_no_run_open(vault):
    vault.begin(RUN, 1)
    vault.remove_connection(ACCOUNT)
    [run] = vault.runs(ACCOUNT)
    assert run.ended_at is not None
    assert "removed" in run.message


def test_a_slice_that_begins_makes_handler_and_connection_active(vault):
    begun = vault.begin(RUN, 1)
    assert (begun.seq, begun.position, begun.died) == (0, {}, 0)
    assert (state(vault).status, state(vault).last_run_id) == ("syncing", "r1")
    assert vault.connection(ACCOUNT).status == "active"


def test_a_disabled_handler_stays_disabled_through_a_slice(vault):
    vault.update_handler(ACCOUNT, "gmail", status="disabled")
    vault.begin(RUN, 1)
    assert state(vault).status == "disabled"
    vault.finish(ending(handler="enabled", complete=True))
    assert state(vault).status == "disabled"


def test_slices_that_neither_end_nor_keep_something_are_counted(vault, email, batch):
    assert [vault.begin(RUN, 1).died for _ in range(3)] == [0, 1, 2]
    vault.commit(batch(email(1)))
    assert vault.begin(RUN, 1).died == 0
    assert vault.begin(RUN, 1).died == 1
    vault.finish(ending())
    assert vault.begin(RUN, 1).died == 0
    vault.finish(ending(handler="error", attempts=4))
    assert vault.begin(RUN, 1).died == 4


def test_slices_that_are_not_finished_are_counted_until_a_run_comes_to_its_end(vault, email, batch):
    counts = []
    for number in range(3):
        vault.begin(RUN, 1)
        vault.commit(batch(email(number)))
        counts.append(state(vault).unfinished)
    assert counts == [1, 2, 3]
    # One that is finished takes away itself, and one that was refused nothing.
    vault.begin(RUN, 1)
    vault.finish(ending())
    vault.finish(ending(run_id=None, outcome="paused"))
    assert state(vault).unfinished == 3
    assert vault.begin(RUN, 1).unfinished == 3
    vault.finish(ending(unfinished=2, set_aside=True, handler="error"))
    assert (state(vault).unfinished, vault.begin(RUN, 1).set_aside) == (2, 1)
    vault.finish(ending(handler="enabled", complete=True))
    assert (state(vault).unfinished, state(vault).set_aside) == (0, 0)
    vault.finish(ending())
    assert state(vault).unfinished == 0


def test_a_slice_known_to_have_ended_does_not_count_as_unfinished(vault):
    vault.begin(RUN, 1)
    begun = vault.begin(RUN, 1, alive=True)
    assert (begun.died, begun.unfinished) == (0, 0)
    assert (state(vault).attempts, state(vault).unfinished) == (1, 1)
    vault.finish(ending())
    begun = vault.begin(RUN, 1, alive=True)
    assert (begun.died, begun.unfinished) == (0, 0)


def test_slices_that_fail_are_counted_until_a_run_comes_to_its_end(vault):
    for _ in range(2):
        vault.begin(RUN, 1)
        vault.finish(ending(setback=True, failures=1))
    vault.begin(RUN, 1)
    vault.finish(ending())
    assert vault.begin(RUN, 1).setbacks == 2
    vault.finish(ending(handler="enabled", complete=True))
    assert state(vault).setbacks == 0


def test_a_stale_worker_neither_begins_nor_ends_a_slice(vault):
    vault.begin(RUN, 2)
    with pytest.raises(FencedError):
        vault.begin(RUN, 1)
    with pytest.raises(FencedError):
        vault.finish(ending(fence=1, handler="error", message="of the stale worker"))
    assert (state(vault).status, state(vault).message) == ("syncing", None)
    assert vault.runs(ACCOUNT)[0].outcome == "running"


def test_a_slice_that_another_has_overtaken_with_the_same_number_writes_no_end(vault, email, batch):
    """A Redis that was wiped between lease and claim gives a number twice."""
    vault.begin(RUN, 1)
    vault.begin(Run("r2", ACCOUNT, "gmail", NOON), 1)
    with pytest.raises(FencedError):
        vault.finish(ending(handler="enabled", complete=True))
    seq = vault.commit(batch(email(1))).seq
    with pytest.raises(FencedError):
        vault.finish(ending(run_id="r2", seq=seq - 1))
    assert state(vault).status == "syncing"
    vault.finish(ending(run_id="r2", seq=seq))
    assert state(vault).status == "enabled"


@pytest.mark.parametrize("of", ["handler", "connection"])
def test_an_access_that_was_renewed_meanwhile_is_not_ended(vault, of):
    old, new = Tokens("old", "refresh"), Tokens("new", "refresh")
    vault.save_tokens(ACCOUNT, old)
    vault.begin(RUN, 1)
    vault.save_tokens(ACCOUNT, new)
    ended = {of: "invalid-auth"}
    with pytest.raises(AccessRenewedError):
        vault.finish(ending(access=old, **ended))
    assert (state(vault).status, vault.connection(ACCOUNT).status) == ("syncing", "active")
    vault.finish(ending(access=new, **ended))
    assert "invalid-auth" in (state(vault).status, vault.connection(ACCOUNT).status)


def test_a_reset_by_a_person_forgets_deaths_and_one_by_the_slice_does_not(vault):
    for _ in range(3):
        vault.begin(RUN, 1)
    vault.finish(ending(attempts=2, set_aside=True, setback=True))
    vault.reset(ACCOUNT, "gmail", delete_data=False, fence=1)
    held = state(vault)
    assert (held.attempts, held.unfinished, held.set_aside, held.setbacks) == (2, 2, 1, 1)
    vault.reset(ACCOUNT, delete_data=False)
    held = state(vault)
    assert (held.attempts, held.unfinished, held.set_aside) == (0, 0, 0)


def test_who_changes_or_deletes_something_has_not_died_at_once(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    for kept in (batch(email(1, name="another")), batch(deleted=["2"])):
        vault.begin(RUN, 1)
        vault.commit(kept)
        assert state(vault).attempts == 0
    # What is as it was is no progress.
    vault.begin(RUN, 1)
    vault.commit(batch(email(1, name="another"), deleted=["2"]))
    assert state(vault).attempts == 1


def test_a_connection_is_sound_again_when_its_last_failing_handler_is(vault):
    vault.ensure_handler(ACCOUNT, "other")
    vault.update_handler(ACCOUNT, "other", status="error", message="other failed")
    vault.begin(RUN, 1)
    vault.finish(ending(handler="error", message="this failed"))
    assert vault.connection(ACCOUNT).status == "error"
    vault.begin(RUN, 1)
    vault.finish(ending(handler="enabled", complete=True))
    assert vault.connection(ACCOUNT).status == "error"
    assert vault.connection(ACCOUNT).message == "other failed"
    vault.update_handler(ACCOUNT, "other", status="enabled")
    vault.begin(RUN, 1)
    vault.finish(ending(handler="enabled", complete=True))
    assert (vault.connection(ACCOUNT).status, vault.connection(ACCOUNT).message) == ("active", None)


def test_a_paused_connection_stays_paused_at_the_end_of_a_slice(vault):
    vault.begin(RUN, 1)
    vault.set_connection_status(ACCOUNT, "paused")
    vault.finish(ending(handler="enabled", complete=True))
    assert vault.connection(ACCOUNT).status == "paused"


def test_a_handler_that_is_not_there_cannot_begin_or_end(vault):
    with pytest.raises(NotFoundError):
        vault.begin(Run("r", ACCOUNT, "none", NOON), 1)
    vault.remove_connection(ACCOUNT)
    with pytest.raises(NotFoundError):
        vault.finish(ending())


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        (1, ["attempts", "unfinished", "set_aside", "setbacks"]),
        (2, ["unfinished", "set_aside", "setbacks"]),
    ],
)
def test_a_vault_of_an_older_form_is_brought_to_count(vault, form, missing):
    with vault._write() as database:
        for name in missing:
            database.exec_driver_sql(f"ALTER TABLE handlers DROP COLUMN {name}")
        database.exec_driver_sql(f"PRAGMA user_version = {form:d}")
        migrations.bring_up(database)
    assert vault.form() == (3, 3)
    begun = vault.begin(RUN, 1)
    assert (begun.died, begun.unfinished, begun.set_aside, begun.setbacks) == (0, 0, 0, 0)
    assert (state(vault).attempts, state(vault).unfinished) == (1, 1)
