"""What a sync of follows keeps, and what it is billed for."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.connectors.twitter.conftest import Bench, Start


def following_bench(start: Start, **config: object) -> Bench:
    bench = start("following", **{"items": 12, "following_head_size": 5, **config})
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    return bench


def test_follows_are_billed_for_the_head_and_each_week(start: Start) -> None:
    bench = start("following", items=30, following_head_size=5, following_page_size=20)
    assert bench.sync_well()["users"] >= 30
    assert set(bench.kept()) == set(bench.holding.expected({}))
    # The profile, and the head.
    assert bench.sync_well() == {"posts": 0, "users": 6}
    bench.holding.add(1)
    # The page after the head, of ten, has nobody new.
    assert bench.sync_well()["users"] == 16
    gone, there = bench.holding.expected({})[20:22]
    bench.holding.remove(gone)
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    bench.holding.edit(there)
    assert not list(bench.handler(days=6).batches(bench.position()))
    weekly = list(bench.handler(days=8).batches(bench.position()))
    assert there in {record["sourceId"] for batch in weekly for record in batch.records}


def test_an_unfollow_may_be_left_to_the_weekly_reading(start: Start) -> None:
    bench = start("following", items=30, following_head_size=5, following_count=False)
    bench.sync_well()
    gone = bench.holding.expected({})[-1]
    bench.holding.remove(gone)
    # No profile is read then either.
    assert bench.sync_well() == {"posts": 0, "users": 5}
    weekly = list(bench.handler(days=8).batches(bench.position()))
    assert [key for batch in weekly for key in batch.deleted] == [gone]


def test_one_that_a_list_skips_is_asked_for_before_it_is_taken_for_gone(start: Start) -> None:
    bench = start("following", items=4)
    bench.sync_well()
    followed, other = bench.holding.expected({})[:2]
    bench.holding.remove(other)
    assert bench.handler().still_there([followed, other]) == {followed}  # type: ignore[attr-defined]


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("left", [0, 3])
def test_unfollows_are_seen_whether_x_says_no_connection_or_nothing(
    start: Start, left: int, empty: bool
) -> None:
    bench = following_bench(start)
    bench.store.quirks.empty_status = empty
    for gone in bench.holding.expected({})[left:]:
        bench.holding.remove(gone)
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    assert len(bench.kept()) == left


@pytest.mark.parametrize("shown", [0, 3])
def test_nobody_is_unfollowed_where_x_has_dropped_the_field_that_tells(
    start: Start, shown: int
) -> None:
    bench = following_bench(start)
    bench.store.quirks.dropped = {"connection_status"}
    # The list comes short, and the profile's count is right.
    bench.store.let_counts_lag()
    bench.store.following = bench.store.following[:shown]
    batches = list(bench.handler(days=8).batches(bench.position()))
    assert not [key for batch in batches for key in batch.deleted]


def test_one_whom_x_names_in_its_errors_alone_is_gone(start: Start) -> None:
    bench = following_bench(start, items=4)
    gone = bench.store.following.pop()
    del bench.store.people[gone.id]
    bench.store.quirks.dropped = {"connection_status"}
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))


@pytest.mark.parametrize("endless", ["same", "new"])
def test_follows_end_though_their_page_tokens_do_not(
    start: Start, endless: Literal["same", "new"]
) -> None:
    bench = start("following", items=12, following_head_size=5, following_page_size=5)
    bench.store.quirks.endless = endless
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    gone = bench.holding.expected({})[7]
    bench.holding.remove(gone)
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
