"""An account's chats and messages as the contract suite sees them.

Ids are `<chat id>` for a chat and `<chat id>:<message id>` for a message. A chat is to be kept when
it is in a list, with all messages that it has. What left its list is not: a private chat or basic
group that is in none was deleted with its history, unless the group was upgraded (which its
`upgraded_to_supergroup_id` says); a supergroup or channel was left. What a sync has kept of chats
that were upgraded or left it may go on keeping: nothing here expects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.holding import Oddity, months_before
from sandbox.telegram.chats import Chat, Kind, Message
from sandbox.telegram.content import text_of
from sandbox.telegram.objects import lasting
from sandbox.telegram.reading import LONGEST_PAGE, PORTION, Account

_KINDS: dict[Kind, str] = {
    "private": "private",
    "basic": "basic",
    "supergroup": "supergroup",
    "channel": "supergroup",
}
_DEFAULT = "private,basic,secret"
#: Requests of a sync besides those for lists and chats: parameters, options, states, log settings,
#: `getMe`, `close`, and looks at what has come meanwhile.
_FIXED = 14


class TelegramHolding:
    """An account's chats.

    Args:
        account: The account.
    """

    path = "^/telegram/td/(send|receive)"
    tells_edits = True
    #: Channels and supergroups stand among the others at the head of the list.
    has_noise = True
    #: Pages go by message id, which never gets too old.
    has_feed = False

    def __init__(self, account: Account) -> None:
        self._account = account
        #: What else can happen to it.
        self.store = account.store

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """Messages of one chat after the other, newest first, with the chats among them.

        The checks take items from the ends, the middle and the third: messages stand there.
        """
        kinds = options.get("groupTypes", _DEFAULT).split(",")
        months = options.get("backdate", "all")
        since = 0.0 if months == "all" else months_before(int(months))
        with self.store.lock:
            chats = [chat for chat in self.store.listed() if _KINDS[chat.kind] in kinds]
            chats.sort(key=lambda chat: chat.series.place)
            # The second has nothing but messages that can be edited, in plenty.
            chats[1:] = chats[2:] + chats[1:2]
            found = [
                f"{chat.id}:{ident}"
                for chat in chats
                for ident in reversed(chat.ids)
                if not since or chat.date(ident) >= since
            ]
        return _among(found, [str(chat.id) for chat in chats])

    def add(self, count: int = 1) -> list[str]:
        """Let messages come, each in the next private chat or basic group."""
        made = []
        for _ in range(count):
            chat = self.store.home()
            made += [f"{chat.id}:{message.id}" for message in self.store.add(chat)]
        return made

    def edit(self, source_id: str) -> None:
        """Give a chat another title or a message another text; what is gone stays so."""
        chat, ident = self._find(source_id)
        if chat is None or chat.status != "listed":
            return
        if ident is None:
            self.store.rename(chat)
        else:
            self.store.edit(chat, ident)

    def remove(self, source_id: str) -> None:
        """Delete a message for everyone, or a chat with its history.

        A supergroup or channel is left, which to a client is the same.
        """
        chat, ident = self._find(source_id)
        if chat is None:
            return
        if ident is not None:
            self.store.delete(chat, [ident])
        elif _KINDS[chat.kind] == "supergroup":
            self.store.leave(chat)
        else:
            self.store.delete_chat(chat)

    def clear(self) -> None:
        """Take all chats away."""
        for chat in self.store.listed():
            self.remove(str(chat.id))

    def add_noise(self, count: int) -> None:
        """Put so many channels at the head of the list, each with a message that has just come."""
        for _ in range(count):
            self.store.add(self.store.add_chat("channel", 0))

    def lose_feed(self) -> None:
        """There is no cursor to lose (`has_feed`)."""
        raise ValueError("messages are paged by their ids, which never get too old")

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        oddities = self._account.messages if ":" in source_id else self._account.chats
        oddities.spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The message, or the chat as `getChat` answered."""
        oddities = self._account.messages if ":" in source_id else self._account.chats
        return oddities.sent(source_id)

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether title, text, direction, time and content are those of now."""
        chat, ident = self._find(record["sourceId"])
        if chat is None:
            return False
        if ident is None:
            # A deleted account's chat has no title: what it is called then is not Telegram's word.
            return bool(record["name"]) and chat.title in ("", record["name"])
        message = chat.message(ident)
        return message is not None and _says(record, message)

    def idle_requests(self) -> int:
        """Both lists to their end, and each chat once more, with all pages of those that are kept.

        A page may be one shorter than asked; a chat takes one page for its last message, and one
        that is empty.
        """
        page = max(1, min(self._account.page, LONGEST_PAGE) - 1)
        lists = chats = pages = users = 0
        with self.store.lock:
            for archived in (False, True):
                listed = self.store.listed(archived=archived)
                lists += -(-len(listed) // PORTION) + 3
                chats += len(listed)
                for chat in listed:
                    if _KINDS[chat.kind] in _DEFAULT.split(","):
                        pages += -(-len(chat.ids) // page) + 3
                        users += len(chat.series.senders)
        return _FIXED + lists + 2 * chats + pages + users

    def _find(self, source_id: str) -> tuple[Chat | None, int | None]:
        chat, _, message = source_id.partition(":")
        return self.store.chats.get(int(chat)), int(message) if message else None


def _among(messages: list[str], chats: list[str]) -> list[str]:
    """Chats spread among messages, none at the ends, in the middle or at the third."""
    count = len(messages) + len(chats)
    kept_free = {*range(4), count // 3, count // 2, *range(count - 3, count)}
    free = [place for place in range(count) if place not in kept_free]
    if len(free) < len(chats):
        return [*messages, *chats]
    places = {free[n * len(free) // len(chats)] for n in range(len(chats))}
    items, groups = iter(messages), iter(chats)
    return [next(groups if place in places else items) for place in range(count)]


def _says(record: Mapping[str, Any], message: Message) -> bool:
    said = text_of(message.content)
    source = record["sourceData"]
    return (
        record["type"] == ("send" if message.outgoing else "receive")
        and datetime.fromisoformat(record["sentAt"]).timestamp() == message.date
        and (record["messageText"] == said if said else bool(record["messageText"]))
        and source["edit_date"] == message.edited
        and bool(lasting(source["content"]) == lasting(message.content))
    )
