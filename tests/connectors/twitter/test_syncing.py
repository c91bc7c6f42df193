"""What a sync of posts keeps, and what it is billed for; what X refuses."""

from __future__ import annotations

from typing import Literal

import pytest
from werkzeug.exceptions import Forbidden, Unauthorized

from sandbox.faults import Fault
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


def test_a_count_that_is_late_to_tell_of_new_posts_costs_no_reading(start: Start) -> None:
    bench = post_bench(start)
    bench.store.let_counts_lag()
    for _ in range(2):
        bench.store.post()
    assert bench.sync_well()["posts"] == 2
    bench.store.let_counts_catch_up()
    assert bench.sync_well()["posts"] == 0
    gone = bench.holding.expected({})[12]
    bench.holding.remove(gone)
    assert bench.sync_well()["posts"] == 20
    assert gone not in bench.kept()


def test_a_deletion_that_a_post_of_just_now_may_explain_is_found_by_the_next_run(
    start: Start,
) -> None:
    bench = post_bench(start)
    gone, other = bench.holding.expected({})[5:7]
    bench.holding.remove(gone)
    bench.holding.add(1)
    bench.sync_well()
    assert gone not in bench.kept()
    bench.holding.remove(other)
    bench.store.post()
    assert bench.sync_well()["posts"] == 1
    bench.sync_well()
    assert other not in bench.kept()


def test_a_deletion_while_the_count_is_not_believed_is_found_afterwards(start: Start) -> None:
    bench = post_bench(start)
    bench.store.miscount = -2
    bench.sync_well()
    gone = bench.holding.expected({})[5]
    bench.holding.remove(gone)
    assert bench.sync_well()["posts"] == 0
    bench.holding.add(1)
    assert bench.sync_well()["posts"] == 1
    assert bench.sync_well()["posts"] == 0
    assert gone in bench.kept()
    batches = list(bench.handler(days=8).batches(bench.position()))
    assert [key for batch in batches for key in batch.deleted] == [gone]


def test_what_is_wanted_now_is_read_though_the_run_is_cut_before(start: Start) -> None:
    bench = post_bench(start, items=12, post_page_size=5)
    wanted = {"replies": "yes", "reposts": "yes"}
    bench.holding.add(1)
    bench.choose(**wanted)
    bench.sync_one_batch()
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected(wanted))
    assert bench.sync_well()["posts"] == 0


def test_what_is_wanted_now_is_read_though_the_profile_was_refused_before(start: Start) -> None:
    bench = post_bench(start, items=12, post_page_size=5)
    wanted = {"replies": "yes", "reposts": "yes"}
    bench.holding.add(1)
    bench.choose(**wanted)
    tries = bench.services.settings.http.retries + 1
    bench.sandbox.world.faults.add(Fault("500", path="/2/users/me", count=tries))
    assert bench.sync().next == "wait"
    assert bench.position()["anew"]
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected(wanted))


@pytest.mark.parametrize("endless", ["same", "new"])
def test_posts_end_though_their_page_tokens_do_not(
    start: Start, endless: Literal["same", "new"]
) -> None:
    bench = start("post", items=12, post_page_size=5)
    bench.store.quirks.endless = endless
    bench.sync_well()
    assert set(bench.kept()) == set(bench.holding.expected({}))
    bench.holding.add(6)
    bench.sync_well()
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
    assert not list(bench.handler(days=1).batches(bench.position()))
    batches = list(bench.handler(days=31).batches(bench.position()))
    assert [key for batch in batches for key in batch.deleted]


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


@pytest.mark.parametrize("refusal", [Unauthorized(), Forbidden()])
def test_a_proxys_refusal_ends_no_access_and_renews_no_tokens(
    start: Start, refusal: Exception
) -> None:
    bench = post_bench(start, items=5)
    before = bench.tokens()
    bench.store.refusal = refusal
    outcome = bench.sync()
    assert (outcome.next, outcome.handler) != ("rest", "invalid-auth")
    assert "something between" in (outcome.message or "")
    assert bench.tokens() == before
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
    tokens = bench.tokens()
    assert bench.sandbox.world.tokens.refresh(tokens.refresh_token or "")
    bench.sandbox.world.tokens.expire_access()
    bench.sync_well()
    assert bench.tokens().refresh_token != tokens.refresh_token
    bench.services.vaults.open("owner").save_tokens(bench.job.connection, tokens)
    bench.sandbox.world.tokens.expire_access()
    bench.sync()
    status = bench.services.vaults.open("owner").connection(bench.job.connection).status
    assert status == "invalid-auth"
