"""Connections, tokens, handlers, runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.sdk.oauth import Tokens
from vault.errors import NotFoundError

ACCOUNT = "google:1"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_saving_a_connection_again_keeps_when_it_was_made(vault, connection):
    made = vault.connection(ACCOUNT)
    vault.save_tokens(ACCOUNT, Tokens("a"))
    vault.save_connection(
        replace(connection(), profile={"name": "Grace"}, created_at=NOON, updated_at=NOON)
    )
    again = vault.connection(ACCOUNT)
    assert (again.profile, again.created_at) == ({"name": "Grace"}, made.created_at)
    assert vault.tokens(ACCOUNT) == Tokens("a")
    assert [h.handler_id for h in vault.handlers(ACCOUNT)] == ["gmail"]


def test_a_status_is_written_with_its_message(vault):
    vault.set_connection_status(ACCOUNT, "invalid-auth", "Connect again.")
    held = vault.connections()[0]
    assert (held.status, held.message) == ("invalid-auth", "Connect again.")


def test_what_is_not_there_is_said(vault):
    for ask in (
        lambda: vault.connection("google:9"),
        lambda: vault.handler(ACCOUNT, "x"),
        lambda: vault.set_connection_status("google:9", "paused"),
        lambda: vault.save_tokens("google:9", Tokens("a")),
        lambda: vault.replace_tokens(ACCOUNT, Tokens("a"), Tokens("b")),
        lambda: vault.ensure_handler("google:9", "gmail"),
        lambda: vault.update_handler(ACCOUNT, "x", failures=1),
        lambda: vault.end_run("x", "complete"),
        lambda: vault.quarantine_failed(1, "x"),
        lambda: vault.query("nothing"),
    ):
        with pytest.raises(NotFoundError):
            ask()
    assert vault.tokens(ACCOUNT) is None
    assert vault.last_fence(ACCOUNT, "x") == 0


def test_tokens_come_back_as_they_were(vault):
    tokens = Tokens("access", "refresh", 1234.5, frozenset({"a", "b"}))
    vault.save_tokens(ACCOUNT, tokens)
    assert vault.tokens(ACCOUNT) == tokens


def test_tokens_are_replaced_only_where_they_are_still_held(vault):
    old, new, other = Tokens("old", "r1"), Tokens("new", "r2"), Tokens("other", "r3")
    vault.save_tokens(ACCOUNT, old)
    assert vault.replace_tokens(ACCOUNT, old, new) == new
    assert vault.replace_tokens(ACCOUNT, old, other) == new
    assert vault.tokens(ACCOUNT) == new


def test_a_connection_comes_with_its_tokens_and_keeps_a_refresh_token(vault, connection):
    vault.connect(replace(connection(), status="connected"), Tokens("a", "r"))
    vault.connect(replace(connection(), status="connected"), Tokens("b"))
    assert vault.tokens(ACCOUNT) == Tokens("b", "r")
    assert vault.connection(ACCOUNT).status == "connected"


def test_a_worker_that_begins_again_goes_on_to_count(vault):
    vault.update_handler(ACCOUNT, "gmail", failures=2, setbacks=3)
    vault.reset(ACCOUNT, "gmail", delete_data=False, fence=1)
    held = vault.handler(ACCOUNT, "gmail")
    assert (held.failures, held.setbacks, held.position) == (2, 3, {})
    vault.reset(ACCOUNT, "gmail", delete_data=False)
    held = vault.handler(ACCOUNT, "gmail")
    assert (held.failures, held.setbacks) == (0, 0)


def test_removing_a_connection_removes_its_tokens_and_handlers_and_no_record(
    vault, email, batch, connection
):
    vault.commit(batch(email(1)))
    vault.save_tokens(ACCOUNT, Tokens("access"))
    vault.remove_connection(ACCOUNT)
    assert vault.connections() == []
    assert vault.tokens(ACCOUNT) is None
    assert vault.handlers(ACCOUNT) == []
    assert vault.get("google:1:1") is not None
    vault.save_connection(connection())
    assert vault.ensure_handler(ACCOUNT, "gmail").kept == 1


def test_a_handler_s_state_is_changed_by_name(vault):
    vault.update_handler(
        ACCOUNT,
        "gmail",
        status="error",
        message="Later.",
        options={"backdate": "1-month"},
        frequency="day",
        failures=2,
        last_run_id="r",
        last_sync_at=NOON,
    )
    state = vault.ensure_handler(ACCOUNT, "gmail", enabled=False)
    assert (state.status, state.options, state.frequency) == (
        "error",
        {"backdate": "1-month"},
        "day",
    )
    assert (state.failures, state.last_run_id, state.last_sync_at) == (2, "r", NOON)
    with pytest.raises(ValueError, match="position"):
        vault.update_handler(ACCOUNT, "gmail", position={})


def test_a_handler_can_begin_disabled(vault):
    assert vault.ensure_handler(ACCOUNT, "other", enabled=False).status == "disabled"


def test_stats_count_by_connection_handler_and_schema(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    vault.commit(batch(deleted=["1"]))
    (count,) = vault.stats()
    assert (count.connection_id, count.handler_id, count.records, count.deleted) == (
        ACCOUNT,
        "gmail",
        1,
        1,
    )
