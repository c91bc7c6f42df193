"""What happens in an account, as live clients and later ones see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.telegram.chats import Chat
from tests.sandbox.telegram.conftest import Stage, Td

Make = Callable[..., Stage]


def live(made: Stage) -> Td:
    td = made.signed_in()
    td.load()
    td.told()
    return td


def chat_of(made: Stage, kind: str) -> Chat:
    found = (chat for chat in made.store.listed() if chat.kind == kind)
    return max(found, key=lambda chat: len(chat.ids))


def kinds(updates: list[dict[str, Any]]) -> list[str]:
    return [update["@type"] for update in updates]


def test_a_new_message_is_told_at_once(stage: Make) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, "private")
    message = made.store.add(chat)[0]
    told = td.receive(5)
    assert kinds(told) == ["updateNewMessage", "updateChatLastMessage"]
    assert told[0]["message"]["id"] == told[1]["last_message"]["id"] == message.id
    assert message.id == chat.last == max(chat.ids)


def test_a_new_message_in_an_unknown_chat_brings_the_chat(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    made.store.add(chat_of(made, "basic"))
    told = kinds(td.receive())
    assert told.index("updateNewChat") < told.index("updateNewMessage")


def test_an_edit_is_told_of_messages_that_the_client_has(stage: Make) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, "private")
    unseen, seen = chat.ids[0], chat.last
    assert seen is not None
    made.store.edit(chat, unseen)
    assert td.receive() == []
    made.store.edit(chat, seen)
    told = td.receive()
    assert kinds(told) == ["updateMessageContent", "updateMessageEdited"]
    now = td.send("getMessage", chat_id=chat.id, message_id=seen)
    assert now["content"] == told[0]["new_content"]
    assert now["edit_date"] == told[1]["edit_date"] > now["date"]


@pytest.mark.parametrize("kind", ["private", "supergroup"])
def test_a_deletion_is_told_of_known_messages_or_in_a_known_supergroup(
    stage: Make, kind: str
) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, kind)
    unseen, seen = chat.ids[0], chat.last
    assert seen is not None
    made.store.delete(chat, [unseen])
    assert bool(td.receive()) == (kind == "supergroup")
    made.store.delete(chat, [seen])
    told = td.receive()
    assert (kinds(told)[0], kinds(told)[-1]) == ("updateDeleteMessages", "updateChatLastMessage")
    assert told[0]["message_ids"] == [seen]
    assert told[0]["is_permanent"]
    assert not told[0]["from_cache"]


def test_numbers_of_deleted_messages_never_come_again(stage: Make) -> None:
    made = stage(items=5)
    for kind in ("private", "channel"):
        chat = chat_of(made, kind)
        newest = chat.last
        assert newest is not None
        made.store.delete(chat, [newest])
        assert made.store.add(chat)[0].id > newest


def test_an_upgraded_group_leaves_the_list_and_a_supergroup_takes_its_place(stage: Make) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, "basic")
    before = len(chat.ids)
    new = made.store.upgrade(chat)
    told = td.receive()
    group = next(u["basic_group"] for u in told if u["@type"] == "updateBasicGroup")
    assert (group["is_active"], group["upgraded_to_supergroup_id"]) == (False, new.peer)
    old = td.history(chat.id)
    assert len(old) == before + 1
    assert old[0]["content"] == {"@type": "messageChatUpgradeTo", "supergroup_id": new.peer}
    first = td.history(new.id)[-1]["content"]
    assert (first["@type"], first["basic_group_id"]) == ("messageChatUpgradeFrom", chat.peer)

    late = live(made)
    assert late.send("getChat", chat_id=chat.id)["message"] == "Chat not found"
    found = late.send("getBasicGroup", basic_group_id=chat.peer)
    assert found["upgraded_to_supergroup_id"] == new.peer
    assert late.send("getChat", chat_id=new.id)["title"] == chat.title
    assert not any(i.startswith(str(chat.id)) for i in made.holding.expected({}))


def test_a_chat_that_was_deleted_is_gone_for_later_clients(stage: Make) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, "basic")
    last = chat.last
    made.store.delete_chat(chat)
    told = td.receive()
    assert told[0]["message_ids"] == [last]
    assert told[-1]["@type"] == "updateChatRemovedFromList"
    assert td.page(chat.id) == []
    late = live(made)
    assert late.send("getChat", chat_id=chat.id)["message"] == "Chat not found"
    found = late.send("getBasicGroup", basic_group_id=chat.peer)
    assert (found["is_active"], found["upgraded_to_supergroup_id"]) == (True, 0)
    assert found["status"] == {"@type": "chatMemberStatusLeft"}


def test_a_basic_group_that_was_left_can_be_read_and_a_supergroup_cannot(stage: Make) -> None:
    made = stage()
    basic, large = chat_of(made, "basic"), chat_of(made, "supergroup")
    td = live(made)
    for chat in (basic, large):
        made.store.leave(chat)
    assert td.history(basic.id)[0]["content"]["@type"] == "messageChatDeleteMember"
    answer = td.send("getChatHistory", chat_id=large.id, limit=1)
    assert answer["message"] == "Can't access the chat"
    late = made.signed_in()
    assert set(late.load()).isdisjoint({large.id})
    assert basic.id in late.load()


def test_a_history_that_was_cleared_leaves_the_chat(stage: Make) -> None:
    made = stage()
    chat = chat_of(made, "private")
    made.store.clear_history(chat)
    td = made.signed_in()
    assert chat.id in td.load()
    assert "last_message" not in td.send("getChat", chat_id=chat.id)
    assert td.page(chat.id) == []
    assert str(chat.id) in made.holding.expected({})


def test_a_new_title_is_told(stage: Make) -> None:
    made = stage()
    td = live(made)
    chat = chat_of(made, "basic")
    made.store.rename(chat)
    assert td.receive() == [{"@type": "updateChatTitle", "chat_id": chat.id, "title": chat.title}]
    assert td.send("getChat", chat_id=chat.id)["title"] == chat.title
