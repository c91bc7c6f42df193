"""An account's quota over a sliding window."""

from __future__ import annotations

import time
from typing import cast

import pytest
from fakeredis import FakeRedis

from connectors.sdk.quota import Quota
from worker.budget import RedisBudget


def budget(fake: FakeRedis, units: int = 100, seconds: float = 0.5) -> RedisBudget:
    return RedisBudget(fake, "spent", "block", "learned", Quota(units, seconds, {}))


def test_units_are_spent_until_the_window_is_full(fake: FakeRedis) -> None:
    account = budget(fake, seconds=60)
    assert account.take(60) == 0
    assert account.take(40) == 0
    assert account.take(1) > 0


def test_the_wait_told_is_the_time_until_enough_units_have_left(fake: FakeRedis) -> None:
    account = budget(fake, seconds=0.5)
    assert account.take(100) == 0
    wait = account.take(10)
    assert 0.4 < wait < 0.6
    time.sleep(wait)
    assert account.take(10) == 0


def test_no_window_ever_holds_more_than_the_quota(fake: FakeRedis) -> None:
    account = budget(fake, units=50, seconds=0.2)
    # Each take happened between two moments: only those surely within one window count.
    taken: list[tuple[float, float]] = []
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        before = time.time()
        wait = account.take(7)
        if wait:
            time.sleep(wait)
        else:
            taken.append((before, time.time()))
    for first, _ in taken:
        assert 7 * sum(first <= before and after < first + 0.2 for before, after in taken) <= 50
    assert 7 * len(taken) >= 0.5 * 50 * 5


def test_a_call_dearer_than_the_window_goes_out_alone(fake: FakeRedis) -> None:
    account = budget(fake, units=10)
    assert account.take(25) == 0
    assert account.take(25) > 0


def test_a_block_holds_for_all_and_a_shorter_one_does_not_cut_it(fake: FakeRedis) -> None:
    account = budget(fake)
    account.block(30)
    account.block(1)
    assert 25 < budget(fake).take(1) <= 30


def test_a_provider_without_a_quota_still_honours_blocks(fake: FakeRedis) -> None:
    account = RedisBudget(fake, "spent", "block", "learned", None)
    assert all(account.take(1000) == 0 for _ in range(5))
    account.block(5)
    assert account.take(1) > 4


def test_accounts_do_not_share_a_budget(fake: FakeRedis) -> None:
    quota = Quota(10, 60, {})
    assert RedisBudget(fake, "a", "block-a", "learned-a", quota).take(10) == 0
    assert RedisBudget(fake, "b", "block-b", "learned-b", quota).take(10) == 0


def believed(fake: FakeRedis) -> int:
    held = cast("bytes", fake.get("learned"))
    return int(held.split()[0])


def test_one_stray_refusal_costs_a_quarter_for_two_windows(fake: FakeRedis) -> None:
    account = budget(fake, units=1000, seconds=0.1)
    assert account.take(125) == 0
    account.refused(10)
    assert believed(fake) == 750
    assert 0.15 < cast("int", fake.pttl("learned")) / 1000 <= 0.2
    assert account.take(750 - 115) == 0
    assert account.take(10) > 0


def test_a_window_that_held_more_than_that_is_believed(fake: FakeRedis) -> None:
    account = budget(fake, units=100, seconds=60)
    assert account.take(95) == 0
    account.refused(5)
    assert believed(fake) == 90


@pytest.mark.parametrize(("times", "lessons"), [(2, 2), (4, 3), (10, 4)])
def test_a_quota_set_too_high_is_found_after_a_known_number_of_refusals(
    fake: FakeRedis, times: int, lessons: int
) -> None:
    account = budget(fake, units=1000 * times, seconds=3.0)
    # All within one window.
    for _ in range(20):
        assert account.take(50) == 0
    refused = 0
    while account.take(50) == 0:
        account.refused(50)
        refused += 1
        # The next call is in the next hundredth of the window.
        time.sleep(0.031)
    assert refused == lessons
    assert believed(fake) == 1000


def test_calls_on_their_way_together_are_one_lesson(fake: FakeRedis) -> None:
    account = budget(fake, units=1000, seconds=60)
    for _ in range(8):
        assert account.take(25) == 0
    for _ in range(6):
        account.refused(25)
    assert believed(fake) == 750
    # All were given back.
    assert account.take(750 - 50) == 0


def test_what_was_on_its_way_with_a_refused_call_does_not_count_as_held(fake: FakeRedis) -> None:
    account = budget(fake, units=1000, seconds=60)
    for _ in range(10):
        assert account.take(95) == 0
    # The provider grants 800: it refuses two calls that were on their way together.
    account.refused(95)
    assert believed(fake) == 855
    until = fake.pttl("learned")
    account.refused(95)
    assert believed(fake) == 760
    assert cast("int", fake.pttl("learned")) <= cast("int", until)


def test_each_further_refusal_doubles_the_time_up_to_sixteen_windows(fake: FakeRedis) -> None:
    account = budget(fake, units=100_000, seconds=1.0)
    assert account.take(5_000) == 0
    for windows in (2, 4, 8, 16):
        time.sleep(0.012)
        assert account.take(1) == 0
        account.refused(1)
        left = cast("int", fake.pttl("learned")) / 1000
        assert windows - 0.5 < left <= windows


def test_what_was_refused_early_has_another_reason(fake: FakeRedis) -> None:
    account = budget(fake, units=1000, seconds=60)
    assert account.take(25) == 0
    account.refused(20)
    assert account.take(900) == 0


def test_what_was_learned_is_forgotten_in_time(fake: FakeRedis) -> None:
    account = budget(fake, units=100, seconds=0.02)
    assert account.take(50) == 0
    account.refused(10)
    assert believed(fake) == 75
    time.sleep(0.02 * 2 + 0.05)
    assert account.take(100) == 0


def test_what_an_older_version_has_learned_is_kept_to(fake: FakeRedis) -> None:
    fake.set("learned", "40")
    account = budget(fake, units=100, seconds=60)
    assert account.take(40) == 0
    assert account.take(1) > 0
    account.refused(5)
    assert believed(fake) == 75


def test_nothing_is_learned_without_a_quota(fake: FakeRedis) -> None:
    account = RedisBudget(fake, "spent", "block", "learned", None)
    account.refused(10)
    assert not fake.exists("learned")
    assert account.take(1000) == 0
