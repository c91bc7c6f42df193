"""What is known of chats, as TDLib's updates tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.telegram.chats import Chats
from connectors.telegram.events import Events
from connectors.telegram.kept import chat_ids, message_ids, message_key
from tests.connectors.telegram.conftest import Kept

MAIN, ARCHIVE = {"@type": "chatListMain"}, {"@type": "chatListArchive"}
FOLDER = {"@type": "chatListFolder", "chat_folder_id": 3}
ALL = frozenset({"private", "basic", "supergroup", "secret", ""})


@pytest.fixture
def chats() -> Chats:
    made = Chats(None)  # type: ignore[arg-type]  # nothing is asked
    kind = {"@type": "chatTypePrivate", "user_id": 7}
    chat = {"@type": "chat", "id": 7, "type": kind, "title": "Ada", "positions": []}
    made.hear({"@type": "updateNewChat", "chat": chat})
    return made


def place(chats: Chats, chat_list: dict[str, Any], order: str = "5") -> None:
    position = {"@type": "chatPosition", "list": chat_list, "order": order}
    chats.hear({"@type": "updateChatPosition", "chat_id": 7, "position": position})


def test_a_chat_is_listed_once_it_has_a_place(chats: Chats) -> None:
    assert not chats.listed(ALL)
    place(chats, MAIN)
    assert [chat.id for chat in chats.listed(ALL)] == [7]
    place(chats, MAIN, "0")
    assert not chats.listed(ALL)


def test_a_chat_may_move_between_the_lists(chats: Chats) -> None:
    place(chats, MAIN)
    chats.hear({"@type": "updateChatAddedToList", "chat_id": 7, "chat_list": ARCHIVE})
    chats.hear({"@type": "updateChatRemovedFromList", "chat_id": 7, "chat_list": MAIN})
    assert chats.listed(ALL)
    chats.hear({"@type": "updateChatRemovedFromList", "chat_id": 7, "chat_list": ARCHIVE})
    assert not chats.listed(ALL)


def test_folders_count_for_nothing(chats: Chats) -> None:
    place(chats, FOLDER)
    assert not chats.listed(ALL)
    place(chats, MAIN)
    chats.hear({"@type": "updateChatRemovedFromList", "chat_id": 7, "chat_list": FOLDER})
    assert chats.listed(ALL)


def test_the_last_message_and_the_title_are_followed(chats: Chats) -> None:
    last = {"id": 9, "date": 90}
    position = {"list": MAIN, "order": "8"}
    chats.hear(
        {"@type": "updateChatLastMessage", "chat_id": 7, "last_message": last, "positions": [position]}
    )  # fmt: skip
    chats.hear({"@type": "updateChatTitle", "chat_id": 7, "title": "Ada L."})
    chat = chats.get(7)
    assert chat is not None
    assert (chat.last_id, chat.last_date, chat.title) == (9, 90, "Ada L.")
    chats.hear({"@type": "updateChatLastMessage", "chat_id": 7, "positions": []})
    assert (chat.last_id, chat.lists) == (0, set())


def test_a_chat_of_a_kind_of_the_future_is_left_out(chats: Chats) -> None:
    shown = {"id": 8, "type": {"@type": "chatTypeHolographic"}, "positions": []}
    chats.hear({"@type": "updateNewChat", "chat": shown})
    chat = chats.get(8)
    assert chat is not None
    assert chat.kind == ""


def test_only_what_is_gone_for_good_is_a_deletion() -> None:
    events = Events()
    base = {"@type": "updateDeleteMessages", "chat_id": 7}
    for ident, permanent, cached in ((1, True, False), (2, False, True), (3, False, False)):
        flags = {"is_permanent": permanent, "from_cache": cached}
        events.hear({**base, "message_ids": [ident], **flags})
    events.hear({"@type": "updateMessageContent", "chat_id": 7, "message_id": 4})
    events.hear({"@type": "updateMessageEdited", "chat_id": 7, "message_id": 4})
    assert list(events.taken()) == [(7, 1, True), (7, 4, False)]
    assert list(events.taken()) == []


def test_ids_of_what_is_kept_are_told_apart_by_chat() -> None:
    kept = Kept()
    wanted = {123: [5, 40, 1048576], 1230: [6, 7], 12: [8], -100123: list(range(2500)), 5: []}
    for chat, messages in wanted.items():
        if chat != 1230:
            # A chat in quarantine has messages all the same.
            kept.records[str(chat)] = {}
        kept.records |= {message_key(chat, ident): {} for ident in messages}
    assert sorted(chat_ids(kept)) == sorted(wanted)
    for chat, messages in wanted.items():
        assert list(message_ids(kept, chat)) == messages
