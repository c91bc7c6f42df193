"""Chats whose own record cannot be kept: they are read once all the same."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from connectors.telegram import slices
from connectors.telegram.people import People
from tests.connectors.telegram.conftest import Bench, Start
from tests.connectors.telegram.test_chat_message import private
from tests.connectors.telegram.test_comparison import alter
from worker.stopping import StoppedError


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


@pytest.mark.parametrize("error", [redis.ConnectionError("away"), StoppedError("cancelled")])
def test_what_goes_wrong_while_a_name_is_asked_for_is_not_the_messages(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bench = start()
    real, count = People.sender, 0

    def sender(self: People, message: Any) -> Any:
        nonlocal count
        count += 1
        if count == 5:
            raise error
        return real(self, message)

    monkeypatch.setattr(People, "sender", sender)
    with pytest.raises(type(error)):
        bench.sync()
    assert not bench.kept.failed


def test_chats_that_were_left_take_no_place_from_others(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_MOST_ASIDE", 1)
    bench = start({"page_size": 10}, items=10)
    bench.options = {"groupTypes": "private,basic,secret,supergroup"}
    left = bench.store.add_chat("supergroup", 3)
    bench.holding.spoil(str(left.id), "broken")
    bench.sync()
    assert list(bench.position["aside"]) == [str(left.id)]
    bench.store.leave(left)
    chat = bench.store.add_chat("private", 300)
    bench.holding.spoil(str(chat.id), "broken")
    bench.sync()
    bench.sync()
    assert len(bench.messages(chat)) == 300
    assert list(bench.position["aside"]) == [str(chat.id)]


def test_what_has_no_place_for_its_progress_does_not_go_round(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_MOST_ASIDE", 0)
    bench, chat = spoilt(start, 400)
    bench.sync()
    assert 0 < len(bench.messages(chat)) < 400
    bench.sync()
    assert len(bench.pages(chat)) <= 2
