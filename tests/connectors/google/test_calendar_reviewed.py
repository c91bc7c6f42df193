"""Progress of long comparisons, what a position holds, and calendars that cannot be read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.google.calendar_client import CalendarClient
from connectors.google.calendar_position import Place, State, mark
from connectors.google.errors import ForbiddenError
from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    RateLimitedError,
    TransientError,
)
from sandbox.faults import Fault
from sandbox.google.calendar_store import Stored, order
from tests.connectors.google.calendar_bench import Bench, benches

Start = Callable[..., Bench]
SMALL = {"calendar_page_size": 4}
KILOBYTE = 1024


@pytest.fixture
def begin() -> Iterator[Start]:
    with benches() as start:
        yield start


def own(bench: Bench) -> list[Stored]:
    """The person's own calendars in the order of the list."""
    found = [c for c in bench.store.calendars.values() if c.entry["accessRole"] == "owner"]
    return sorted(found, key=lambda calendar: order(calendar.id))


def fail(bench: Bench, calendar: Stored, kind: str, retry_after: float | None = None) -> None:
    """Let all requests for the events of a calendar fail."""
    name = re.escape(calendar.id.split("@")[0])
    path = f"/calendars/{name}[^/]*/events"
    bench.sandbox.world.faults.add(Fault(kind, path=path, count=0, retry_after=retry_after))


def gets(bench: Bench) -> int:
    return bench.calls().get("events.get", 0)


def expect_events(bench: Bench, calendar: Stored) -> None:
    """All events of a calendar are kept, and no others."""
    prefix = f"{calendar.id}/"
    wanted = {key for key in bench.expected() if key.startswith(prefix)}
    assert set(bench.events(calendar)) == wanted


def test_kept_events_out_of_a_narrower_range_do_not_hold_up_a_reset(begin: Start) -> None:
    bench = begin(items=200)
    bench.sync()
    kept = set(bench.kept.records)
    bench.options = {"backdate": "1"}
    outside = sorted(key for key in kept - bench.expected() if "/" in key)
    assert len(outside) > 100
    bench.holding.remove(outside[0])
    bench.holding.edit(outside[1])
    bench.position = {}
    looks = 0
    for _ in range(20):
        if not bench.sync(cut_after=1):
            break
        looks += gets(bench)
    else:
        pytest.fail("goes round for ever")
    assert set(bench.kept.records) == kept - {outside[0]}
    assert bench.holding.reflects(bench.kept.records[outside[1]])
    # What is gone and what changed is looked at, by each of the runs that were cut on the way.
    assert looks <= 4


def test_a_comparison_that_is_cut_goes_on_where_it_was(
    begin: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = begin(items=150)
    bench.sync()
    kept = set(bench.kept.records)
    assert len(bench.events(bench.calendar())) > 120
    # Every kept event is in doubt, and none of them is gone.
    monkeypatch.setattr(CalendarClient, "all_ids", lambda *_: {})
    bench.holding.lose_feed()
    looks = 0
    for _ in range(30):
        if not bench.sync(cut_after=1):
            break
        looks += gets(bench)
    else:
        pytest.fail("goes round for ever")
    assert looks == sum("/" in key for key in kept)
    assert set(bench.kept.records) == kept


def test_very_many_that_went_are_found_slice_by_slice(begin: Start) -> None:
    bench = begin(items=150)
    bench.sync()
    gone = bench.events(bench.calendar())[:110]
    for key in gone:
        bench.holding.remove(key)
    bench.holding.lose_feed()
    bench.sync_in_slices(40)
    bench.expect_in_sync()
    assert set(bench.kept.deleted) == set(gone)


def test_a_comparison_asked_for_anew_begins_at_the_start() -> None:
    place = Place(check=True, seen="8000")
    place.doubt()
    assert (place.check, place.seen) == (True, "")
    place.seen = "8000"
    place.restart()
    assert place.seen == ""


def test_a_wider_range_holds_what_is_outside() -> None:
    place = Place(since="2026-01-01T00:00:00Z", until="2028-01-01T00:00:00Z")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    far = datetime(2040, 1, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert place.wider([(old, old + hour)]) == (None, "2028-01-01T00:00:01Z")
    assert place.wider([(far, far + hour)]) == (place.since, "2040-01-01T00:00:01Z")
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert place.wider([(last, last)]) == (place.since, "9999-12-31T23:59:59Z")


def test_no_address_is_in_a_position(begin: Start) -> None:
    bench = begin(SMALL)
    bench.options = {"calendars": "all"}
    bench.sync()
    bench.holding.add(6)
    bench.sync()
    assert len(bench.batches) > 20
    for batch in bench.batches:
        told = json.dumps(batch.position)
        places = batch.position["calendars"].values()
        tokens = [place[name] for place in places for name in ("sync", "page") if name in place]
        told += "".join(base64.urlsafe_b64decode(token).decode() for token in tokens)
        for calendar in bench.store.calendars.values():
            assert calendar.id.split("@")[0] not in told
        assert "@" not in told


def test_a_hundred_calendars_stay_within_a_small_position(begin: Start) -> None:
    bench = begin()
    bench.options = {"backdate": "6"}
    bench.sync()
    # Those that come later have another range than the first two.
    bench.now += timedelta(hours=1)
    for number in range(98):
        bench.store.add_calendar(f"Team {number}")
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.position["calendars"]) == 100
    assert all(28 <= len(place["sync"]) <= 44 for place in bench.position["calendars"].values())
    assert max(len(json.dumps(batch.position)) for batch in bench.batches) < 16 * KILOBYTE
    assert bench.sync() == []
    assert bench.calls() == {"calendarList.list": 1, "events.list": 100}


def test_a_position_is_read_as_it_was_written() -> None:
    usual = (None, "2028-11-24T12:00:00Z", "all")
    places = [
        Place(*usual, sync="token"),
        Place(*usual, page="page", check=True, seen="8000", failed=True),
        Place("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "6", "token"),
        Place(check=True),
    ]
    state = State({mark(str(number)): place for number, place in enumerate(places)})
    told = json.loads(json.dumps(state.to_json()))
    assert State.from_json(told) == state
    assert told["calendars"][mark("0")] == {"sync": "token"}
    assert State.from_json({}) == State()
    assert State.from_json(State().to_json()) == State()


@pytest.mark.parametrize("which", [0, 1])
def test_a_calendar_that_keeps_failing_does_not_hold_up_the_other(begin: Start, which: int) -> None:
    bench = begin()
    bad, good = own(bench)[which], own(bench)[1 - which]
    fail(bench, bad, "500")
    with pytest.raises(TransientError):
        bench.sync()
    expect_events(bench, good)
    bench.holding.edit(bench.events(good)[0])
    with pytest.raises(TransientError):
        bench.sync()
    assert all(bench.holding.reflects(bench.kept.records[key]) for key in bench.events(good))
    assert not bench.events(bad)
    bench.sandbox.world.faults.clear()
    bench.sync()
    bench.expect_in_sync()
    assert bench.sync() == []


def test_a_fault_of_google_as_a_whole_is_not_tried_with_every_calendar(begin: Start) -> None:
    bench = begin()
    for number in range(8):
        bench.store.add_calendar(f"Team {number}")
    bench.sandbox.world.faults.add(Fault("503", path="/events", count=0))
    with pytest.raises(TransientError):
        bench.sync()
    assert sum(place.get("failed", False) for place in bench.position["calendars"].values()) == 3


def test_those_behind_many_that_keep_failing_come_first_the_next_time(begin: Start) -> None:
    bench = begin()
    for number in range(6):
        bench.store.add_calendar(f"Team {number}")
    bad, good = own(bench)[:3], own(bench)[3:]
    for calendar in bad:
        fail(bench, calendar, "500")
    for _ in range(2):
        with pytest.raises(TransientError):
            bench.sync()
    for calendar in good:
        assert bench.events(calendar)
        expect_events(bench, calendar)


@pytest.mark.parametrize("which", [0, 1])
def test_one_denied_calendar_does_not_stop_the_handler(begin: Start, which: int) -> None:
    bench = begin()
    bad, good = own(bench)[which], own(bench)[1 - which]
    bad.denied = True
    with pytest.raises(ConnectorError, match="1 of 2 calendars") as caught:
        bench.sync()
    assert not isinstance(caught.value, AccessDeniedError)
    expect_events(bench, good)
    bad.denied = False
    bench.sync()
    bench.expect_in_sync()


def test_access_denied_to_all_calendars_stops_the_handler(begin: Start) -> None:
    bench = begin()
    for calendar in own(bench):
        calendar.denied = True
    with pytest.raises(ForbiddenError):
        bench.sync()


def test_a_rate_limit_goes_out_at_once(begin: Start) -> None:
    bench = begin()
    bad, good = own(bench)
    fail(bench, bad, "429-seconds", retry_after=60)
    with pytest.raises(RateLimitedError):
        bench.sync()
    assert bench.calls() == {"calendarList.list": 1}
    assert not bench.events(good)
