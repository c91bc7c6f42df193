"""The Drive handler where many files go wrong at once, or the drive keeps moving."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from connectors.google.drive_client import DriveClient
from connectors.google.errors import ForbiddenError, classify
from connectors.sdk.errors import AccessDeniedError, ConnectorError, TransientError
from sandbox.google import drive_documents as kinds
from tests.connectors.google.drive_bench import DriveBench, benches

Start = Callable[..., DriveBench]
_UNAVAILABLE = "not available for now"


@pytest.fixture
def start() -> Iterator[Start]:
    with benches() as begin:
        yield begin


def _refusal(reason: str) -> ConnectorError:
    body = {"error": {"code": 403, "message": "No", "errors": [{"reason": reason}]}}
    error = classify(403, {}, json.dumps(body).encode())
    assert error is not None
    return error


def _failing(
    monkeypatch: pytest.MonkeyPatch, method: str, errors: dict[str, ConnectorError]
) -> None:
    """Let a call of the client raise for these files."""
    sent = getattr(DriveClient, method)

    def call(self: DriveClient, file_id: str) -> object:
        if file_id in errors:
            raise errors[file_id]
        return sent(self, file_id)

    monkeypatch.setattr(DriveClient, method, call)


def _texts(bench: DriveBench, count: int) -> list[str]:
    return [bench.store.add(kinds.TEXT).id for _ in range(count)]


def _sync_with_stops(bench: DriveBench, most: int = 20) -> int:
    """Run until a run comes to its end; how many were stopped before."""
    for stops in range(most):
        try:
            bench.sync()
        except TransientError:
            continue
        return stops
    raise AssertionError("never comes to its end")


# Files that fail for good


def test_neighbours_that_fail_for_good_block_no_others(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start()
    bad = _texts(bench, 3)
    _failing(monkeypatch, "download", dict.fromkeys(bad, TransientError("out of reach")))
    assert _sync_with_stops(bench) == 1
    assert set(bench.kept.records) == bench.expected()
    for key in bad:
        assert bench.kept.records[key]["note"] == _UNAVAILABLE
    # Later runs ask for them, and come to their end with what is new.
    new = bench.store.add(kinds.TEXT).id
    bench.sync()
    assert bench.kept.records[new]["contentText"]
    assert sorted(bench.position["later"]) == sorted(bad)
    assert bench.sync() == []


def test_more_bad_files_than_can_wait_block_no_others_and_come_in_the_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=4, config={"drive_page_size": 100})
    bad = _texts(bench, 25)
    errors: dict[str, ConnectorError] = dict.fromkeys(bad, TransientError("out of reach"))
    _failing(monkeypatch, "download", errors)
    _sync_with_stops(bench)
    assert set(bench.kept.records) == bench.expected()
    assert len(bench.position["later"]) == 20
    assert bench.sync() == []
    errors.clear()
    bench.sync()
    bench.expect_in_sync()
    assert bench.position["later"] == []
    bench.sync()
    assert bench.calls() == {"changes.list": 1}


def test_a_download_quota_of_files_is_no_outage(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=4)
    bad = _texts(bench, 4)
    _failing(monkeypatch, "download", dict.fromkeys(bad, _refusal("downloadQuotaExceeded")))
    assert _sync_with_stops(bench) == 0
    assert set(bench.kept.records) == bench.expected()
    assert sorted(bench.position["later"]) == sorted(bad)


@pytest.mark.parametrize(
    "error", [TransientError("out of reach"), _refusal("insufficientFilePermissions")]
)
def test_a_waiting_file_whose_metadata_fail_goes_on_waiting(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: ConnectorError
) -> None:
    bench = start(items=12)
    bad, other = _texts(bench, 2)
    _failing(monkeypatch, "download", {bad: TransientError("out of reach")})
    bench.sync(cut_after=3)
    assert bench.position["later"] == [bad]
    _failing(monkeypatch, "file", {bad: error})
    bench.store.rename(other, "New.txt")
    bench.sync()
    assert bench.position["later"] == [bad]
    assert set(bench.kept.records) == bench.expected()
    assert bench.kept.records[other]["name"] == "New.txt"


@pytest.mark.parametrize(
    "error", [TransientError("out of reach"), _refusal("insufficientFilePermissions")]
)
def test_files_that_cannot_be_asked_for_do_not_hinder_comparing(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: ConnectorError
) -> None:
    bench = start(items=12)
    files = sorted(_texts(bench, 5))
    bench.sync()
    _failing(monkeypatch, "file", dict.fromkeys(files[:3], error))
    for key in files:
        bench.store.remove(key)
    bench.holding.lose_feed()
    _sync_with_stops(bench)
    assert set(bench.kept.records) == {*bench.expected(), *files[:3]}
    assert bench.sync() == []


def test_a_403_of_an_unknown_reason_is_noted_with_its_file(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=12)
    (bad,) = _texts(bench, 1)
    _failing(monkeypatch, "download", {bad: _refusal("newlyInvented")})
    bench.sync()
    assert bench.kept.records[bad]["note"] == "refused by Google"
    assert set(bench.kept.records) == bench.expected()


@pytest.mark.parametrize("reason", ["insufficientPermissions", "accessNotConfigured"])
def test_a_missing_scope_or_api_ends_the_run(
    start: Start, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    bench = start(items=12)
    (bad,) = _texts(bench, 1)
    error = _refusal(reason)
    assert not isinstance(error, ForbiddenError)
    _failing(monkeypatch, "download", {bad: error})
    with pytest.raises(AccessDeniedError):
        bench.sync()


# A drive that keeps moving


def test_a_file_met_again_unchanged_is_not_said_to_be_delivered(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=4)
    begin = DriveClient.start

    def meanwhile(self: DriveClient) -> str:
        token = begin(self)
        bench.store.add(kinds.TEXT)
        return token

    monkeypatch.setattr(DriveClient, "start", meanwhile)
    for batch in bench.sync():
        delivered = {record["sourceId"] for record in batch.records}
        assert set(batch.listed) == delivered | {failed.source_id for failed in batch.failed}
    bench.expect_in_sync()


def test_files_that_keep_going_do_not_keep_the_listing_from_its_end(start: Start) -> None:
    bench = start(items=40)
    for number in range(60):
        if not bench.sync(cut_after=1):
            break
        if number % 4 == 3:
            # One that was never kept, and one that was.
            bench.store.remove(bench.store.add(kinds.TEXT).id)
            bench.store.remove(sorted(bench.kept.records)[0])
    assert bench.position["backfill"]["done"]
    bench.sync()
    bench.expect_in_sync()


def test_what_moved_pages_skipped_is_found_without_listing_again(start: Start) -> None:
    bench = start(items=24)
    bench.sync(cut_after=2)
    first = len(bench.kept.records)
    for key in [key for key in bench.holding.expected({}) if key in bench.kept.records][:4]:
        bench.store.remove(key)
    bench.sync()
    bench.expect_in_sync()
    assert first >= 4
    # The pages that are left, and the ids once.
    assert bench.calls()["files.list"] <= 6


def test_the_going_of_files_that_were_never_kept_moves_nothing(start: Start) -> None:
    bench = start(items=24)
    binned = next(entry.id for entry in bench.store.entries() if entry.trashed)
    bench.sync(cut_after=2)
    bench.store.star(binned)
    bench.sync(cut_after=1)
    assert not bench.position["backfill"]["shifted"]
    assert not bench.position["compare"]


def test_comparing_goes_on_where_it_was_cut(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = start(items=10, config={"drive_page_size": 100})
    _texts(bench, 120)
    bench.sync()
    # Nothing is listed of what is there, so that each file has to be asked for.
    monkeypatch.setattr(DriveClient, "ids", lambda self, page, *, everything: {"files": []})
    bench.holding.lose_feed()
    asked = []
    while bench.sync(cut_after=1):
        asked.append(bench.calls().get("files.get", 0))
    bench.expect_in_sync()
    assert sum(asked) == 130
    assert max(asked) == 50


def test_a_changes_token_that_is_always_refused_ends_the_run(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(items=8)
    bench.sync()
    monkeypatch.setattr(DriveClient, "start", lambda self: "1")
    bench.position["changes"] = "1"
    with pytest.raises(TransientError, match="changes"):
        bench.sync()


# Folders, of which alone Google may tell


@pytest.mark.parametrize("how", ["trash", "remove"])
def test_files_of_a_folder_that_goes_are_gone_too(start: Start, how: str) -> None:
    bench = start(items=8)
    folder, files = bench.store.add_filled_folder(4)
    bench.sync()
    assert {file.id for file in files} <= set(bench.kept.records)
    getattr(bench.store, how)(folder.id)
    bench.sync()
    bench.expect_in_sync()
    assert not {file.id for file in files} & set(bench.kept.records)
    bench.sync()
    assert bench.calls() == {"changes.list": 1}


def test_files_of_a_folder_that_is_back_from_the_trash_are_back_too(start: Start) -> None:
    bench = start(items=8)
    folder, files = bench.store.add_filled_folder(4)
    bench.store.trash(folder.id)
    bench.sync()
    assert not {file.id for file in files} & set(bench.kept.records)
    bench.store.trash(folder.id, trashed=False)
    bench.sync()
    bench.expect_in_sync()
    assert {file.id for file in files} <= set(bench.kept.records)


def test_files_of_others_are_not_asked_for_each_time_a_folder_changes(start: Start) -> None:
    bench = start(items=12)
    bench.options = {"files": "all"}
    bench.sync()
    bench.options = {"files": "own"}
    bench.sync()
    kept = set(bench.kept.records)
    bench.store.add_folder()
    bench.sync()
    assert bench.calls() == {"changes.list": 1, "files.list": 2}
    assert set(bench.kept.records) == kept
