"""Calendars and events kept as they are at Google, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.google.calendar import CalendarEvents
from connectors.google.calendar_position import mark
from connectors.google.provider import Google
from sandbox.faults import Fault
from tests.connectors.google.calendar_bench import Bench, benches

Start = Callable[..., Bench]
SMALL = {"calendar_page_size": 4}


@pytest.fixture
def begin() -> Iterator[Start]:
    with benches() as start:
        yield start


def test_all_calendars_and_events_are_kept_as_they_were_sent(begin: Start) -> None:
    bench = begin(remember_sent=True)
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.kept.records) > 50
    for key, record in bench.kept.records.items():
        assert record["sourceData"] == bench.holding.sent(key)


def test_a_second_sync_asks_for_changes_only_and_keeps_nothing(begin: Start) -> None:
    bench = begin()
    bench.sync()
    assert bench.sync() == []
    assert bench.calls() == {"calendarList.list": 1, "events.list": 2}
    assert bench.holding.idle_requests() == 3


def test_an_account_without_calendars_is_in_sync(begin: Start) -> None:
    bench = begin(items=0)
    bench.sync()
    assert bench.sync() == []
    bench.expect_in_sync()
    bench.holding.add(2)
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.kept.records) == 3


def test_small_pages_and_kills_after_each_batch_lose_nothing(begin: Start) -> None:
    bench = begin(SMALL)
    bench.sync_in_slices()
    bench.expect_in_sync()
    assert not bench.kept.deleted


def test_a_finished_stretch_is_not_listed_again(begin: Start) -> None:
    bench = begin(SMALL)
    whole = len(bench.sync())
    again = begin(SMALL)
    again.sync(cut_after=whole // 2)
    before = again.calls()["events.list"]
    again.sync()
    # What was cut off had been fetched, and its page is fetched again.
    assert before + again.calls()["events.list"] <= bench.calls()["events.list"] + 3
    again.expect_in_sync()


def test_new_edited_and_removed_events_are_followed(begin: Start) -> None:
    bench = begin()
    bench.sync()
    ids = bench.holding.expected({})
    added = bench.holding.add(3)
    bench.holding.edit(ids[1])
    bench.holding.remove(ids[0])
    bench.holding.edit(ids[-1])
    bench.sync()
    bench.expect_in_sync()
    assert set(added) <= set(bench.kept.records)
    assert bench.kept.deleted == [ids[0]]


def test_an_event_that_came_and_went_between_two_syncs_is_not_told_of(begin: Start) -> None:
    bench = begin()
    bench.sync()
    [key] = bench.holding.add(1)
    bench.holding.remove(key)
    bench.sync()
    bench.expect_in_sync()
    assert not bench.kept.deleted


def test_a_calendar_beyond_reach_for_a_while_keeps_its_events(begin: Start) -> None:
    bench = begin()
    bench.sync()
    group = bench.calendar("c_")
    before = bench.events(group)
    group.barred = True
    bench.holding.edit(before[0])
    [key] = bench.holding.add(1)
    bench.sync()
    assert bench.events(group) == before
    assert key in bench.kept.records
    group.barred = False
    bench.sync()
    bench.expect_in_sync()


def test_what_changes_while_pages_are_read_is_not_lost(begin: Start) -> None:
    bench = begin(SMALL)
    ids = bench.holding.expected({})

    def change(number: int) -> None:
        # The first pages are kept; what comes, goes and changes lies on both sides of them.
        if number in (3, 7):
            bench.holding.add(5)
            bench.holding.remove(ids[number])
            bench.holding.edit(ids[number + 1])
            bench.holding.remove(ids[-number])

    bench.sync(meanwhile=change)
    bench.sync()
    bench.expect_in_sync()


def test_lost_tokens_find_what_came_changed_and_went(begin: Start) -> None:
    bench = begin()
    bench.sync()
    ids = bench.holding.expected({})
    bench.holding.add(2)
    bench.holding.remove(ids[3])
    bench.holding.edit(ids[5])
    bench.holding.lose_feed()
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.deleted == [ids[3]]
    assert bench.sync() == []


def test_a_page_token_lost_on_the_way_starts_that_calendar_again(begin: Start) -> None:
    bench = begin(SMALL)
    bench.sync(cut_after=5)
    bench.holding.remove(next(iter(bench.events(bench.calendar()))))
    bench.holding.lose_feed()
    bench.sync()
    bench.expect_in_sync()


def test_a_position_that_was_reset_still_marks_what_is_gone(begin: Start) -> None:
    bench = begin()
    bench.sync()
    group = bench.calendar("c_")
    bench.holding.remove(bench.holding.expected({})[0])
    bench.store.remove(group, None)
    bench.position = {}
    bench.sync()
    bench.expect_in_sync()
    assert bench.events(bench.calendar())
    assert not bench.events(group)


def test_a_calendar_that_leaves_the_list_takes_its_events_with_it(begin: Start) -> None:
    bench = begin()
    bench.sync()
    group = bench.calendar("c_")
    events = bench.events(group)
    assert events
    bench.store.remove(group, None)
    bench.sync()
    bench.expect_in_sync()
    assert set(bench.kept.deleted) == {*events, f"calendar:{group.id}"}
    assert list(bench.position["calendars"]) == [mark(bench.calendar().id)]


def test_a_calendar_gone_between_the_lists_does_not_stop_the_others(begin: Start) -> None:
    bench = begin(SMALL)
    group = bench.calendar("c_")

    def leave(number: int) -> None:
        if number == 2:
            bench.store.remove(group, None)

    bench.sync(meanwhile=leave)
    assert set(bench.events(bench.calendar())) == {
        key for key in bench.holding.expected({}) if "/" in key
    }
    bench.sync()
    bench.expect_in_sync()


def test_a_renamed_calendar_is_kept_by_its_new_name(begin: Start) -> None:
    bench = begin()
    bench.sync()
    key = f"calendar:{bench.calendar('c_').id}"
    bench.holding.edit(key)
    changed = [record for batch in bench.sync() for record in batch.records]
    assert [record["sourceId"] for record in changed] == [key]
    bench.expect_in_sync()


def test_subscribed_calendars_come_when_they_are_asked_for(begin: Start) -> None:
    bench = begin()
    bench.sync()
    own = set(bench.kept.records)
    bench.options = {"calendars": "all"}
    bench.sync()
    bench.expect_in_sync()
    more = set(bench.kept.records) - own
    assert len(more) > 5
    assert all("holiday" in key for key in more)
    bench.options = {}
    assert bench.sync() == []
    bench.store.remove(bench.calendar("holiday"), None)
    bench.sync()
    bench.expect_in_sync()


def test_a_range_is_kept_to_and_widening_it_fetches_the_rest(begin: Start) -> None:
    bench = begin(items=80)
    before: set[str] = set()
    for months in ("1", "3", "6", "12", "all"):
        bench.options = {"backdate": months}
        bench.sync()
        bench.expect_in_sync()
        assert before < set(bench.kept.records)
        before = set(bench.kept.records)
    bench.options = {"backdate": "1"}
    assert len(bench.sync()) == 1
    assert bench.calls() == {"calendarList.list": 1, "events.list": 2}
    assert not bench.kept.deleted


def test_a_passing_fault_in_the_middle_loses_nothing(begin: Start) -> None:
    bench = begin(SMALL)
    bench.sync(cut_after=3)
    bench.sandbox.world.faults.add(Fault("503", path="^/calendar/", count=2))
    bench.sync()
    bench.expect_in_sync()


def test_the_quota_counts_requests_unless_none_is_kept_to() -> None:
    quota = Google.configured({}).quota(CalendarEvents.service)
    assert quota
    assert (quota.units, quota.seconds, quota.cost("events.list")) == (600, 60.0, 1)
    assert Google.configured({"quota": "none"}).quota(CalendarEvents.service) is None
