"""Recurring events, the moving range, odd items, and what is quarantined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.google.calendar_position import Place
from connectors.sdk.errors import AccessDeniedError, GoneError
from connectors.sdk.handler import Record
from sandbox.faults import Fault
from sandbox.holding import Oddity
from tests.connectors.google.calendar_bench import Bench, benches

Start = Callable[..., Bench]


@pytest.fixture
def begin() -> Iterator[Start]:
    with benches() as start:
        yield start


def series(bench: Bench) -> dict[str, list[Record]]:
    """The kept instances of each recurring event, by its id."""
    found: dict[str, list[Record]] = {}
    for record in bench.kept.records.values():
        if base := record["sourceData"].get("recurringEventId"):
            found.setdefault(base, []).append(record)
    return {
        base: sorted(records, key=lambda record: str(record["startAt"]))
        for base, records in found.items()
    }


def longest(bench: Bench) -> tuple[str, list[Record]]:
    return max(series(bench).items(), key=lambda item: len(item[1]))


def test_an_endless_series_is_kept_up_to_the_horizon(begin: Start) -> None:
    bench = begin({"calendar_months_ahead": 12})
    bench.sync()
    _, instances = longest(bench)
    assert len(instances) in (13, 14)
    last = datetime.fromisoformat(instances[-1]["startAt"])
    assert last < bench.now + timedelta(days=367)


def test_instances_keep_their_local_time_over_a_change_of_the_clock(begin: Start) -> None:
    bench = begin()
    bench.sync()
    _, instances = longest(bench)
    starts = [record["start"] for record in instances]
    assert len({start["timezone"] for start in starts}) == 2
    assert {start["dateTime"][11:16] for start in starts} == {"09:00"}


def test_the_range_moves_on_and_brings_the_next_instances(begin: Start) -> None:
    bench = begin()
    bench.sync()
    before = len(longest(bench)[1])
    bench.now += timedelta(days=27)
    assert bench.sync() == []
    bench.now += timedelta(days=40)
    bench.sync()
    assert len(longest(bench)[1]) in (before + 2, before + 3)
    assert not bench.kept.deleted


def test_changes_of_a_series_beyond_the_horizon_are_left_out(begin: Start) -> None:
    bench = begin()
    bench.sync()
    base, _ = longest(bench)
    calendar = bench.calendar()
    for event in list(calendar.events.values()):
        if event.get("recurringEventId") == base:
            bench.store.edit(calendar, event["id"])
    bench.sync()
    bench.expect_in_sync()


def test_a_deleted_series_goes_though_google_tells_of_a_part_only(begin: Start) -> None:
    bench = begin()
    bench.sync()
    base, instances = longest(bench)
    bench.store.remove_series(bench.calendar(), base, told=3)
    bench.sync()
    bench.expect_in_sync()
    assert set(bench.kept.deleted) == {record["sourceId"] for record in instances}
    assert bench.sync() == []


def test_one_removed_instance_leaves_the_others(begin: Start) -> None:
    bench = begin()
    bench.sync()
    _, instances = longest(bench)
    bench.holding.remove(instances[2]["sourceId"])
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.deleted == [instances[2]["sourceId"]]


def test_a_kept_event_that_moves_out_of_the_range_is_followed(begin: Start) -> None:
    bench = begin()
    bench.sync()
    [key] = bench.holding.add(1)
    bench.sync()
    calendar, ident = bench.holding.find(key)
    assert ident
    bench.store.move(calendar, ident, 3000)
    bench.sync()
    assert bench.kept.records[key]["allDay"] is True
    # Even where everything is listed again, which does not bring it.
    bench.holding.lose_feed()
    bench.sync()
    assert key in bench.kept.records


def test_another_zone_of_a_calendar_moves_its_all_day_events(begin: Start) -> None:
    bench = begin()
    bench.sync()
    calendar = bench.calendar()
    bench.store.edit(calendar, None)
    calendar.entry["timeZone"] = "Pacific/Chatham"
    bench.sync()
    days = [
        record for key in bench.events(calendar) if (record := bench.kept.records[key])["allDay"]
    ]
    assert days
    for record in days:
        assert record["start"]["timeZone"] == "Pacific/Chatham"
        assert record["start"]["dateTime"].startswith(record["start"]["date"] + "T00:00:00+1")


@pytest.mark.parametrize("which", ["event", "calendar"])
@pytest.mark.parametrize("oddity", ["unknown", "missing", "null"])
def test_odd_items_are_kept(begin: Start, which: str, oddity: Oddity) -> None:
    bench = begin(remember_sent=True)
    ids = bench.holding.expected({})
    key = ids[0] if which == "event" else next(k for k in ids if k.startswith("calendar:c_"))
    bench.holding.spoil(key, oddity)
    bench.sync()
    bench.expect_in_sync()
    assert not bench.kept.failed
    assert bench.kept.records[key]["sourceData"] == bench.holding.sent(key)


@pytest.mark.parametrize("which", ["event", "calendar"])
def test_an_item_that_makes_no_sense_is_quarantined_alone(begin: Start, which: str) -> None:
    bench = begin(remember_sent=True)
    ids = bench.holding.expected({})
    key = ids[0] if which == "event" else next(k for k in ids if k.startswith("calendar:c_"))
    bench.holding.spoil(key, "broken")
    bench.sync()
    assert set(bench.kept.records) == set(ids) - {key}
    assert bench.kept.failed[key].source == bench.holding.sent(key)
    assert bench.sync() == []
    bench.holding.spoil(key, None)
    record = bench.handler().retry(bench.kept.failed[key])
    assert record["sourceId"] == key
    assert bench.holding.reflects(record)


def test_a_quarantined_item_that_is_gone_is_said_to_be(begin: Start) -> None:
    bench = begin(remember_sent=True)
    key = bench.holding.expected({})[0]
    bench.holding.spoil(key, "broken")
    bench.sync()
    bench.holding.remove(key)
    with pytest.raises(GoneError) as said:
        bench.handler().retry(bench.kept.failed[key])
    assert said.value.record is None


def test_a_missing_permission_stops_the_handler(begin: Start) -> None:
    bench = begin()
    bench.sandbox.world.faults.add(Fault("403-scope", path=bench.holding.path))
    with pytest.raises(AccessDeniedError):
        bench.sync()


def test_a_range_grows_only_when_it_reaches_further() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    place = Place()
    place.choose("6", 24, now)
    assert (place.since, place.until) == ("2026-05-24T12:00:00Z", "2028-11-24T12:00:00Z")
    place.sync = "token"
    place.choose("1", 24, now + timedelta(days=1))
    assert (place.since, place.sync) == ("2026-05-24T12:00:00Z", "token")
    place.choose("12", 24, now + timedelta(days=1))
    assert (place.since, place.sync, place.check) == ("2025-11-25T12:00:00Z", "", True)
    place.sync = "token"
    place.choose("12", 36, now)
    assert (place.until, place.sync) == ("2029-11-24T12:00:00Z", "")
    assert not place.holds(now - timedelta(days=400), now - timedelta(days=399))
