"""Lists of chats, pages of history, and single messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.telegram.content import text_of
from tests.sandbox.telegram.conftest import Stage

Make = Callable[..., Stage]
ALL = {"groupTypes": "private,basic,secret,supergroup"}


def error(code: int, message: str) -> dict[str, Any]:
    return {"@type": "error", "code": code, "message": message}


def test_chats_are_loaded_in_portions_until_there_are_no_more(stage: Make) -> None:
    made = stage()
    for _ in range(40):
        made.store.add_chat("private", 2)
    td = made.signed_in()
    portions = []
    while td.send("loadChats", limit=100) == {"@type": "ok"}:
        portions.append(len(td.told("updateNewChat")))
    assert td.send("loadChats", limit=100) == error(404, "Not Found")
    assert portions == [20, 20, 6]
    archive = {"@type": "chatListArchive"}
    assert td.send("loadChats", chat_list=archive, limit=1) == {"@type": "ok"}
    assert td.send("loadChats", chat_list=archive, limit=1)["code"] == 404


def test_lists_are_sorted_by_order_and_the_archive_is_one_of_its_own(stage: Make) -> None:
    td = stage().signed_in()
    td.load()
    told = {u["chat_id"]: u["positions"][0] for u in td.told("updateChatLastMessage")}
    for name, count in (("chatListMain", 6), ("chatListArchive", 1)):
        chat_list = {"@type": name}
        found = td.send("getChats", chat_list=chat_list, limit=100)
        assert found["total_count"] == len(found["chat_ids"]) == count
        orders = [int(told[chat]["order"]) for chat in found["chat_ids"]]
        assert orders == sorted(orders, reverse=True)
        assert all(told[chat]["list"] == chat_list for chat in found["chat_ids"])
    folder = {"@type": "chatListFolder", "chat_folder_id": 1}
    assert td.send("loadChats", chat_list=folder, limit=1)["code"] == 400
    assert td.send("loadChats", limit=0) == error(400, "Parameter limit must be positive")


def test_who_and_what_is_told_before_it_is_named(stage: Make) -> None:
    td = stage().signed_in()
    td.load()
    users, groups = set(), set()
    for update in td.told():
        match update["@type"]:
            case "updateUser":
                users.add(update["user"]["id"])
            case "updateBasicGroup":
                groups.add(update["basic_group"]["id"])
            case "updateSupergroup":
                groups.add(update["supergroup"]["id"])
            case "updateNewChat":
                kind = update["chat"]["type"]
                peers = {v for k, v in kind.items() if k.endswith("_id")}
                assert peers <= users | groups
                assert update["chat"]["positions"] == []
            case "updateChatLastMessage":
                sender = update["last_message"]["sender_id"]
                assert sender.get("user_id", 0) in users | {0}
    kinds = {td.send("getUser", user_id=user)["type"]["@type"] for user in users}
    assert kinds == {"userTypeRegular", "userTypeBot", "userTypeDeleted"}


def test_a_chat_is_unknown_until_it_is_loaded(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    chat = made.store.listed()[0]
    unknown = error(400, "Chat not found")
    assert td.send("getChat", chat_id=chat.id) == unknown
    assert td.send("getChatHistory", chat_id=chat.id, limit=1) == unknown
    assert td.send("getMessage", chat_id=chat.id, message_id=chat.last) == unknown
    assert td.send("getSupergroup", supergroup_id=chat.peer)["code"] == 400
    assert td.send("getUser", user_id=1) == error(400, "User not found")
    td.load()
    shown = td.send("getChat", chat_id=chat.id)
    assert shown["last_message"]["id"] == chat.last
    assert td.send("getSupergroup", supergroup_id=chat.peer)["id"] == chat.peer


def test_the_first_page_is_what_is_known_already_and_then_comes_the_rest(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    chat = made.store.chats[td.load()[0]]
    assert [m["id"] for m in td.page(chat.id)] == [chat.last]
    rest = td.page(chat.id, chat.last or 0)
    assert [m["id"] for m in rest] == list(chat.ids)[:-1][::-1]
    assert [m["id"] for m in td.page(chat.id)] == list(chat.ids)[::-1]
    assert td.page(chat.id, chat.ids[0]) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_paging_by_the_last_id_gives_every_message_once(stage: Make, limit: int) -> None:
    made = stage(items=60)
    td = made.signed_in()
    kept = [f"{chat}:{m['id']}" for chat in td.load() for m in td.history(chat, limit)]
    expected = [i for i in made.holding.expected(ALL) if ":" in i]
    assert sorted(kept) == sorted(expected)
    assert len(set(kept)) == len(kept)


def test_ids_are_unique_in_a_chat_alone_and_of_the_servers(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    ids = [message["id"] for chat in td.load() for message in td.history(chat)]
    assert all(ident % 2**20 == 0 for ident in ids)
    assert len(set(ids)) < len(ids)


def test_an_id_that_is_gone_is_still_a_place(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    td.load()
    chat = max(made.store.listed(), key=lambda chat: len(chat.ids))
    ids = list(chat.ids)
    made.store.delete(chat, [ids[3]])
    assert [m["id"] for m in td.page(chat.id, ids[3])] == ids[:3][::-1]
    assert [m["id"] for m in td.page(chat.id, ids[3], 2, -2)] == [ids[5], ids[4]]
    assert [m["id"] for m in td.page(chat.id, ids[2], 3, -2)] == [ids[4], ids[2], ids[1]]
    # Two of the five would be newer than the newest.
    assert [m["id"] for m in td.page(chat.id, ids[-2], 5, -4)] == ids[-3:][::-1]


def test_a_page_has_fifty_at_most_and_now_and_then_fewer_or_a_null(stage: Make) -> None:
    made = stage(items=0)
    chat = made.store.add_chat("private", 700)
    td = made.signed_in()
    td.load()
    pages: list[list[Any]] = []
    start = 0
    while True:
        answer = td.send("getChatHistory", chat_id=chat.id, from_message_id=start, limit=500)
        if not answer["messages"]:
            break
        pages.append(answer["messages"])
        start = answer["messages"][-1]["id"]
    assert {len(page) for page in pages[1:-1]} == {49, 50}
    assert sum(None in page for page in pages) == 2
    told = td.told("updateDeleteMessages")
    assert len(told) == 3
    assert all(u["from_cache"] and not u["is_permanent"] for u in told)
    assert len(chat.ids) == 700


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 0}, "Parameter limit must be positive"),
        ({"limit": 5, "offset": 1}, "Parameter offset must be non-positive"),
        ({"limit": 200, "offset": -100}, "Parameter offset must be greater than -100"),
        ({"limit": 5, "offset": -6}, "Parameter offset must be greater than or equal to -limit"),
        (
            {"limit": 5, "from_message_id": -1},
            "Invalid value of parameter from_message_id specified",
        ),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    stage: Make, fields: dict[str, int], message: str
) -> None:
    td = stage().signed_in()
    assert td.send("getChatHistory", chat_id=td.load()[0], **fields) == error(400, message)


def test_only_local_gives_what_is_known(stage: Make) -> None:
    td = stage().signed_in()
    chat = td.load()[0]
    first = td.page(chat)[0]["id"]
    wanted = {"chat_id": chat, "from_message_id": first, "limit": 5}
    assert td.send("getChatHistory", **wanted, only_local=True)["messages"] == []
    assert td.send("getChatHistory", **wanted)["messages"]


def test_single_messages_are_found_or_not(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    chat = made.store.chats[td.load()[0]]
    first, second = chat.ids[0], chat.ids[1]
    made.store.delete(chat, [second])
    found = td.send("getMessage", chat_id=chat.id, message_id=first)
    assert (found["id"], found["chat_id"]) == (first, chat.id)
    assert td.send("getMessage", chat_id=chat.id, message_id=second) == error(404, "Not Found")
    several = td.send("getMessages", chat_id=chat.id, message_ids=[first, second])
    assert [m and m["id"] for m in several["messages"]] == [first, None]


def test_messages_are_of_many_kinds_and_of_both_sides(stage: Make) -> None:
    td = stage(items=200).signed_in()
    messages = [m for chat in td.load() for m in td.history(chat)]
    kinds = {m["content"]["@type"] for m in messages}
    assert kinds == {
        "messageText", "messagePhoto", "messageVideo", "messageDocument", "messageVoiceNote",
        "messageSticker", "messagePoll", "messageBasicGroupChatCreate", "messageChatUpgradeFrom",
    }  # fmt: skip
    assert {m["is_outgoing"] for m in messages} == {True, False}
    assert any(m["edit_date"] for m in messages)
    photos = [m["content"] for m in messages if m["content"]["@type"] == "messagePhoto"]
    assert {bool(text_of(content)) for content in photos} == {True, False}


def test_a_message_is_the_same_for_every_client_but_for_its_file_ids(stage: Make) -> None:
    made = stage()
    shown = []
    for _ in range(2):
        td = made.signed_in()
        shown.append([m for chat in td.load() for m in td.history(chat)])
    assert shown[0] != shown[1]
    bare = [[m for m in half if "Photo" not in str(m) and "file" not in str(m)] for half in shown]
    assert bare[0] == bare[1]
    assert len(bare[0]) > 10


def test_an_account_with_a_very_long_chat_costs_nothing_until_it_is_read(stage: Make) -> None:
    made = stage(items=0)
    began = time.perf_counter()
    chats = [made.store.add_chat("basic", 30) for _ in range(59)]
    long = made.store.add_chat("private", 50_000)
    td = made.signed_in()
    assert len(td.load()) == 60
    page = td.page(long.id, td.page(long.id)[0]["id"])
    assert time.perf_counter() - began < 3
    assert len(page) == 50
    assert td.history(chats[0].id)[-1]["id"] == chats[0].ids[0]
    assert len(made.holding.expected({})) == 50_000 + 59 * 30 + 60
    assert long.date(long.ids[0]) < long.date(long.ids[-1])
