"""The chats that an account is in, as TDLib tells of them.

A client with no databases knows no chat at first: the lists are loaded to their end each time, after
which a chat that is in neither is in none. What TDLib tells of a chat comes as updates before
anything else names it.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1load_chats.html
https://core.telegram.org/tdlib/getting-started#getting-the-lists-of-chats
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.sdk.errors import TransientError
from connectors.telegram import calls
from connectors.telegram.calls import Json
from connectors.telegram.client import Client
from connectors.telegram.errors import NotFoundError

#: Chats asked for at once.
_PORTION = 100
_MOST_PORTIONS = 10_000
#: Folders show chats of these lists once more.
_COUNTING = frozenset(calls.CHAT_LISTS)
#: One beyond the largest id of a basic group.
_BASIC_GROUPS = 10**12
_KINDS = {
    "chatTypePrivate": "private",
    "chatTypeBasicGroup": "basic",
    "chatTypeSecret": "secret",
    "chatTypeSupergroup": "supergroup",
}


@dataclass(slots=True)
class Chat:
    """What is known of a chat.

    Args:
        id: Its id.
        kind: `private`, `basic`, `secret`, `supergroup` (channels, too); empty for another.
        title: What it is called; empty where the other side has deleted its account.
        last_id: Id of its newest message; 0 where it has none.
        last_date: When that was sent, Unix seconds.
        lists: Names of the lists that it is in.
    """

    id: int
    kind: str
    title: str
    last_id: int = 0
    last_date: int = 0
    lists: set[str] = field(default_factory=set)


class Chats:
    """All chats that a client has been told of.

    Args:
        client: The client.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._chats: dict[int, Chat] = {}
        #: What `getChat` answered, of the chats whose records were written lately.
        self._objects: dict[int, Json] = {}
        #: Chats that count as listed though they are in no list.
        self._recalled: set[int] = set()

    def load(self) -> None:
        """Load both lists to their end.

        Raises:
            ConnectorError: They cannot be had.
        """
        # Main once more at the end: a chat may move there from a list that was not loaded yet.
        for chat_list in (*calls.CHAT_LISTS, calls.CHAT_LISTS[0]):
            self._load(chat_list)
            most = len(self._chats) + _PORTION
            answer = self._client.ask(calls.get_chats(chat_list, most), "chats")
            for chat_id in answer.get("chat_ids") or ():
                if chat_id in self._chats:
                    self._chats[chat_id].lists.add(chat_list)

    def _load(self, chat_list: calls.ChatList) -> None:
        for _ in range(_MOST_PORTIONS):
            try:
                self._client.ask(calls.load_chats(chat_list, _PORTION))
            except NotFoundError:
                # All are loaded, it says.
                return
        raise TransientError("Telegram's list of chats has no end")

    def listed(self, kinds: frozenset[str]) -> list[Chat]:
        """The chats of these kinds that are in a list, in an order that stays."""
        chats = self._chats.values()
        found = (c for c in chats if (c.lists or c.id in self._recalled) and c.kind in kinds)
        return sorted(found, key=lambda chat: str(chat.id))

    def get(self, chat_id: int) -> Chat | None:
        """A chat; None when the client was not told of it."""
        return self._chats.get(chat_id)

    def recall(self, chat_id: int) -> None:
        """Count a chat as listed, though it is in no list."""
        self._recalled.add(chat_id)

    def object(self, chat_id: int) -> Json:
        """The chat as `getChat` answers. Raises as `Client.ask` does."""
        if chat_id not in self._objects:
            self._objects[chat_id] = self._client.ask(calls.get_chat(chat_id), "chat")
        return self._objects[chat_id]

    def let_go(self, chat_id: int) -> None:
        """Forget what `getChat` answered: nothing more is to be written of the chat for now."""
        self._objects.pop(chat_id, None)

    def hear(self, update: Json) -> None:
        """Take an update; those of other things are let pass."""
        if update.get("@type") == "updateNewChat":
            self._new(update["chat"])
            return
        chat = self._chats.get(update.get("chat_id", 0))
        if chat is None:
            return
        match update["@type"]:
            case "updateChatTitle":
                chat.title = str(update.get("title") or "")
                self._objects.pop(chat.id, None)
            case "updateChatLastMessage":
                _last(chat, update.get("last_message"))
                chat.lists = _lists(update.get("positions"))
            case "updateChatDraftMessage":
                chat.lists = _lists(update.get("positions"))
            case "updateChatPosition":
                position = update.get("position") or {}
                chat.lists.discard(_name(position.get("list")))
                chat.lists |= _lists([position])
            case "updateChatAddedToList":
                chat.lists |= {_name(update.get("chat_list"))} & _COUNTING
            case "updateChatRemovedFromList":
                chat.lists.discard(_name(update.get("chat_list")))

    def _new(self, shown: Json) -> None:
        kind = _KINDS.get(str((shown.get("type") or {}).get("@type")), "")
        chat = Chat(int(shown["id"]), kind, str(shown.get("title") or ""))
        _last(chat, shown.get("last_message"))
        chat.lists = _lists(shown.get("positions"))
        self._chats[chat.id] = chat


def is_private(chat_id: int) -> bool:
    """Whether a chat is with one person, by the range of its id.

    https://core.telegram.org/api/bots/ids
    """
    return chat_id > 0


def basic_group_of(chat_id: int) -> int | None:
    """The id of a chat's basic group, by the range of the chat's id; None where it has none."""
    return -chat_id if -_BASIC_GROUPS < chat_id < 0 else None


def _lists(positions: Any) -> set[str]:
    """The lists that a chat has a place in; an order of 0 means that it has none."""
    there = [p for p in positions or () if int(p.get("order") or 0)]
    return {_name(p.get("list")) for p in there} & _COUNTING


def _name(chat_list: Any) -> str:
    kind = chat_list.get("@type") if isinstance(chat_list, dict) else None
    return str(kind).removeprefix("chatList")


def _last(chat: Chat, message: Any) -> None:
    found = message if isinstance(message, dict) else {}
    chat.last_id = int(found.get("id") or 0)
    chat.last_date = int(found.get("date") or 0)
