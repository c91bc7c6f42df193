"""The Drive handler when things go wrong: cuts, refused tokens, odd files, passing faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.google.errors import ItemRefusedError, classify
from connectors.sdk.errors import (
    AccessDeniedError,
    GoneError,
    PositionLostError,
    RateLimitedError,
    TransientError,
)
from connectors.sdk.records import Failed
from sandbox.google import drive_documents as kinds
from tests.connectors.google.drive_bench import DriveBench, benches

Start = Callable[..., DriveBench]
_MEDIA = "^/drive/v3/files/."


@pytest.fixture
def start() -> Iterator[Start]:
    with benches() as begin:
        yield begin


@pytest.mark.parametrize("at", [1, 3])
def test_a_cut_sync_goes_on_without_asking_twice(start: Start, at: int) -> None:
    bench = start(items=24)
    bench.sync(cut_after=at)
    spent = bench.fetched
    bench.sync()
    bench.expect_in_sync()
    # Only what was fetched ahead of the cut comes again: a page at most.
    assert spent + bench.fetched <= bench.readable + 6


def test_a_cut_within_a_page_asks_for_none_of_its_kept_files(start: Start) -> None:
    bench = start(items=32, config={"drive_page_size": 1000})
    bench.sync(cut_after=1)
    kept, spent = set(bench.kept.records), bench.fetched
    assert 0 < len(kept) < 32
    bench.sync()
    bench.expect_in_sync()
    assert bench.fetched == bench.readable - spent


def test_what_changes_while_the_list_is_read_is_caught_up_with(start: Start) -> None:
    bench = start(items=32)
    run = bench.handler().batches({})
    for turn, batch in enumerate(run):
        bench.keep(batch)
        if turn < 5:
            bench.store.add(kinds.TEXT)
            bench.store.rewrite(bench.file(20).id)
            # It has been listed: whatever follows moves up by one and may be skipped.
            bench.store.remove(bench.file(turn).id)
    bench.expect_in_sync()


def test_files_that_leave_the_list_hide_none_of_those_that_follow(start: Start) -> None:
    bench = start(items=24)
    bench.sync(cut_after=2)
    listed = [key for key in bench.holding.expected({}) if key in bench.kept.records]
    for key in listed[:4]:
        bench.store.remove(key)
    bench.sync()
    bench.expect_in_sync()


@pytest.mark.parametrize("lost", ["lose", "lose_pages"])
def test_a_refused_page_token_lists_again_without_downloading_again(
    start: Start, lost: str
) -> None:
    bench = start(items=24)
    bench.sync(cut_after=3)
    kept, spent = len(bench.kept.records), bench.fetched
    assert kept
    getattr(bench.store, lost)()
    bench.sync()
    bench.expect_in_sync()
    assert bench.fetched == bench.readable - spent
    assert bench.calls()["files.list"] > 4


def test_lost_changes_are_found_by_comparing(start: Start) -> None:
    bench = start(items=24)
    bench.sync()
    bench.store.remove(bench.file(4).id)
    bench.store.trash(bench.file(8).id)
    bench.store.give(bench.file(10).id)
    bench.store.rewrite(bench.file(kind=kinds.PDF).id)
    bench.store.add(kinds.HTML)
    bench.holding.lose_feed()
    bench.sync()
    bench.expect_in_sync()
    # Two contents, and three missing files that are asked for; two of these are still there.
    assert bench.fetched == 2 + 3
    bench.sync()
    assert bench.calls() == {"changes.list": 1}


def test_a_position_that_was_reset_finds_what_is_gone(start: Start) -> None:
    bench = start(items=20)
    bench.sync()
    bench.store.remove(bench.file(4).id)
    bench.position = {}
    bench.sync()
    bench.expect_in_sync()
    assert bench.fetched == 1


def test_a_file_that_cannot_be_mapped_goes_to_quarantine_alone(start: Start) -> None:
    bench = start(items=20, remember_sent=True)
    bad = bench.file(4).id
    bench.holding.spoil(bad, "broken")
    bench.sync()
    assert set(bench.kept.failed) == {bad}
    assert len(bench.kept.records) == 19
    bench.holding.spoil(bad, None)
    record = bench.handler().retry(bench.kept.failed[bad])
    assert bench.holding.reflects(record)


def test_a_broken_file_among_changes_goes_to_quarantine_alone(start: Start) -> None:
    bench = start(items=10)
    bench.sync()
    bad, good = bench.file(4).id, bench.file(6).id
    bench.holding.spoil(bad, "broken")
    bench.store.star(bad)
    bench.store.rename(good, "Good")
    bench.sync()
    assert set(bench.kept.failed) == {bad}
    assert bench.kept.records[good]["name"] == "Good"


@pytest.mark.parametrize("oddity", ["unknown", "missing", "null"])
def test_odd_files_are_kept_as_they_came(start: Start, oddity: Any) -> None:
    bench = start(items=10, remember_sent=True)
    odd = bench.file(4).id
    bench.holding.spoil(odd, oddity)
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.records[odd]["sourceData"] == bench.holding.sent(odd)


@pytest.mark.parametrize("how", ["remove", "trash"])
def test_a_quarantined_file_that_is_gone_is_said_to_be_with_what_was_found(
    start: Start, how: str
) -> None:
    bench = start(items=5)
    file = bench.store.shown(bench.file())
    getattr(bench.store, how)(file["id"])
    with pytest.raises(GoneError) as said:
        bench.handler().retry(Failed(file["id"], file, "once"))
    assert said.value.record is not None
    assert said.value.record["name"] == file["name"]


@pytest.mark.parametrize("kind", ["503", "429", "reset", "truncate", "garbage-json", "401"])
def test_a_request_that_fails_once_is_sent_again(start: Start, kind: str) -> None:
    bench = start(items=16)
    for path in (r"/files/\w+$", "/export$", "/files$", "/changes$", "/startPageToken"):
        bench.fault(kind, path)
    bench.sync()
    bench.expect_in_sync()
    assert bench.position["later"] == []


@pytest.mark.parametrize(("kind", "count"), [("503", 4), ("garbage-json", 3)])
def test_a_file_that_fails_for_a_while_is_read_by_a_later_run(
    start: Start, kind: str, count: int
) -> None:
    bench = start(items=16)
    bad = bench.file(kind=kinds.PDF)
    bench.fault(kind, f"^/drive/v3/files/{bad.id}", count=count)
    bench.sync()
    assert bench.kept.records[bad.id]["note"] == "not available for now"
    assert bench.position["later"] == [bad.id]
    bench.sync()
    bench.expect_in_sync()
    assert bench.position["later"] == []
    bench.sync()
    assert bench.calls() == {"changes.list": 1}


def test_a_file_that_fails_for_ever_does_not_stop_the_others(start: Start) -> None:
    bench = start(items=32)
    bad = bench.file(kind=kinds.PDF).id
    bench.fault("503", f"^/drive/v3/files/{bad}", count=0)
    bench.sync()
    assert set(bench.kept.records) == set(bench.holding.expected({}))
    assert bench.kept.records[bad]["note"] == "not available for now"


def test_a_waiting_file_that_is_gone_is_forgotten(start: Start) -> None:
    bench = start(items=16)
    bad = bench.file(kind=kinds.PDF).id
    bench.fault("503", f"^/drive/v3/files/{bad}", count=4)
    bench.sync()
    assert bench.position["later"] == [bad]
    bench.store.remove(bad)
    bench.sync()
    assert bench.position["later"] == []
    bench.expect_in_sync()


def test_an_outage_stops_the_run_and_loses_nothing(start: Start) -> None:
    bench = start(items=32)
    bench.fault("503", _MEDIA, count=0, skip=8)
    with pytest.raises(TransientError):
        bench.sync()
    # What was read before is kept.
    assert len([r for r in bench.kept.records.values() if "contentText" in r]) >= 5
    bench.sandbox.world.faults.clear()
    bench.sync()
    bench.expect_in_sync()
    assert bench.position["later"] == []


@pytest.mark.parametrize(
    ("kind", "error"), [("403-daily", RateLimitedError), ("403-scope", AccessDeniedError)]
)
def test_what_is_not_one_files_matter_ends_the_run(
    start: Start, kind: str, error: type[Exception]
) -> None:
    bench = start(items=16)
    bench.fault(kind, _MEDIA, skip=3)
    with pytest.raises(error):
        bench.sync()
    bench.sync()
    bench.expect_in_sync()


def test_a_list_that_is_refused_again_and_again_ends_the_run(start: Start) -> None:
    bench = start(items=16)
    bench.sync(cut_after=2)
    bench.position["backfill"]["page"] = "nonsense"
    handler = bench.handler()
    handler._relists = 3
    with pytest.raises(TransientError):
        list(handler.batches(bench.position))


def _refusal(status: int, reason: str, location: str = "") -> Exception | None:
    entry = {"reason": reason, "message": "Invalid Value", "location": location}
    body = {"error": {"code": status, "message": "Invalid Value", "errors": [entry]}}
    return classify(status, {}, json.dumps(body).encode())


def test_a_refused_token_is_told_by_the_parameters_name() -> None:
    assert isinstance(_refusal(400, "invalid", "pageToken"), PositionLostError)
    assert not isinstance(_refusal(400, "invalid", "q"), PositionLostError)


@pytest.mark.parametrize("reason", ["downloadQuotaExceeded", "appNotAuthorizedToFile"])
def test_what_is_refused_of_one_file_is_no_denial_of_all(reason: str) -> None:
    assert isinstance(_refusal(403, reason), ItemRefusedError)
