"""The table of errors: what happens next."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import WorkerSettings
from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    ConfigurationError,
    ConnectorError,
    InUseError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from vault.errors import FencedError, VaultError, VaultLockedError
from vault.model import Begun
from worker.outcomes import DEFAULT_WAIT, Outcome, of_error, poisoned

SETTINGS = WorkerSettings(max_handler_retries=4, retry_seconds=5, error_retry_seconds=3600)


def outcome(error: BaseException, failures: int = 1) -> Outcome:
    return of_error(error, failures, SETTINGS, "run-7")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FencedError("x"), {"next": "leave", "delay": 0}),
        (TransientError("x"), {"next": "wait", "delay": 5, "handler": None, "failures": 1}),
        (VaultLockedError("x"), {"next": "wait", "delay": 5, "failures": 1}),
        (VaultError("x"), {"next": "wait", "delay": 5}),
        (PositionLostError("x"), {"next": "wait", "lost_position": True, "failures": 1}),
        (RateLimitedError("x", 90), {"next": "wait", "delay": 90, "failures": 0}),
        # Never at once: such a provider would keep a worker running in circles.
        (RateLimitedError("x", 0), {"next": "wait", "delay": 5}),
        (RateLimitedError("x"), {"next": "wait", "delay": DEFAULT_WAIT, "handler": None}),
        (TokenExpiredError("x"), {"next": "off", "connection": "invalid-auth"}),
        (AccessDeniedError("x"), {"next": "off", "handler": "invalid-auth"}),
        (ConfigurationError("x"), {"next": "rest", "handler": "error", "bug": False}),
        (ConnectorError("x"), {"next": "rest", "handler": "error", "delay": 3600, "bug": False}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_says_what_happens_next(error: Exception, expected: dict[str, Any]) -> None:
    made = outcome(error)
    assert {name: getattr(made, name) for name in expected} == expected
    assert made.message == (None if isinstance(error, FencedError) else "x")


def test_what_is_open_elsewhere_is_nobodys_failure_and_comes_back_soon() -> None:
    made = outcome(InUseError(7.5), failures=3)
    assert (made.next, made.delay, made.handler, made.connection) == ("wait", 7.5, None, None)
    # Those before it are not forgotten, and it is none itself.
    assert (made.failures, made.setback, made.bug) == (2, False, False)


@pytest.mark.parametrize("error", [ZeroDivisionError("my diary"), KeyError("my diary")])
def test_a_bug_names_the_run_and_no_content(error: Exception) -> None:
    made = outcome(error)
    assert (made.next, made.handler, made.bug) == ("rest", "error", True)
    assert made.message is not None
    assert "run-7" in made.message
    assert "my diary" not in made.message


@pytest.mark.parametrize("kind", [TransientError, PositionLostError, VaultError])
def test_failures_in_a_row_wait_twice_as_long_each_and_end_in_error(kind: Any) -> None:
    made = [outcome(kind("x"), failures) for failures in range(1, 6)]
    assert [m.delay for m in made] == [5, 10, 20, 3600, 3600]
    assert [m.handler for m in made] == [None, None, None, "error", "error"]
    assert [m.lost_position for m in made] == [kind is PositionLostError] * 5


def test_fresh_tokens_that_are_all_rejected_ask_to_connect_again_in_the_end() -> None:
    made = [outcome(AccessRejectedError("x"), failures) for failures in range(1, 5)]
    assert [m.next for m in made] == ["wait", "wait", "wait", "off"]
    assert [m.connection for m in made] == [None, None, None, "invalid-auth"]


def test_being_asked_to_wait_is_no_failure() -> None:
    assert outcome(RateLimitedError("x", 5), failures=4).failures == 3


def test_failures_with_something_kept_in_between_wait_longer_each_time_up_to_an_hour() -> None:
    made = [of_error(TransientError("x"), 1, SETTINGS, "run-7", n) for n in (1, 2, 7, 5000)]
    assert [m.delay for m in made] == [5, 10, 35, 3600]
    assert {(m.next, m.handler, m.setback) for m in made} == {("wait", None, True)}
    # What fails without keeping anything is not tried sooner than before.
    assert of_error(TransientError("x"), 3, SETTINGS, "run-7", 3).delay == 20


def test_what_is_no_failure_is_counted_as_none() -> None:
    assert not outcome(RateLimitedError("x", 5)).setback
    assert not outcome(FencedError("x")).setback
    assert outcome(ZeroDivisionError("x")).setback


def begun(**counts: int) -> Begun:
    given = {"died": 0, "failures": 0} | counts
    return Begun({}, seq=1, quarantined=0, first=True, **given)


def aside(**counts: int) -> Outcome:
    made = poisoned(begun(**counts), SETTINGS)
    assert made is not None
    return made


def test_a_job_that_kills_its_workers_is_set_aside_for_longer_each_time() -> None:
    made = [aside(died=5, unfinished=5, set_aside=times) for times in (0, 1, 2, 20, 5000)]
    assert [m.delay for m in made] == [3600, 7200, 14400, 7 * 24 * 3600, 7 * 24 * 3600]
    assert {(m.next, m.handler, m.bug) for m in made} == {("rest", "error", False)}
    assert "died 5 times in a row" in str(made[0].message)
    # One more death sets it aside again.
    assert made[0].attempts == SETTINGS.max_deaths - 1


def test_a_job_that_keeps_something_before_each_death_is_given_more_tries() -> None:
    most = 10 * SETTINGS.max_deaths
    assert poisoned(begun(died=SETTINGS.max_deaths - 1, unfinished=most - 1), SETTINGS) is None
    made = aside(died=1, unfinished=most)
    assert made.delay == 3600
    assert f"died {most} times before it came to its end" in str(made.message)
    # It is tried once, and set aside again by the next death.
    assert made.unfinished == most - 1


def test_earlier_failures_of_another_kind_are_kept_and_lengthen_nothing() -> None:
    made = aside(died=5, failures=7)
    assert (made.delay, made.failures) == (3600, 7)
