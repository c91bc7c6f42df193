"""When a quota by the calendar day comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sdk.quota import Quota, until_midnight

PACIFIC = "America/Los_Angeles"
HOUR = 3600.0


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ("2026-11-23T20:00:00+00:00", 12 * HOUR),
        ("2026-07-01T20:00:00+00:00", 11 * HOUR),
        ("2026-11-23T12:00:00-08:00", 12 * HOUR),
        ("2026-11-24T07:59:59.500000+00:00", 0.5),
        # At midnight itself the next one counts.
        ("2026-11-24T08:00:00+00:00", 24 * HOUR),
    ],
)
def test_seconds_to_midnight_are_those_of_the_zone(now: str, seconds: float) -> None:
    assert until_midnight(PACIFIC, datetime.fromisoformat(now)) == seconds


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-03-08T08:00:00+00:00", 23),  # the day on which the clock goes forward
        ("2026-03-08T11:00:00+00:00", 20),  # after it did
        ("2026-11-01T07:00:00+00:00", 25),  # the day on which it goes back
        ("2026-11-01T08:30:00+00:00", 23.5),  # the hour that comes twice, for the first time
        ("2026-11-01T09:30:00+00:00", 22.5),  # and for the second
    ],
)
def test_a_change_of_the_clock_counts(now: str, hours: float) -> None:
    assert until_midnight(PACIFIC, datetime.fromisoformat(now)) == hours * HOUR


def test_where_the_clock_skips_midnight_the_day_begins_when_it_does() -> None:
    # Midnight of 30 March 2025 did not exist in Beirut: 23:59:59 was followed by 01:00.
    now = datetime.fromisoformat("2025-03-29T20:00:00+00:00")
    assert until_midnight("Asia/Beirut", now) in (2 * HOUR, 3 * HOUR)


def test_the_clock_is_asked_when_no_time_is_given() -> None:
    before = until_midnight("UTC", datetime.now(UTC) - timedelta(seconds=1))
    assert 0 < until_midnight("UTC") <= 24 * HOUR
    assert before > 0


def test_only_a_daily_quota_speaks_of_today() -> None:
    assert "today" in Quota(1, 1.0, {}, daily="UTC").spent_message
    assert "today" not in Quota(1, 1.0, {}).spent_message
