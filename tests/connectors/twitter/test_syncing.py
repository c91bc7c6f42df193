"""What a sync keeps, and what it is billed for."""

from __future__ import annotations

import pytest

from sandbox.twitter import refusals
from tests.connectors.twitter.conftest import Bench, Start


def post_bench(start: Start, **config: object) -> Bench:
    bench = start("post", **{"items": 40, "post_page_size": 10, **config})
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    return bench


def test_nothing_new_is_billed_for_no_post(start: Start) -> None:
    bench = post_bench(start)
    assert bench.sync_well() == {"posts": 0, "users": 1}
    bench.holding.add(3)
    assert bench.sync_well()["posts"] == 3
    assert set(bench.kept()) == set(bench.holding.expected({}))


def test_new_posts_of_many_pages_are_fetched_though_the_run_is_cut_and_more_come(
    start: Start,
) -> None:
    bench = post_bench(start)
    bench.holding.add(35)
    position = bench.position()
    first = next(bench.handler().batches(position))
    assert first.position["gap"]
    records = {record["sourceId"] for record in first.records}
    assert len(records) == 10
    bench.holding.add(3)
    batches = list(bench.handler().batches(first.position))
    ids = {record["sourceId"] for batch in batches for record in batch.records}
    missing = set(bench.holding.expected({})) - set(bench.kept()) - records
    assert ids == missing
    assert batches[-1].position["gap"] is None
    assert batches[-1].position["newest"] == str(max(int(key) for key in ids))


def test_an_edit_is_the_same_record_with_other_words(start: Start) -> None:
    bench = post_bench(start)
    first = bench.holding.expected({})[0]
    bench.holding.edit(first)
    bench.holding.edit(first)
    before = len(bench.kept())
    assert bench.sync_well()["posts"] == 1
    after = bench.kept()
    assert len(after) == before
    assert "(v2)" in after[first]["content"]
    assert after[first]["sourceData"]["edit_history_tweet_ids"][0] == first
    assert bench.sync_well()["posts"] == 0


def test_a_deletion_costs_the_posts_down_to_it(start: Start) -> None:
    bench = post_bench(start)
    gone = bench.holding.expected({})[12]
    bench.holding.remove(gone)
    assert bench.sync_well()["posts"] == 20
    assert gone not in bench.kept()
    assert bench.sync_well()["posts"] == 0


def test_an_edited_post_is_not_taken_for_gone(start: Start) -> None:
    bench = post_bench(start)
    *_, second, last = bench.holding.expected({})
    bench.holding.edit(last)
    bench.holding.remove(second)
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))


def test_a_count_that_tells_nothing_costs_one_reading_and_no_more(start: Start) -> None:
    bench = post_bench(start)
    everything = len(bench.store.posts)
    bench.store.miscount = -2
    assert bench.sync_well()["posts"] == everything
    for wrong in (-4, 0, -1, -7):
        bench.store.miscount = wrong
        assert bench.sync_well()["posts"] == 0
    assert set(bench.kept()) == set(bench.holding.expected({}))


def test_posts_that_x_serves_no_more_are_kept(start: Start) -> None:
    bench = post_bench(start, items=80, timeline_posts=100, post_page_size=50)
    before = set(bench.kept())
    bench.holding.add(60)
    bench.sync_well()
    bench.holding.remove(bench.holding.expected({})[70])
    bench.sync_well()
    assert len(before - set(bench.kept())) == 1


def test_all_posts_are_read_now_and_then(start: Start) -> None:
    bench = post_bench(start)
    bench.store.miscount = -1
    bench.sync_well()
    bench.holding.remove(bench.holding.expected({})[-1])
    assert not list(bench.handler(days=1).batches(bench.position()))[-1].deleted
    batches = list(bench.handler(days=31).batches(bench.position()))
    assert [key for batch in batches for key in batch.deleted]


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


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(refusals.credits_depleted(), "credits"), (refusals.not_enrolled(), "console")],
)
def test_what_the_operator_must_mend_is_said_and_is_not_the_persons(
    start: Start, refusal: Exception, words: str
) -> None:
    bench = post_bench(start, items=5)
    bench.store.refusal = refusal
    outcome = bench.sync()
    assert outcome.handler == "error"
    assert words in (outcome.message or "")
    assert bench.services.vaults.open("owner").connection(bench.job.connection).status != (
        "invalid-auth"
    )
    bench.store.refusal = None
    bench.sync_well()


def test_the_months_posts_used_up_is_waited_for(start: Start) -> None:
    bench = post_bench(start, items=5, monthly_posts=1234)
    bench.store.refusal = refusals.cap_reached()
    outcome = bench.sync()
    assert outcome.next == "wait"
    assert 23 * 3600 < outcome.delay <= 25 * 3600
    assert "1,234 posts" in (outcome.message or "")


def test_a_spent_refresh_token_asks_the_person_to_connect_again(start: Start) -> None:
    bench = post_bench(start, items=5)
    tokens = bench.services.vaults.open("owner").tokens(bench.job.connection)
    assert tokens
    assert bench.sandbox.world.tokens.refresh(tokens.refresh_token or "")
    bench.sandbox.world.tokens.expire_access()
    bench.sync_well()
    renewed = bench.services.vaults.open("owner").tokens(bench.job.connection)
    assert renewed
    assert renewed.refresh_token != tokens.refresh_token
    bench.services.vaults.open("owner").save_tokens(bench.job.connection, tokens)
    bench.sandbox.world.tokens.expire_access()
    bench.sync()
    status = bench.services.vaults.open("owner").connection(bench.job.connection).status
    assert status == "invalid-auth"
