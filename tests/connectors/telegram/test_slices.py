"""Chats whose own record cannot be kept: they are read once all the same."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.telegram import slices
from tests.connectors.telegram.conftest import Bench, Start
from tests.connectors.telegram.test_chat_message import private
from tests.connectors.telegram.test_comparison import alter


def spoilt(start: Start, count: int) -> tuple[Bench, object]:
    """A large chat whose record cannot be kept, and the bench."""
    bench = start({"page_size": 10, "verify_pages": 0}, items=10)
    chat = bench.store.add_chat("private", count)
    bench.holding.spoil(str(chat.id), "broken")
    return bench, chat


def test_a_chat_whose_record_is_in_quarantine_is_read_once(start: Start) -> None:
    bench, chat = spoilt(start, 400)
    pages: list[int] = []
    for _ in range(60):
        count = bench.sync(cut_after=8)
        pages += [page for page in bench.pages(chat) if page]
        if not count:
            break
    assert len(bench.messages(chat)) == 400
    assert str(chat.id) in bench.kept.failed
    # Each slice reads the page that it was cut in once more.
    assert len(pages) < 2 * len(set(pages))
    bench.sync()
    # The newest page is compared in each sync, as that of any other chat.
    assert len(bench.pages(chat)) <= 2
    assert list(bench.position["aside"]) == [str(chat.id)]


def test_its_mended_record_says_how_far_it_was_read(start: Start) -> None:
    bench, chat = spoilt(start, 40)
    bench.sync()
    bench.holding.spoil(str(chat.id), None)
    failed = bench.kept.failed.pop(str(chat.id))
    record = bench.handler().retry(failed)
    bench.kept.records[record["sourceId"]] = record
    bench.kept._order = None
    bench.sync()
    assert len(bench.pages(chat)) <= 2
    bench.sync()
    assert "aside" not in bench.position
    assert bench.group(chat)["newestId"] == str(chat.last)
    bench.expect_in_sync()


def test_its_messages_are_marked_deleted_with_it(start: Start) -> None:
    bench, chat = spoilt(start, 40)
    bench.sync()
    assert bench.messages(chat)
    bench.store.delete_chat(chat)
    bench.sync()
    assert not bench.messages(chat)
    assert "aside" not in bench.position


def test_a_message_without_a_date_goes_to_quarantine_and_stops_nothing(start: Start) -> None:
    bench = start(items=60)
    chat = private(bench)
    key = f"{chat.id}:{chat.ids[0]}"

    def undate(_: object, found: dict[str, Any]) -> None:
        for message in found.get("messages") or ():
            if message and f"{message['chat_id']}:{message['id']}" == key:
                del message["date"]

    alter(bench, undate)
    bench.sync()
    assert list(bench.kept.failed) == [key]
    assert len(bench.messages(chat)) == len(chat.ids) - 1


def test_what_has_no_place_for_its_progress_does_not_go_round(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_MOST_ASIDE", 0)
    bench, chat = spoilt(start, 400)
    bench.sync()
    assert 0 < len(bench.messages(chat)) < 400
    bench.sync()
    assert len(bench.pages(chat)) <= 2
