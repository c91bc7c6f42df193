"""What was edited or deleted, in which chats, and what must not be taken for a deletion."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from connectors.sdk.errors import GoneError, RateLimitedError
from connectors.sdk.records import Failed
from connectors.telegram import slices
from connectors.telegram.errors import UnreadableError
from sandbox.faults import Fault
from tests.connectors.telegram.conftest import Bench, Start
from tests.connectors.telegram.test_chat_message import TD, basic, private

ALL_KINDS = {"groupTypes": "private,basic,secret,supergroup"}


def alter(bench: Bench, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Let `change` alter what TDLib sends; it is given the request and each object."""
    real = bench.transport.send

    def send(method: str, url: str, **given: Any) -> Any:
        answer = real(method, url, **given)
        body, sent = json.loads(given["data"]), answer.json()
        for found in sent.get("objects", ()):
            change(body.get("request") or {}, found)
        return dataclasses.replace(answer, content=json.dumps(sent).encode())

    bench.transport.send = send  # type: ignore[method-assign]


def test_many_deletions_are_dealt_with_batch_by_batch(start: Start) -> None:
    bench = start({"page_size": 100}, items=10)
    chat = bench.store.add_chat("private", 3000)
    bench.sync()
    bench.store.delete(chat, list(chat.ids)[:2900])
    bench.later += timedelta(hours=1)
    sizes: list[int] = []
    keep = bench.kept.keep
    bench.kept.keep = lambda batch: (sizes.append(len(list(batch.deleted))), keep(batch))  # type: ignore[method-assign,assignment,return-value]
    bench.sync()
    bench.expect_in_sync()
    assert sum(sizes) == 2900
    assert max(sizes) <= 200


def test_many_deletions_are_gone_through_though_each_slice_is_told_to_wait(start: Start) -> None:
    bench = start({"page_size": 100}, items=10)
    chat = bench.store.add_chat("private", 3000)
    bench.sync()
    bench.store.delete(chat, list(chat.ids)[:2900])
    rounds = 0
    while len(bench.kept.deleted) < 2900:
        rounds += 1
        assert rounds < 10
        bench.sandbox.world.faults.add(Fault("429-seconds", path=TD, skip=40, retry_after=600))
        bench.later += timedelta(hours=1)
        bench.make_api()
        with suppress(RateLimitedError):
            bench.sync()
    assert rounds > 1


def test_every_chat_has_its_turn_though_each_slice_is_told_to_wait(start: Start) -> None:
    """Looks that find nothing new fill no batch."""
    bench = start()
    for _ in range(60):
        bench.store.add_chat("private", 3)
    bench.sync()
    chats = sorted(bench.store.listed(), key=lambda chat: str(chat.id))
    chats = [chat for chat in chats if chat.kind in ("private", "basic")]
    for chat in chats:
        bench.store.add(chat)
    bench.sync()
    bench.store.add(chats[-1])
    for _ in range(8):
        bench.sandbox.world.faults.add(Fault("429-seconds", path=TD, skip=70, retry_after=600))
        bench.later += timedelta(minutes=10)
        bench.make_api()
        with suppress(RateLimitedError):
            bench.sync()
    assert f"{chats[-1].id}:{chats[-1].last}" in bench.kept.records


def test_what_is_in_quarantine_of_a_deleted_chat_is_gone_with_it(start: Start) -> None:
    bench = start(items=40)
    chat, group, upgraded = private(bench), basic(bench), bench.store.add_chat("basic", 3)
    bench.sync()
    failed = [Failed(f"{c.id}:{c.ids[0]}", {"x": 1}, "odd") for c in (chat, group, upgraded)]
    failed.append(Failed(str(chat.id), {"x": 1}, "odd"))
    bench.store.delete_chat(chat)
    bench.store.delete_chat(group)
    bench.store.upgrade(upgraded)
    handler = bench.handler()
    with handler.retrying():
        for one in (failed[0], failed[1], failed[3]):
            with pytest.raises(GoneError):
                handler.retry(one)
        # What was upgraded can be read on.
        assert handler.retry(failed[2])["sourceId"] == failed[2].source_id


def test_what_is_in_quarantine_of_a_group_that_was_left_stays(start: Start) -> None:
    bench = start()
    bench.options = ALL_KINDS
    chat = bench.store.add_chat("supergroup", 3)
    bench.sync()
    bench.store.leave(chat)
    with pytest.raises(UnreadableError):
        bench.handler().retry(Failed(f"{chat.id}:{chat.ids[0]}", {"x": 1}, "odd"))


def test_a_cut_sync_compares_the_newest_pages_of_the_chats_that_it_had_not_come_to(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start({"page_size": 20, "verify_pages": 0}, items=60)
    bench.sync()
    chats = sorted(
        (c for c in bench.store.listed() if c.kind in ("private", "basic")),
        key=lambda chat: str(chat.id),
    )
    for chat in chats:
        bench.store.add(chat, 3)
    bench.sync()
    last = chats[-1]
    bench.store.delete(last, [list(last.ids)[-2]])
    bench.later += timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(slices, "QUIET", 0.0)
        bench.sync(cut_after=3)
    assert not bench.kept.deleted
    bench.sync()
    assert len(bench.kept.deleted) == 1


def test_a_page_that_is_empty_for_a_moment_is_no_cleared_history(start: Start) -> None:
    bench = start({"page_size": 5}, items=60)
    bench.sync()
    chat = private(bench)
    asked: list[str] = []

    def hide(request: dict[str, Any], found: dict[str, Any]) -> None:
        """The newest message is not known, and no page has any, twice."""
        if found["@type"] == "updateChatLastMessage" and found["chat_id"] == chat.id:
            found.pop("last_message", None)
        if found["@type"] == "chat" and found["id"] == chat.id:
            found.pop("last_message", None)
        if found["@type"] == "messages" and request.get("chat_id") == chat.id and len(asked) < 2:
            asked.append(request["@type"])
            found["messages"] = []

    alter(bench, hide)
    bench.sync()
    assert asked == ["getChatHistory"] * 2
    assert not bench.kept.deleted


def test_a_chat_that_moves_between_the_lists_is_not_deleted(start: Start) -> None:
    bench = start(items=60)
    bench.sync()
    (chat,) = bench.store.listed(archived=True)
    assert chat.kind == "private"
    told: list[str] = []

    def move(request: dict[str, Any], found: dict[str, Any]) -> None:
        if request.get("@type") == "getChats" and found["@type"] == "chats":
            told.append(request["chat_list"]["@type"])
            chat.archived = False

    alter(bench, move)
    bench.sync()
    assert told == ["chatListMain", "chatListArchive", "chatListMain"]
    assert not bench.kept.deleted
    bench.expect_in_sync()


def test_a_group_that_is_upgraded_goes_on_in_the_new_chat(start: Start) -> None:
    bench = start()
    bench.options = ALL_KINDS
    chat = basic(bench)
    bench.sync()
    before = {record["_id"] for record in bench.messages(chat)}
    bench.store.add(chat, 5)
    new = bench.store.upgrade(chat)
    bench.store.add(new, 4)
    bench.sync()
    after = bench.messages(chat)
    # What was written until then, and that it was upgraded.
    assert len(after) == len(before) + 6
    assert before < {record["_id"] for record in after}
    assert not bench.kept.deleted
    assert len(bench.messages(new)) == 5
    assert bench.messages(new)[0]["messageText"] == f"group upgraded: {chat.title}"
    bench.sync()
    # It is read to its end: nothing more is asked of it.
    assert not bench.pages(chat)
    assert not bench.transport.counts()["getBasicGroup"]


def test_a_large_upgraded_group_is_read_to_its_end_over_many_slices(start: Start) -> None:
    bench = start({"page_size": 10}, items=10)
    chat = bench.store.add_chat("basic", 300)
    bench.sync(cut_after=3)
    assert 0 < len(bench.messages(chat)) < 200
    bench.store.upgrade(chat)
    for _ in range(60):
        if not bench.sync(cut_after=5):
            break
    assert len(bench.messages(chat)) == 301
    assert not bench.kept.deleted
