"""Quotas as data, and the budget of a provider that has none."""

from __future__ import annotations

import pytest

from connectors.sdk.quota import Quota, Unlimited

QUOTA = Quota(units=6000, seconds=60.0, costs={"get": 20, "list": 5, "free": 0})


def test_a_call_costs_what_the_table_says_and_one_where_it_is_silent() -> None:
    assert QUOTA.cost("get", 3) == 60
    assert QUOTA.cost("list") == 5
    assert QUOTA.cost("other", 4) == 4
    assert QUOTA.cost("free", 4) == 0


@pytest.mark.parametrize(
    ("method", "most", "calls"),
    [("get", 100, 30), ("get", 25, 25), ("list", 500, 120), ("free", 700, 600), ("get", 1, 1)],
)
def test_a_piece_is_a_tenth_of_the_window_at_most(method: str, most: int, calls: int) -> None:
    assert QUOTA.fit(method, most) == calls


def test_a_piece_is_never_empty() -> None:
    assert Quota(units=10, seconds=1.0, costs={"get": 50}).fit("get", 100) == 1


def test_a_block_holds_until_it_ends_and_is_never_shortened() -> None:
    now = 100.0
    budget = Unlimited(lambda: now)
    assert budget.take(10_000) == 0.0
    budget.block(5)
    budget.block(1)
    assert budget.take(1) == 5.0
    now = 104.0
    assert budget.take(0) == 1.0
    now = 106.0
    assert budget.take(1) == 0.0
