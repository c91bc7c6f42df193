"""An account's quota over a sliding window."""

from __future__ import annotations

import time

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
    spent: list[tuple[float, int]] = []
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        wait = account.take(7)
        if wait:
            time.sleep(wait)
        else:
            spent.append((time.time(), 7))
    for moment, _ in spent:
        assert sum(u for at, u in spent if moment <= at < moment + 0.2) <= 50
    assert sum(units for _, units in spent) >= 0.5 * 50 * 5


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


def test_a_provider_that_grants_less_teaches_how_much(fake: FakeRedis) -> None:
    account = budget(fake, units=100, seconds=0.5)
    assert account.take(25) == 0
    assert account.take(25) == 0
    # The provider took the first 25 and 15 of the others.
    account.refused(10)
    wait = account.take(25)
    assert wait > 0
    time.sleep(wait)
    assert account.take(25) == 0
    # Still within the 40 that were granted.
    assert account.take(15) > 0 or account.take(1) > 0
    for _ in range(3):
        time.sleep(account.take(40))
        assert account.take(40) == 0
        assert account.take(1) > 0


def test_what_was_refused_early_has_another_reason(fake: FakeRedis) -> None:
    account = budget(fake, units=1000, seconds=60)
    assert account.take(25) == 0
    account.refused(20)
    assert account.take(900) == 0


def test_what_was_learned_is_forgotten_in_time(fake: FakeRedis) -> None:
    account = budget(fake, units=100, seconds=0.02)
    assert account.take(50) == 0
    account.refused(10)
    assert fake.get("learned") == b"40"
    time.sleep(0.02 * 15 + 0.05)
    assert account.take(100) == 0


def test_nothing_is_learned_without_a_quota(fake: FakeRedis) -> None:
    account = RedisBudget(fake, "spent", "block", "learned", None)
    account.refused(10)
    assert not fake.exists("learned")
    assert account.take(1000) == 0
