"""The Drive handler over the sandbox: what is kept, and what a sync costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.google.drive import DriveDocuments
from sandbox.google import drive_documents as kinds
from sandbox.google.drive_documents import KINDS
from tests.connectors.google.drive_bench import DriveBench, benches

Start = Callable[..., DriveBench]


@pytest.fixture
def start() -> Iterator[Start]:
    with benches() as begin:
        yield begin


def test_a_first_sync_keeps_every_own_file_with_its_text(start: Start) -> None:
    bench = start(items=16)
    bench.sync()
    bench.expect_in_sync()
    said = [e for k in bench.kept.records if (e := bench.store.get(k)) and e.kind.says]
    assert {entry.kind for entry in said} == {kind for kind in KINDS if kind.says}
    for entry in said:
        record = bench.kept.records[entry.id]
        assert all(word in record["contentText"] for word in bench.store.canaries(entry))
        assert "note" not in record


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        (kinds.PICTURE, "unsupported type"),
        (kinds.LOCKED, "download not allowed"),
        (kinds.DAMAGED, "damaged"),
        (kinds.LARGE, "over the size limit"),
        (kinds.ABUSIVE, "marked by Google as malware or abuse"),
        (kinds.LONG, "too large to be exported"),
    ],
)
def test_a_file_without_text_says_why(start: Start, kind: kinds.Kind, note: str) -> None:
    bench = start(items=0)
    entry = bench.store.add(kind)
    bench.sync()
    record = bench.kept.records[entry.id]
    assert record["note"] == note
    assert "contentText" not in record
    bench.expect_in_sync()


@pytest.mark.parametrize("kind", [kinds.PICTURE, kinds.LOCKED, kinds.LARGE])
def test_what_cannot_be_read_is_not_asked_for(start: Start, kind: kinds.Kind) -> None:
    bench = start(items=0)
    bench.store.add(kind)
    bench.sync()
    assert bench.fetched == 0


def test_the_smaller_of_both_limits_holds(start: Start) -> None:
    bench = start(items=0, config={"size_limit": 100})
    entry = bench.store.add(kinds.PDF)
    bench.sync()
    assert bench.kept.records[entry.id]["note"] == "over the size limit"
    wide = start(items=0)
    wide.text_limit = 100
    entry = wide.store.add(kinds.PDF)
    wide.sync()
    assert wide.kept.records[entry.id]["note"] == "over the size limit"


def test_a_raised_limit_brings_the_text_with_the_next_change(start: Start) -> None:
    bench = start(items=0)
    bench.text_limit = 100
    entry = bench.store.add(kinds.TEXT)
    bench.sync()
    bench.text_limit = 1_000_000
    bench.store.star(entry.id)
    bench.sync()
    assert bench.kept.records[entry.id]["contentText"]
    assert "note" not in bench.kept.records[entry.id]


def test_an_idle_sync_costs_one_request(start: Start) -> None:
    bench = start()
    bench.sync()
    assert bench.sync() == []
    assert bench.calls() == {"changes.list": 1}


def test_an_empty_drive_comes_to_rest(start: Start) -> None:
    bench = start(items=0)
    bench.sync()
    assert bench.kept.records == {}
    bench.sync()
    assert bench.calls() == {"changes.list": 1}


@pytest.mark.parametrize("kind", [kinds.PDF, kinds.DOCUMENT, kinds.DAMAGED, kinds.LONG])
def test_a_change_of_metadata_alone_downloads_nothing(start: Start, kind: kinds.Kind) -> None:
    bench = start(items=3)
    entry = bench.store.add(kind)
    bench.sync()
    before = bench.kept.records[entry.id]
    bench.store.star(entry.id)
    bench.sync()
    after = bench.kept.records[entry.id]
    assert bench.fetched == 0
    assert after["sourceData"]["starred"] is True
    assert after.get("contentText") == before.get("contentText")
    assert after.get("note") == before.get("note")


def test_a_new_name_of_a_file_with_bytes_downloads_nothing(start: Start) -> None:
    bench = start(items=3)
    entry = bench.store.add(kinds.DOCX)
    bench.sync()
    bench.store.rename(entry.id, "Novel.docx")
    bench.sync()
    assert bench.fetched == 0
    assert bench.kept.records[entry.id]["name"] == "Novel.docx"
    bench.expect_in_sync()


@pytest.mark.parametrize("kind", [kinds.PDF, kinds.DOCUMENT, kinds.SHEET, kinds.XLSX, kinds.PPTX])
def test_new_content_is_read_again(start: Start, kind: kinds.Kind) -> None:
    bench = start(items=3)
    entry = bench.store.add(kind)
    bench.sync()
    bench.store.rewrite(entry.id)
    bench.sync()
    assert bench.fetched == 1
    bench.expect_in_sync()


def test_what_comes_and_goes_is_followed(start: Start) -> None:
    bench = start()
    bench.sync()
    bench.store.add(kinds.PDF)
    bench.store.remove(bench.file(3).id)
    binned, back = bench.file(5).id, bench.file(7).id
    bench.store.trash(binned)
    bench.store.trash(back)
    bench.store.give(bench.file(9).id)
    bench.store.add(kinds.TEXT, mine=False)
    bench.store.add_folder()
    bench.sync()
    bench.expect_in_sync()
    assert not {binned, back} & set(bench.kept.records)
    bench.store.trash(back, trashed=False)
    bench.sync()
    assert back in bench.kept.records
    bench.expect_in_sync()


def test_pages_that_hold_folders_alone_do_not_end_the_list(start: Start) -> None:
    bench = start(items=8)
    bench.holding.add_noise(20)
    bench.sync()
    bench.expect_in_sync()


def test_changes_of_many_pages_are_all_followed(start: Start) -> None:
    bench = start(items=4)
    bench.sync()
    bench.holding.add(19)
    bench.sync()
    assert bench.calls()["changes.list"] == 4
    bench.expect_in_sync()


def test_files_of_others_come_when_chosen(start: Start) -> None:
    bench = start(items=12)
    bench.sync()
    own = set(bench.kept.records)
    bench.options = {"files": "all"}
    bench.sync()
    bench.expect_in_sync()
    assert bench.fetched == len(bench.kept.records) - len(own) > 0


def test_files_of_others_stay_and_are_followed_when_no_longer_chosen(start: Start) -> None:
    bench = start(items=12)
    bench.options = {"files": "all"}
    bench.sync()
    everything = set(bench.kept.records)
    bench.options = {"files": "own"}
    bench.sync()
    other = next(iter(everything - set(bench.holding.expected({}))))
    assert bench.calls() == {"changes.list": 1}
    bench.store.rewrite(other)
    bench.sync()
    assert set(bench.kept.records) == everything
    assert bench.holding.reflects(bench.kept.records[other])
    bench.holding.lose_feed()
    bench.sync()
    assert set(bench.kept.records) == everything


def test_the_same_file_gives_the_same_record_each_time(start: Start) -> None:
    bench = start(items=8)
    bench.sync()
    first = bench.kept.records
    bench.forget()
    bench.sync()
    assert first == bench.kept.records


def test_accounts_hold_different_files(start: Start) -> None:
    bench = start(accounts=2)
    holdings = [bench.sandbox.world.sides["google"].holdings(n) for n in (0, 1)]
    one, two = (set(held["google-drive-document"].expected({})) for held in holdings)
    assert not one & two


def test_batches_stay_small(start: Start) -> None:
    bench = start(items=60, config={"drive_page_size": 1000})
    batches = bench.sync()
    assert len(batches) > 3
    assert all(len(list(batch.records)) <= 40 for batch in batches)
    bench.expect_in_sync()


def test_it_asks_for_reading_alone() -> None:
    assert DriveDocuments.scopes == {"https://www.googleapis.com/auth/drive.readonly"}
