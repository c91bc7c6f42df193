"""What one open client knows of its account's chats, and how it answers requests about them.

A client starts out knowing no chat. What it has been sent stays in its memory; `getChatHistory`
answers from there where it can, which is why the first call for a chat gives its last message alone
(https://github.com/tdlib/td/issues/168), and asks the servers only then. How many messages a page
has is TDLib's to choose. To let nobody rely on the usual, here each fourth page is one shorter than
asked, each sixth has a null in it, and at each fifth the client forgets some messages, of which
`updateDeleteMessages` tells with `from_cache`.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1get_chat_history.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.oddities import Oddities
from sandbox.telegram.chats import Chat, Message
from sandbox.telegram.content import WITH_FILES
from sandbox.telegram.objects import (
    basic_group_json,
    chat_json,
    chat_list,
    for_client,
    message_json,
    positions,
    supergroup_json,
)
from sandbox.telegram.parse import TdError
from sandbox.telegram.store import Store
from sandbox.telegram.users import user_json

Json = dict[str, Any]

#: Most chats that one `loadChats` brings, and most messages of a page.
PORTION = 20
LONGEST_PAGE = 50
_MOST = 100
_SHORT, _FORGETS, _NULL = 4, 5, 6


@dataclass(slots=True)
class Account:
    """An account, with what stands between its chats and what is sent of them.

    Args:
        store: Its chats.
        messages: Oddities of messages, by `<chat id>:<message id>`.
        chats: Oddities of chats, by id.
        page: The limit that was last asked for.
    """

    store: Store
    messages: Oddities
    chats: Oddities
    page: int = _MOST


class Reading:
    """A client's memory; a `Watcher` of its account.

    Args:
        account: The account.
        number: The client's.
        push: Sends an update.
    """

    def __init__(self, account: Account, number: int, push: Callable[[Json], None]) -> None:
        self._account = account
        self._store = account.store
        self._number = number
        self._push = push
        #: Ids of the messages in memory, by chat.
        self._known: dict[int, set[int]] = {}
        self._users: set[int] = set()
        self._files: dict[str, int] = {}
        self._pages = 0
        self._latest: tuple[int, list[int]] = (0, [])
        self._requests: dict[str, Callable[[Json], Json]] = {
            "createBasicGroupChat": self._recall,
            "getBasicGroup": self._basic_group,
            "getChat": self._chat,
            "getChatHistory": self._history,
            "getChats": self._chats,
            "getMe": self._me,
            "getMessage": self._message,
            "getMessages": self._messages,
            "getSupergroup": self._supergroup,
            "getUser": self._user,
            "loadChats": self._load,
        }

    def answer(self, name: str, fields: Json) -> Json:
        """Answer a request.

        Raises:
            TdError: It is refused.
        """
        return self._requests[name](fields)

    # Told by the account

    def came(self, chat: Chat, message: Message) -> None:
        """Tell of a new message."""
        self._introduce(chat)
        self._push({"@type": "updateNewMessage", "message": self._shown(chat, message)})
        self.moved(chat)

    def changed(self, chat: Chat, message: Message, *, is_edit: bool) -> None:
        """Tell of another content, where the message is in memory."""
        if message.id not in self._known.get(chat.id, ()):
            return
        where = {"chat_id": chat.id, "message_id": message.id}
        content = for_client(message.content, self._number, self._files)
        self._push({"@type": "updateMessageContent", **where, "new_content": content})
        if is_edit:
            self._push({"@type": "updateMessageEdited", **where, "edit_date": message.edited})

    def gone(self, chat: Chat, ids: list[int]) -> None:
        """Tell of deleted messages: in private chats and basic groups of those in memory."""
        known = self._known.get(chat.id)
        if known is None:
            return
        told = [i for i in ids if i in known or chat.kind in ("supergroup", "channel")]
        known.difference_update(ids)
        if told:
            self._push(_deleted(chat.id, told, is_permanent=True))

    def moved(self, chat: Chat) -> None:
        """Tell of a chat's last message and its place."""
        if chat.id not in self._known:
            return
        last = self._last(chat)
        self._push(
            {
                "@type": "updateChatLastMessage",
                "chat_id": chat.id,
                **({"last_message": last} if last is not None else {}),
                "positions": positions(chat),
            }
        )
        if chat.status != "listed":
            gone = {"@type": "updateChatRemovedFromList", "chat_id": chat.id}
            self._push({**gone, "chat_list": chat_list(chat)})

    def renamed(self, chat: Chat) -> None:
        """Tell of a chat's title."""
        if chat.id in self._known:
            told = {"@type": "updateChatTitle", "chat_id": chat.id, "title": chat.title}
            self._push(told)

    def regrouped(self, chat: Chat) -> None:
        """Tell of a group's state."""
        if chat.id in self._known:
            self._tell_peer(chat)

    # Requests

    def _me(self, _: Json) -> Json:
        me = self._store.me
        self._users.add(me.id)
        return user_json(me, is_self=True)

    def _load(self, fields: Json) -> Json:
        waiting = [chat for chat in self._list(fields) if chat.id not in self._known]
        if not waiting:
            raise TdError(404, "Not Found")
        for chat in waiting[: min(fields["limit"], PORTION)]:
            self._introduce(chat)
        return {"@type": "ok"}

    def _chats(self, fields: Json) -> Json:
        chats = self._list(fields)
        first = chats[: fields["limit"]]
        for chat in first:
            self._introduce(chat)
        ids = [chat.id for chat in first]
        return {"@type": "chats", "total_count": len(chats), "chat_ids": ids}

    def _list(self, fields: Json) -> list[Chat]:
        if fields["limit"] <= 0:
            raise TdError(400, "Parameter limit must be positive")
        kind = (fields["chat_list"] or {}).get("@type", "chatListMain")
        if kind == "chatListFolder":
            raise TdError(400, "Chat list not found")
        return self._store.listed(archived=kind == "chatListArchive")

    def _chat(self, fields: Json) -> Json:
        chat = self._known_chat(fields)
        shown = for_client(chat_json(chat, self._last(chat)), self._number, self._files)
        return self._account.chats.send(str(chat.id), shown)

    def _user(self, fields: Json) -> Json:
        user = self._store.user(fields["user_id"])
        if user is None or user.id not in self._users:
            raise TdError(400, "User not found")
        return user_json(user, is_self=user is self._store.me)

    def _basic_group(self, fields: Json) -> Json:
        # Unlike a user or a supergroup it is found without having been told of.
        chat = self._store.group(("basic",), fields["basic_group_id"])
        if chat is None:
            raise TdError(400, "Group not found")
        return basic_group_json(chat)

    def _recall(self, fields: Json) -> Json:
        """The chat of a basic group, be it in a list or not.

        https://github.com/tdlib/td/issues/223
        """
        chat = self._store.group(("basic",), fields["basic_group_id"])
        if chat is None:
            raise TdError(400, "Basic group not found")
        self._introduce(chat)
        return self._chat({"chat_id": chat.id})

    def _supergroup(self, fields: Json) -> Json:
        chat = self._store.group(("supergroup", "channel"), fields["supergroup_id"])
        if chat is None or chat.id not in self._known:
            raise TdError(400, "Supergroup not found")
        return supergroup_json(chat)

    def _message(self, fields: Json) -> Json:
        chat = self._readable(fields)
        message = chat.message(fields["message_id"])
        if message is None:
            raise TdError(404, "Not Found")
        return self._shown(chat, message)

    def _messages(self, fields: Json) -> Json:
        chat = self._readable(fields)
        found = [chat.message(ident) for ident in fields["message_ids"]]
        shown = [self._shown(chat, message) if message else None for message in found]
        return {"@type": "messages", "total_count": len(shown), "messages": shown}

    def _history(self, fields: Json) -> Json:
        limit = _checked(fields)
        chat = self._readable(fields)
        self._account.page = limit
        page = _window(chat, fields["from_message_id"], fields["offset"], limit)
        if fields["offset"] < 0 and not fields["only_local"]:
            # What stands around a message is asked for as a whole.
            return self._page(chat, page)
        known = self._known[chat.id]
        in_memory = next((n for n, ident in enumerate(page) if ident not in known), len(page))
        if in_memory or fields["only_local"] or not page:
            return self._page(chat, page[:in_memory])
        return self._loaded(chat, page[:LONGEST_PAGE])

    def _loaded(self, chat: Chat, page: list[int]) -> Json:
        """A page from the servers."""
        self._pages += 1
        if self._pages % _FORGETS == 0:
            self._forget()
        has_null = self._pages % _NULL == 0 and len(page) > 1
        if len(page) > 1 and (self._pages % _SHORT == 0 or has_null):
            page = page[:-1]
        self._latest = (chat.id, page[:2])
        answer = self._page(chat, page)
        if has_null:
            answer["messages"].insert(len(page) // 2, None)
        return answer

    def _page(self, chat: Chat, ids: Sequence[int]) -> Json:
        found = (chat.message(ident) for ident in ids)
        shown: list[Json | None] = [self._shown(chat, m) for m in found if m is not None]
        return {"@type": "messages", "total_count": len(shown), "messages": shown}

    def _forget(self) -> None:
        chat_id, ids = self._latest
        known = self._known.get(chat_id, set())
        if told := [ident for ident in ids if ident in known]:
            known.difference_update(told)
            self._push(_deleted(chat_id, told, is_permanent=False))

    # What it is made of

    def _known_chat(self, fields: Json) -> Chat:
        chat = self._store.chats.get(fields["chat_id"])
        if chat is None or chat.id not in self._known:
            raise TdError(400, "Chat not found")
        return chat

    def _readable(self, fields: Json) -> Chat:
        chat = self._known_chat(fields)
        if chat.status == "left":
            raise TdError(400, "Can't access the chat")
        return chat

    def _introduce(self, chat: Chat) -> None:
        """Tell of a chat for the first time."""
        if chat.id in self._known:
            return
        self._known[chat.id] = set()
        self._tell_peer(chat)
        shown = for_client(chat_json(chat, None, is_new=True), self._number, self._files)
        self._push({"@type": "updateNewChat", "chat": shown})
        self.moved(chat)

    def _tell_peer(self, chat: Chat) -> None:
        match chat.kind:
            case "private":
                self._tell_user(chat.peer)
            case "basic":
                self._push({"@type": "updateBasicGroup", "basic_group": basic_group_json(chat)})
            case _:
                self._push({"@type": "updateSupergroup", "supergroup": supergroup_json(chat)})

    def _tell_user(self, ident: int) -> None:
        user = self._store.user(ident)
        if user is not None and ident not in self._users:
            self._users.add(ident)
            is_self = user is self._store.me
            self._push({"@type": "updateUser", "user": user_json(user, is_self=is_self)})

    def _last(self, chat: Chat) -> Json | None:
        message = chat.message(chat.last) if chat.last is not None else None
        return self._shown(chat, message) if message is not None else None

    def _shown(self, chat: Chat, message: Message) -> Json:
        """A message as it is sent; its sender is told of before."""
        self._tell_user(message.sender)
        self._known[chat.id].add(message.id)
        shown = message_json(chat, message)
        # Most have no files; looking for them takes longer than all the rest.
        if shown["content"]["@type"] in WITH_FILES:
            shown["content"] = for_client(shown["content"], self._number, self._files)
        return self._account.messages.send(f"{chat.id}:{message.id}", shown)


def _checked(fields: Json) -> int:
    """The limit of a page of history; more than 100 are silently 100.

    Raises:
        TdError: A parameter is out of its range.
    """
    limit, offset = fields["limit"], fields["offset"]
    if limit <= 0:
        raise TdError(400, "Parameter limit must be positive")
    limit = min(limit, _MOST)
    if offset > 0:
        raise TdError(400, "Parameter offset must be non-positive")
    if offset <= -_MOST:
        raise TdError(400, f"Parameter offset must be greater than -{_MOST}")
    if offset < -limit:
        raise TdError(400, "Parameter offset must be greater than or equal to -limit")
    if fields["from_message_id"] < 0:
        raise TdError(400, "Invalid value of parameter from_message_id specified")
    return int(limit)


def _window(chat: Chat, start: int, offset: int, limit: int) -> list[int]:
    """Ids of a page, newest first.

    The message of the id is left out at an offset of 0; the id need not be there at all, it is a
    place in the order. What lies beyond the newest message counts, so that a page there is shorter.
    """
    ids = chat.ids
    top = (chat.place(start) if start else len(ids)) - offset
    return list(ids[max(0, top - limit) : min(top, len(ids))])[::-1]


def _deleted(chat_id: int, ids: list[int], *, is_permanent: bool) -> Json:
    return {
        "@type": "updateDeleteMessages",
        "chat_id": chat_id,
        "message_ids": ids,
        "is_permanent": is_permanent,
        "from_cache": not is_permanent,
    }
