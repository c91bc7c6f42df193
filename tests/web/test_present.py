from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vault.model import Connection, HandlerState
from web.present import ago, handler_view, size, span, title, when
from worker.progress import ProgressView

NOW = 1_700_000_000.0
THEN = datetime.fromtimestamp(NOW - 7200, UTC)
CONNECTION = Connection("p:1", "p", "1", {"email": "a@b.c"}, "active", None, THEN, THEN)
STATE = HandlerState("p:1", "h", "enabled", None, {}, None, 0, 0, None, THEN, 1234, 0, None, 1, {})


def run(status, **fields):
    return ProgressView("p:1", "h", "r", status, **fields)


def view(connection=CONNECTION, state=STATE, progress=None):
    return handler_view(connection, state, progress, NOW)


def test_a_handler_at_rest_tells_when_it_was_synced():
    shown = view()

    assert (shown.tone, shown.state, shown.busy) == ("ok", "Up to date", False)
    assert shown.text == "Last synced 2 hours ago"
    assert shown.counts == "1,234 kept"


def test_a_run_that_is_done_is_not_busy():
    assert not view(progress=run("done", total=2000)).busy


def test_a_running_sync_counts_all_that_is_kept_not_this_run_alone():
    shown = view(progress=run("syncing", kept=34, total=2000))

    assert (shown.busy, shown.kept, shown.total) == (True, 1234, 2000)
    assert shown.counts == "1,234 of 2,000"


def test_more_than_was_expected_does_not_overflow_the_bar():
    shown = view(progress=run("syncing", total=1000))

    assert shown.total == 1234
    assert shown.counts == "1,234 kept"


def test_a_wait_says_for_how_long():
    shown = view(progress=run("waiting", message="Quota used up.", not_before=NOW + 90))

    assert (shown.tone, shown.state) == ("wait", "Waiting")
    assert shown.text == "Quota used up. Goes on in 1 minute."


@pytest.mark.parametrize(
    ("connection", "state", "tone", "word"),
    [
        ("invalid-auth", "enabled", "bad", "Stopped"),
        ("paused", "syncing", "off", "Paused"),
        ("active", "disabled", "off", "Off"),
        ("active", "invalid-auth", "bad", "No permission"),
        ("active", "error", "bad", "Trouble"),
    ],
)
def test_a_state_that_needs_the_person_wins_and_says_the_way_out(connection, state, tone, word):
    shown = view(replace(CONNECTION, status=connection), replace(STATE, status=state))

    assert (shown.tone, shown.state) == (tone, word)
    assert shown.text


def test_a_handler_never_synced_says_so():
    assert view(state=replace(STATE, last_sync_at=None)).state == "Not yet synced"


def test_an_account_is_called_by_its_readable_name_or_else_its_id():
    assert title(CONNECTION) == "a@b.c"
    assert title(replace(CONNECTION, profile={})) == "1"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (1, "1 second"), (59, "59 seconds"), (61, "1 minute"), (90000, "1 day")],
)
def test_spans_are_worded(seconds, words):
    assert span(seconds) == words


def test_old_times_are_dates():
    assert ago(datetime(2020, 1, 5, tzinfo=UTC), NOW) == "5 January 2020"
    assert ago(datetime.fromtimestamp(NOW - 5, UTC), NOW) == "just now"


def test_absurd_times_are_shown_without_failing():
    assert when("0001-01-01T00:00:00Z") == "1 Jan 1, 00:00 UTC"
    assert when("9999-12-31T23:59:59+00:00") == "31 Dec 9999, 23:59 UTC"
    assert when("0001-01-01T00:00:00+14:00") == "0001-01-01T00:00:00+14:00"
    assert when("soon") == "soon"
    assert when(None) == ""


def test_sizes_are_worded():
    assert [size(n) for n in (None, 0, 999, 1500, 2_500_000, 3_000_000_000)] == [
        "", "0 bytes", "999 bytes", "1.5 KB", "2.5 MB", "3.0 GB",
    ]  # fmt: skip


def test_trouble_names_the_run_that_leads_to_the_log():
    failed = replace(STATE, status="error", message="it is closed", last_run_id="4f2a")
    assert view(state=failed).run == "4f2a"
    assert view(state=failed, progress=run("syncing")).run == ""
    assert view(state=replace(STATE, last_run_id="4f2a")).run == ""


def test_a_wait_for_a_reason_names_its_run():
    assert view(progress=run("waiting", message="The provider answered 503.")).run == "r"
    assert view(progress=run("waiting")).run == ""
