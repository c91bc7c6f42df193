"""What the three YouTube handlers have in common: nothing is lost, little is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from connectors.sdk.errors import RateLimitedError, TransientError
from sandbox.faults import Fault
from tests.connectors.google.youtube_bench import Bench, Start, benches

HANDLERS = ("youtube-following", "youtube-favourite", "youtube-post")


@pytest.fixture(scope="module")
def make() -> Iterator[Start]:
    with benches(100) as begin:
        yield begin


@pytest.fixture(params=HANDLERS)
def start(request: pytest.FixtureRequest, make: Start) -> Callable[[], Bench]:
    return lambda: make(request.param)


def test_the_first_sync_keeps_all_with_the_json_as_it_was_sent(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.kept.records) == 22
    for key, record in bench.kept.records.items():
        assert record["sourceData"] == bench.holding.sent(key)


def test_a_second_sync_with_nothing_new_yields_nothing_and_asks_little(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    assert bench.sync() == []
    assert bench.requests() == bench.holding.idle_requests()


def test_an_empty_account_is_a_success(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.holding.clear()
    bench.sync()
    assert not bench.kept.records
    assert bench.sync() == []
    bench.holding.add(2)
    bench.sync()
    bench.expect_in_sync()


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_cut_sync_goes_on_where_it_stood(start: Callable[[], Bench], cut: int) -> None:
    whole = start()
    whole.sync()
    requests = whole.requests()
    bench = start()
    bench.sync(cut_after=cut)
    bench.sync()
    bench.expect_in_sync()
    # The page fetched ahead when it was cut is the only one that may come twice.
    assert bench.requests() <= requests + 1 - cut


def test_every_batch_can_be_the_last_of_a_run(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync_in_slices(60)
    bench.expect_in_sync()
    bench.holding.add(7)
    for key in bench.holding.expected({})[4:20:3]:
        bench.holding.remove(key)
    bench.sync_in_slices(60)
    bench.expect_in_sync()


def test_what_comes_and_goes_during_the_backfill_is_seen(start: Callable[[], Bench]) -> None:
    bench = start()

    def change(number: int) -> None:
        if number != 1:
            return
        bench.holding.add(3)
        for key in bench.holding.expected({})[2:5]:
            bench.holding.remove(key)
        bench.holding.remove(bench.holding.expected({})[-2])

    bench.sync(meanwhile=change)
    bench.expect_in_sync()


def test_what_goes_between_two_runs_of_the_backfill_is_seen(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync(cut_after=2)
    for key in bench.holding.expected({})[1:4]:
        bench.holding.remove(key)
    bench.sync()
    bench.expect_in_sync()


def test_page_tokens_lost_in_the_backfill_cost_no_item(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync(cut_after=2)
    bench.holding.lose_feed()
    bench.holding.remove(bench.holding.expected({})[1])
    bench.holding.add(2)
    bench.sync()
    bench.expect_in_sync()
    assert bench.sync() == []


def test_page_tokens_lost_while_the_whole_list_is_read_cost_no_item(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    bench.position = {}
    bench.holding.add(6)

    def lose(number: int) -> None:
        if number == 1:
            bench.holding.lose_feed()

    bench.sync(meanwhile=lose)
    bench.expect_in_sync()


def test_page_tokens_that_are_never_good_end_in_an_error_that_passes(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    bench.position = {}
    seal = type(bench.studio).token
    bench.studio.token = lambda kind, offset: seal(bench.studio, kind, offset)[:-1]  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        bench.sync()
    assert len(bench.kept.records) == 22


def test_a_reset_position_finds_what_went_meanwhile(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync()
    bench.position = {}
    gone = [bench.holding.expected({})[place] for place in (0, 9, -1)]
    for key in gone:
        bench.holding.remove(key)
    bench.sync()
    bench.expect_in_sync()
    assert sorted(bench.kept.deleted) == sorted(gone)


def test_one_gone_and_one_new_leave_the_length_and_are_both_seen(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    bench.holding.remove(bench.holding.expected({})[13])
    bench.holding.add(1)
    bench.sync()
    bench.expect_in_sync()


def test_many_new_ones_over_several_pages_are_seen_though_the_sync_is_cut(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    bench.holding.add(13)
    bench.holding.remove(bench.holding.expected({})[-1])
    bench.sync(cut_after=1)
    bench.sync()
    bench.expect_in_sync()


def test_all_gone_is_all_marked_deleted(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.sync()
    bench.holding.clear()
    bench.sync()
    assert not bench.kept.records
    assert len(bench.kept.deleted) == 22


def test_an_item_that_cannot_be_mapped_goes_to_quarantine_alone(start: Callable[[], Bench]) -> None:
    bench = start()
    odd = bench.holding.expected({})[3]
    bench.holding.spoil(odd, "broken")
    bench.sync()
    assert set(bench.kept.failed) == {odd}
    assert bench.kept.failed[odd].source == bench.holding.sent(odd)
    bench.expect_in_sync()
    assert bench.sync() == []


def test_odd_fields_are_no_reason_for_quarantine(start: Callable[[], Bench]) -> None:
    bench = start()
    ids = bench.holding.expected({})
    for key, oddity in zip(ids, ("unknown", "missing", "null"), strict=False):
        bench.holding.spoil(key, oddity)  # type: ignore[arg-type]
    bench.sync()
    bench.expect_in_sync()
    assert not bench.kept.failed
    for key in ids[:3]:
        assert bench.kept.records[key]["sourceData"] == bench.holding.sent(key)


def test_a_kept_item_that_can_no_longer_be_mapped_stays_as_it_was(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.sync()
    odd = bench.holding.expected({})[0]
    before = bench.kept.records[odd]
    bench.holding.spoil(odd, "broken")
    bench.sync()
    assert bench.kept.records[odd] == before
    assert not bench.kept.failed


def test_the_position_does_not_grow_with_the_list(start: Callable[[], Bench]) -> None:
    bench = start()
    bench.holding.add(98)
    longest = max(len(json.dumps(batch.position)) for batch in bench.sync())
    assert longest < 300
    assert "http" not in json.dumps(bench.position)


def test_the_days_quota_used_up_ends_the_run_and_the_next_one_goes_on(
    start: Callable[[], Bench],
) -> None:
    bench = start()
    bench.project.daily_units = 3
    with pytest.raises(RateLimitedError) as error:
        bench.sync()
    assert 1.0 < (error.value.retry_after or 0) <= 25 * 3600 + 1
    assert bench.kept.records
    bench.project.daily_units = None
    bench.make_api()
    bench.sync()
    bench.expect_in_sync()


@pytest.mark.parametrize("kind", ["503", "reset", "garbage-json", "truncate"])
def test_passing_faults_are_gone_over(start: Callable[[], Bench], kind: str) -> None:
    bench = start()
    bench.sandbox.world.faults.add(Fault(kind, path=bench.holding.path, count=2, skip=1))
    bench.sync()
    bench.expect_in_sync()


def test_two_accounts_hold_different_items(start: Callable[[], Bench]) -> None:
    one, other = start(), start()
    assert not set(one.holding.expected({})) & set(other.holding.expected({}))
