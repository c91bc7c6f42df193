"""The handler over the sandbox: what is kept of chats and messages, and how it stays up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.sdk.errors import RateLimitedError, TokenExpiredError
from connectors.telegram import slices
from sandbox.faults import Fault
from tests.connectors.telegram.conftest import Start

TD = "^/telegram/td/send"


def private(bench: Any) -> Any:
    """A private chat in the main list."""
    return next(c for c in bench.store.listed(archived=False) if c.kind == "private")


def basic(bench: Any) -> Any:
    return next(c for c in bench.store.listed() if c.kind == "basic")


def test_messages_and_chats_say_what_telegram_says(start: Start) -> None:
    bench = start()
    bench.sync()
    bench.expect_in_sync()
    chat = private(bench)
    for record in bench.messages(chat):
        assert record["groupId"] == bench.group(chat)["_id"]
        assert record["groupName"] == bench.group(chat)["name"] == chat.title
        assert record["_id"] == f"telegram:{bench.me.id}:{record['sourceId']}"
        outgoing = record["sourceData"]["is_outgoing"]
        assert record["type"] == ("send" if outgoing else "receive")
        assert record["fromId"] == (bench.me.id if outgoing else str(chat.peer))
        assert record["fromName"] == (bench.store.me.title if outgoing else chat.title)
    handle = f"@{bench.store.me.username}"
    assert {r.get("fromHandle") for r in bench.messages(chat) if r["type"] == "send"} == {handle}


def test_an_id_that_two_chats_have_makes_two_records(start: Start) -> None:
    bench = start()
    bench.options = {"groupTypes": "private,basic,secret,supergroup"}
    one, two = (bench.store.add_chat("supergroup", 3) for _ in range(2))
    assert list(one.ids) == list(two.ids)
    bench.sync()
    bench.expect_in_sync()
    assert len({record["_id"] for record in bench.messages(one) + bench.messages(two)}) == 6


def test_an_archived_chat_without_a_title_is_kept(start: Start) -> None:
    bench = start()
    bench.sync()
    (chat,) = bench.store.listed(archived=True)
    assert not chat.title
    assert bench.group(chat)["name"] == "Deleted account"
    assert len(bench.messages(chat)) == len(chat.ids) > 0


def test_a_chat_with_pictures_alone_is_read_to_its_end(start: Start) -> None:
    bench = start({"page_size": 10})
    chat = bench.store.add_chat("private", 130, album=True)
    bench.sync()
    found = bench.messages(chat)
    assert len(found) == 130
    contents = [(record["messageText"], record["sourceData"]["content"]) for record in found]
    plain = {text for text, content in contents if not content.get("caption", {}).get("text")}
    assert {"photo", "video", "voice note"} <= plain


def test_a_sender_is_looked_up_once(start: Start) -> None:
    bench = start()
    chat = bench.store.add_chat("basic", 300)
    bench.sync()
    names = {record["fromName"] for record in bench.messages(chat)}
    assert len(names) == 3
    asked = [r["user_id"] for r in bench.transport.requests if r["@type"] == "getUser"]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("types", "kinds"),
    [
        ("private", {"private"}),
        ("private,basic", {"private", "basic"}),
        ("private,basic,secret", {"private", "basic"}),
        ("private,basic,secret,supergroup", {"private", "basic", "supergroup", "channel"}),
    ],
)
def test_group_types_chooses_the_chats(start: Start, types: str, kinds: set[str]) -> None:
    bench = start()
    bench.options = {"groupTypes": types}
    bench.sync()
    bench.expect_in_sync()
    wanted = {str(chat.id) for chat in bench.store.listed() if chat.kind in kinds}
    assert {key.partition(":")[0] for key in bench.kept.records} == wanted


def test_backdate_leaves_out_what_is_older_and_widening_fetches_it_alone(start: Start) -> None:
    bench = start(items=400)
    bench.options = {"backdate": "1"}
    bench.sync()
    bench.expect_in_sync()
    before = set(bench.kept.records)
    assert 0 < len(before) < 300
    bench.options = {"backdate": "all"}
    bench.sync()
    bench.expect_in_sync()
    assert not before & {key for key in bench.kept.written if ":" in key}


def test_narrowing_forgets_nothing(start: Start) -> None:
    bench = start(items=300)
    bench.sync()
    before = set(bench.kept.records)
    bench.options = {"backdate": "1", "groupTypes": "private"}
    bench.sync()
    assert set(bench.kept.records) == before


def test_a_second_sync_writes_nothing_and_asks_little(start: Start) -> None:
    bench = start()
    bench.sync()
    position = bench.position
    assert bench.sync() == 0
    assert bench.position == position
    assert sum(bench.transport.counts().values()) <= bench.holding.idle_requests()


def test_edits_and_deletions_while_nothing_ran_are_seen(start: Start) -> None:
    bench = start(items=60)
    bench.sync()
    chat = private(bench)
    ids = list(chat.ids)
    bench.store.delete(chat, [ids[0], ids[len(ids) // 2], ids[-1]])
    for ident in (ids[1], ids[-2]):
        bench.store.edit(chat, ident)
    bench.store.rename(basic(bench))
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.kept.deleted) == 3
    edited = bench.kept.records[f"{chat.id}:{ids[1]}"]
    if edited["sourceData"]["edit_date"]:
        assert "modifiedAt" in edited


def test_edits_and_deletions_while_it_runs_are_seen(start: Start) -> None:
    bench = start({"page_size": 10, "verify_pages": 0}, items=60)
    chat = private(bench)
    ids = list(chat.ids)

    def change(count: int) -> None:
        if count == 5:
            assert f"{chat.id}:{ids[-1]}" in bench.kept.records
            bench.store.edit(chat, ids[-1])
            bench.store.delete(chat, [ids[-2]])
            bench.store.add(chat)

    bench.sync(meanwhile=change)
    bench.expect_in_sync()
    assert bench.kept.deleted == [f"{chat.id}:{ids[-2]}"]


def test_what_tdlib_drops_from_its_memory_is_not_deleted(start: Start) -> None:
    bench = start({"page_size": 5}, items=200)
    told: list[dict[str, Any]] = []
    receive = bench.transport.send

    def listening(*given: Any, **more: Any) -> Any:
        answer = receive(*given, **more)
        told.extend(answer.json().get("objects", ()))
        return answer

    bench.transport.send = listening  # type: ignore[method-assign]
    bench.sync()
    dropped = [o for o in told if o["@type"] == "updateDeleteMessages" and o["from_cache"]]
    assert dropped, "the sandbox has not told of any"
    assert not bench.kept.deleted
    bench.expect_in_sync()


def test_the_end_of_what_was_read_may_be_deleted(start: Start) -> None:
    bench = start({"page_size": 10})
    chat = bench.store.add_chat("private", 200)
    other = basic(bench)
    bench.sync(cut_after=6)
    read = bench.messages(chat)
    assert 0 < len(read) < 200
    oldest, newest = read[0]["sourceData"]["id"], read[-1]["sourceData"]["id"]
    bench.store.delete(chat, [oldest, newest])
    bench.sync()
    assert set(bench.kept.deleted) >= {f"{chat.id}:{newest}"}
    bench.sync()
    bench.expect_in_sync()
    # What had been read is not read again but to compare it.
    assert len(bench.messages(other)) == len(other.ids)


def test_many_new_messages_after_a_cut_leave_no_hole(start: Start) -> None:
    bench = start({"page_size": 10})
    chat = private(bench)
    bench.sync()
    bench.store.add(chat, 45)
    bench.sync(cut_after=1)
    head = bench.group(chat)["syncData"]
    assert '"head"' in head, "the cut came too late to make a gap"
    bench.store.add(chat, 45)
    bench.sync(cut_after=2)
    bench.store.add(chat, 5)
    bench.sync()
    bench.expect_in_sync()
    assert '"head"' not in bench.group(chat)["syncData"]


def test_a_history_that_is_cleared_is_marked_deleted(start: Start) -> None:
    bench = start()
    bench.sync()
    chat = private(bench)
    gone = {f"{chat.id}:{ident}" for ident in chat.ids}
    bench.store.clear_history(chat)
    bench.sync()
    bench.expect_in_sync()
    assert set(bench.kept.deleted) == gone
    bench.store.add(chat, 3)
    bench.sync()
    bench.expect_in_sync()
    assert len(bench.messages(chat)) == 3


def test_a_chat_that_is_deleted_takes_its_messages_along(start: Start) -> None:
    bench = start({"page_size": 5})
    bench.sync()
    chats = [private(bench), basic(bench)]
    for chat in chats:
        bench.store.delete_chat(chat)
    # Cut in the middle, the rest is seen to by the next.
    bench.sync(cut_after=1)
    bench.sync()
    bench.expect_in_sync()
    assert {key.partition(":")[0] for key in bench.kept.deleted} == {str(c.id) for c in chats}


def test_a_large_group_that_was_left_stays_kept(start: Start) -> None:
    bench = start()
    bench.options = {"groupTypes": "private,basic,secret,supergroup"}
    chat = bench.store.add_chat("supergroup", 7)
    bench.sync()
    bench.store.leave(chat)
    bench.sync()
    assert len(bench.messages(chat)) == 7
    assert not bench.kept.deleted


def test_a_small_group_that_was_left_keeps_what_was_written(start: Start) -> None:
    bench = start()
    chat = basic(bench)
    bench.sync()
    bench.store.leave(chat)
    bench.sync()
    bench.expect_in_sync()
    assert not bench.kept.deleted


def test_a_long_wait_ends_the_slice_and_nothing_is_sent_before_its_end(start: Start) -> None:
    bench = start({"page_size": 5})
    bench.sandbox.world.faults.add(Fault("429-seconds", path=TD, skip=14, retry_after=600))
    with pytest.raises(RateLimitedError) as wait:
        bench.sync()
    assert wait.value.retry_after == 600
    # The client was closed all the same: a session may not stay open.
    assert bench.transport.counts()["close"] == 1
    with pytest.raises(RateLimitedError):
        bench.sync()
    assert not bench.transport.requests
    bench.make_api()
    bench.sync()
    bench.expect_in_sync()


def test_a_short_wait_is_waited_for(start: Start) -> None:
    bench = start()
    bench.sandbox.world.faults.add(Fault("429-seconds", path=TD, skip=12, retry_after=1))
    bench.sync()
    bench.expect_in_sync()
    assert bench.api.stats.refused == 1


def test_each_slice_opens_the_session_once_and_closes_it(start: Start) -> None:
    bench = start({"page_size": 5}, items=60)
    for _ in range(3):
        bench.sync(cut_after=2)
        counts = bench.transport.counts()
        assert (counts["setTdlibParameters"], counts["close"]) == (1, 1)
    assert not bench.side.network.duplicates


def test_a_session_that_was_ended_asks_to_connect_again(start: Start) -> None:
    bench = start()
    bench.sandbox.world.tokens.revoke_refresh()
    held = bench.held.token
    with pytest.raises(TokenExpiredError, match="connect the account again"):
        bench.sync()
    # TDLib has closed the client itself, and has nothing left that could be kept.
    assert not bench.transport.counts()["close"]
    assert bench.held.token == held


def test_nothing_that_shows_the_person_as_reading_is_ever_sent(start: Start) -> None:
    bench = start()
    bench.sync()
    sent = bench.transport.counts()
    assert not {"viewMessages", "openChat", "readChatList", "sendMessage"} & set(sent)
    options = {r["name"]: r["value"]["value"] for r in bench.transport.requests if "name" in r}
    assert options == {"online": False, "ignore_background_updates": True}


def test_a_large_account_is_compared_bit_by_bit(start: Start) -> None:
    bench = start({"page_size": 10, "verify_pages": 4}, items=10)
    chat = bench.store.add_chat("private", 120)
    bench.sync()
    victims = [chat.ids[5], chat.ids[60], chat.ids[110]]
    bench.store.delete(chat, victims)
    places = []
    for _ in range(12):
        bench.sync()
        # A sync that was cut right at its end is not to begin another.
        bench.sync()
        assert bench.transport.counts()["getChatHistory"] <= 3 * len(bench.store.listed())
        bench.later += timedelta(hours=1)
        places.append(bench.position.get("place"))
        if len(bench.kept.deleted) == 3:
            break
    bench.expect_in_sync()
    assert len(places) > 2
    assert len({str(place) for place in places}) == len(places)


def test_after_a_reset_everything_is_compared_once(start: Start) -> None:
    bench = start({"page_size": 10, "verify_pages": 1}, items=10)
    chat = bench.store.add_chat("private", 120)
    bench.sync()
    bench.store.delete(chat, [chat.ids[5], chat.ids[60]])
    bench.position = {}
    bench.sync()
    bench.expect_in_sync()


def test_a_reset_that_is_cut_still_compares_everything(start: Start) -> None:
    bench = start({"page_size": 10, "verify_pages": 1}, items=10)
    chat, other = (bench.store.add_chat("private", count) for count in (120, 40))
    bench.sync()
    bench.store.delete(chat, [chat.ids[5], chat.ids[60]])
    bench.store.delete_chat(other)
    bench.position = {}
    bench.sync(cut_after=1)
    assert "left" not in bench.position
    while bench.sync(cut_after=1):
        pass
    bench.expect_in_sync()


def test_where_nothing_changed_there_is_a_batch_now_and_then_all_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start({"page_size": 10, "verify_pages": 100}, items=10)
    bench.store.add_chat("private", 900)
    bench.sync()
    bench.kept.written.clear()
    monkeypatch.setattr(slices, "QUIET", 0.1)
    # So the engine may stop it, and it goes on where it was.
    assert bench.sync(cut_after=2) == 2
    assert 0 < bench.position["left"] < 100
    assert bench.position["place"]
    left = bench.position["left"]
    bench.sync()
    assert bench.transport.counts()["getChatHistory"] <= left + 5
    assert not bench.kept.written
    bench.expect_in_sync()
