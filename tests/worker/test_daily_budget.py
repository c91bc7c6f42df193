"""A project's quota by the calendar day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fakeredis import FakeRedis

from connectors.sdk.quota import Quota
from worker.budget import DailyBudget

PACIFIC = "America/Los_Angeles"
At = Callable[[str], None]


def budget(fake: FakeRedis, units: int = 100, **keys: str) -> DailyBudget:
    quota = Quota(units, 86_400, {}, daily=PACIFIC, name="the project's quota")
    names = {"spent_key": "spent", "block_key": "block", **keys}
    return DailyBudget(fake, quota=quota, **names)


@pytest.fixture
def at(fake: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> At:
    """Sets Redis's clock, ISO 8601."""

    def put(moment: str) -> None:
        seconds = datetime.fromisoformat(moment).timestamp()
        told = (int(seconds), int(seconds % 1 * 1_000_000))
        monkeypatch.setattr(fake, "time", lambda: told)

    return put


def test_units_are_spent_until_the_day_is_used_up(fake: FakeRedis, at: At) -> None:
    at("2026-11-23T20:00:00+00:00")
    day = budget(fake)
    assert day.take(60) == 0
    assert day.take(40) == 0
    assert day.take(1) > 0


def test_a_call_that_does_not_fit_leaves_the_rest_to_a_smaller_one(fake: FakeRedis, at: At) -> None:
    at("2026-11-23T20:00:00+00:00")
    day = budget(fake)
    assert day.take(95) == 0
    assert day.take(10) > 0
    assert day.take(5) == 0


def test_all_accounts_and_workers_share_the_day(fake: FakeRedis, at: At) -> None:
    at("2026-11-23T20:00:00+00:00")
    assert budget(fake).take(70) == 0
    assert budget(fake).take(70) > 0


def test_what_costs_nothing_is_never_refused(fake: FakeRedis, at: At) -> None:
    at("2026-11-23T20:00:00+00:00")
    day = budget(fake)
    day.take(100)
    assert day.take(0) == 0


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        # Pacific time is 8 hours behind in winter: noon there.
        ("2026-11-23T20:00:00+00:00", 12),
        # The clock goes forward in the night of 8 March 2026: that day has 23 hours.
        ("2026-03-08T08:00:00+00:00", 23),
        # It goes back on 1 November 2026: 25 hours, 7 behind at midnight.
        ("2026-11-01T07:00:00+00:00", 25),
        # A second before midnight.
        ("2026-11-24T07:59:59+00:00", 1 / 3600),
    ],
)
def test_the_wait_told_is_the_time_to_midnight_pacific(
    fake: FakeRedis, at: At, moment: str, hours: float
) -> None:
    at(moment)
    day = budget(fake)
    day.take(100)
    wait = day.take(1)
    assert hours * 3600 <= wait <= hours * 3600 + 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-11-23T20:00:00+00:00", "2026-11-24T08:00:01+00:00"),
        ("2026-03-08T08:30:00+00:00", "2026-03-09T07:00:01+00:00"),
        ("2026-11-01T07:30:00+00:00", "2026-11-02T08:00:01+00:00"),
    ],
)
def test_the_units_come_back_after_midnight_pacific_and_not_before(
    fake: FakeRedis, at: At, before: str, after: str
) -> None:
    at(before)
    day = budget(fake)
    assert day.take(100) == 0
    moment = datetime.fromisoformat(after).timestamp()
    at(datetime.fromtimestamp(moment - 2, UTC).isoformat())
    assert 0 < day.take(1) <= 3
    at(after)
    assert day.take(100) == 0


def test_the_hour_that_comes_twice_is_one_days(fake: FakeRedis, at: At) -> None:
    day = budget(fake)
    at("2026-11-01T08:30:00+00:00")
    assert day.take(100) == 0
    at("2026-11-01T09:30:00+00:00")
    assert day.take(1) > 0


def test_a_count_outlives_its_day_and_not_much_more(fake: FakeRedis, at: At) -> None:
    at("2026-11-01T07:00:00+00:00")
    budget(fake).take(1)
    (key,) = fake.keys("spent|*")
    assert key == b"spent|2026-11-01"
    left: Any = fake.ttl(key)
    assert 25 * 3600 < left <= 25 * 3600 + 120


def test_a_block_holds_for_all_and_a_shorter_one_does_not_cut_it(fake: FakeRedis) -> None:
    day = budget(fake)
    day.block(30)
    day.block(1)
    assert 25 < budget(fake).take(1) <= 30


def test_a_block_of_one_account_leaves_the_others_alone(fake: FakeRedis) -> None:
    budget(fake, block_key="block-a").block(30)
    assert budget(fake, block_key="block-b").take(1) == 0


def test_the_message_names_the_quota(fake: FakeRedis) -> None:
    assert budget(fake).message.startswith("the project's quota for today is used up")
