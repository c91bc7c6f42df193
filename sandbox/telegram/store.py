"""What an account has at Telegram, and what happens to it; live clients are told."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sandbox.telegram.beginnings import Beginning
from sandbox.telegram.chats import Chat, Kind, Message, message_id, server_number
from sandbox.telegram.content import edited, made, of_kind, word
from sandbox.telegram.users import User

Json = dict[str, Any]

_BASIC: frozenset[Kind] = frozenset({"private", "basic"})


class Watcher(Protocol):
    """A client that is open on an account, told what happens there."""

    def came(self, chat: Chat, message: Message) -> None:
        """A message has come."""

    def changed(self, chat: Chat, message: Message, *, is_edit: bool) -> None:
        """A message's content is another."""

    def gone(self, chat: Chat, ids: list[int]) -> None:
        """Messages have been deleted."""

    def moved(self, chat: Chat) -> None:
        """A chat's last message, place or list is another."""

    def renamed(self, chat: Chat) -> None:
        """A chat's title is another."""

    def regrouped(self, chat: Chat) -> None:
        """What is known of a chat's group is another."""


class Store:
    """One account's chats. Safe among threads.

    Args:
        beginning: Makes its chats.
        lock: Held while anything changes; those who wait for it are woken after.
    """

    def __init__(self, beginning: Beginning, lock: threading.Condition) -> None:
        self.lock = lock
        #: By id, those that are in no list any more among them.
        self.chats: dict[int, Chat] = {}
        self.watchers: set[Watcher] = set()
        self._beginning = beginning
        self._clock = itertools.count(beginning.newest + 1)
        self._turn = itertools.count(1)
        self._homes = itertools.count()
        self._server = 0
        for chat in beginning.chats():
            self._put(chat)

    # What it is asked

    @property
    def me(self) -> User:
        """The person of the account."""
        return self._beginning.me

    def user(self, ident: int) -> User | None:
        """A user by the id."""
        return self._beginning.users.get(ident)

    def listed(self, *, archived: bool | None = None) -> list[Chat]:
        """The chats of a list (of both without `archived`), as TDLib sorts them."""
        found = [
            chat
            for chat in self.chats.values()
            if chat.status == "listed" and archived in (None, chat.archived)
        ]
        return sorted(found, key=lambda chat: (chat.order, chat.id), reverse=True)

    def group(self, kinds: Iterable[Kind], peer: int) -> Chat | None:
        """The chat of a basic group or supergroup, whatever has become of it."""
        found = (chat for chat in self.chats.values() if chat.kind in kinds and chat.peer == peer)
        return next(found, None)

    def words(self) -> Iterator[str]:
        """Words that only its messages hold, those of the chats that it began with."""
        for chat in list(self.chats.values()):
            if self._beginning.is_seeded(chat):
                yield from map(word, chat.seeded_words())

    # What happens to it

    def home(self) -> Chat:
        """The chat that new messages come in: each of its private ones and basic groups in turn."""
        with self._changing():
            there = [c for c in self.chats.values() if c.status == "listed" and c.kind in _BASIC]
            if there:
                return there[next(self._homes) % len(there)]
            empty = self._beginning.empty()
            chat = self.chats.get(empty.id) or self._put(empty)
            chat.status = "listed"
            return chat

    def add(self, chat: Chat, count: int = 1) -> list[Message]:
        """Let so many messages come in a chat."""
        with self._changing():
            return [self._came(chat, self._content()) for _ in range(count)]

    def add_chat(
        self, kind: Kind, messages: int, *, archived: bool = False, album: bool = False
    ) -> Chat:
        """Make a chat with messages of all its life; they cost nothing until they are asked for.

        Args:
            kind: What it is.
            messages: How many; 0 for none.
            archived: Whether it is in the archive.
            album: Whether it has pictures rather than words.

        Raises:
            ValueError: There are too many chats.
        """
        with self._changing():
            made_now = self._beginning.added(kind, messages, archived=archived, album=album)
            chat = self._put(made_now)
            self._tell_moved(chat)
            return chat

    def edit(self, chat: Chat, ident: int) -> None:
        """Change a message's content; one that is not there stays so."""
        with self._changing():
            message = chat.message(ident)
            if message is None:
                return
            content, is_edit = edited(message.content, next(self._turn))
            message.content = content
            message.edited = next(self._clock) if is_edit else message.edited
            chat.put(message)
            for watcher in self.watchers:
                watcher.changed(chat, message, is_edit=is_edit)

    def rename(self, chat: Chat) -> None:
        """Give a chat another title."""
        with self._changing():
            chat.title = f"{chat.title.partition(' (')[0]} ({next(self._turn)})".strip()
            for watcher in self.watchers:
                watcher.renamed(chat)

    def delete(self, chat: Chat, ids: Iterable[int]) -> None:
        """Delete messages for good; those that are not there stay so."""
        with self._changing():
            there, last = [ident for ident in ids if chat.has(ident)], chat.last
            for ident in there:
                chat.drop(ident)
            for watcher in self.watchers:
                watcher.gone(chat, there)
            if chat.last != last:
                self._tell_moved(chat)

    def clear_history(self, chat: Chat) -> None:
        """Delete all messages; the chat stays in its list."""
        self.delete(chat, list(chat.ids))

    def delete_chat(self, chat: Chat) -> None:
        """Delete a private chat or a basic group with its history."""
        with self._changing():
            self.clear_history(chat)
            chat.status, chat.member = "deleted", False
            self._tell_regrouped(chat)

    def leave(self, chat: Chat) -> None:
        """Leave a group or channel.

        A basic group stays in its list with what was written until then; a supergroup or channel
        leaves it, and nothing of it can be read any more.
        """
        with self._changing():
            chat.member = False
            if chat.kind == "basic":
                me = self.me.id
                self._came(chat, {"@type": "messageChatDeleteMember", "user_id": me}, sender=me)
            else:
                chat.status = "left"
            self._tell_regrouped(chat)

    def upgrade(self, chat: Chat) -> Chat:
        """Make a supergroup of a basic group; the old chat leaves its list. The new chat.

        https://github.com/tdlib/td/issues/805
        """
        with self._changing():
            made_now = self._beginning.upgraded(chat)
            chat.upgraded_to, made_now.upgraded_from = made_now.peer, chat.peer
            self._came(chat, {"@type": "messageChatUpgradeTo", "supergroup_id": made_now.peer})
            chat.status = "upgraded"
            self._tell_regrouped(chat)
            self._put(made_now)
            opening = {"@type": "messageChatUpgradeFrom", "title": chat.title}
            self._came(made_now, {**opening, "basic_group_id": chat.peer})
            return made_now

    def _tell_moved(self, chat: Chat) -> None:
        for watcher in self.watchers:
            watcher.moved(chat)

    def _tell_regrouped(self, chat: Chat) -> None:
        for watcher in self.watchers:
            watcher.regrouped(chat)
        self._tell_moved(chat)

    def _came(self, chat: Chat, content: Json, *, sender: int | None = None) -> Message:
        number = self._next_number(chat)
        writers = chat.series.senders
        by = writers[number % len(writers)] if sender is None else sender
        message = Message(message_id(number), next(self._clock), by, by == self.me.id, content)
        chat.put(message)
        for watcher in self.watchers:
            watcher.came(chat, message)
        return message

    def _next_number(self, chat: Chat) -> int:
        """The server's next number, which no deleted message gives back."""
        if chat.series.own_sequence:
            chat.numbered += 1
            return chat.numbered
        self._server += 1
        return self._server

    def _content(self) -> Json:
        turn = next(self._turn)
        key = f"{self._beginning.key}/new/{turn}"
        return of_kind("text", key) if turn % 4 else made(key, turn)

    def _put(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        chat.numbered = server_number(chat.last or 0)
        if not chat.series.own_sequence:
            self._server = max(self._server, chat.numbered)
        return chat

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self.lock:
            yield
            self.lock.notify_all()
