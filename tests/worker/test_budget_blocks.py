"""Blocks: of one account, and of all accounts of a provider."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakeredis import FakeRedis

from connectors.sdk.quota import Quota
from worker.budget import DailyBudget, RedisBudget

Budget = RedisBudget | DailyBudget
Make = Callable[[FakeRedis, str], Budget]


def sliding(fake: FakeRedis, account: str) -> Budget:
    return RedisBudget(fake, f"spent-{account}", account, f"learned-{account}", None, "everyone")


def daily(fake: FakeRedis, account: str) -> Budget:
    return DailyBudget(fake, "spent", account, Quota(100, 0, {}, daily="UTC"), "everyone")


@pytest.mark.parametrize("make", [sliding, daily])
def test_one_account_that_is_asked_to_wait_holds_back_no_other(fake: FakeRedis, make: Make) -> None:
    first, second = make(fake, "one"), make(fake, "two")
    first.block(60)
    assert 59 < first.take(0) <= 60
    assert second.take(0) == 0


@pytest.mark.parametrize("make", [sliding, daily])
def test_a_provider_that_refuses_the_server_holds_back_all(fake: FakeRedis, make: Make) -> None:
    first, second = make(fake, "one"), make(fake, "two")
    first.block_all(3600)
    second.block(60)
    assert 3590 < first.take(0) <= 3600
    assert 3590 < second.take(0) <= 3600
