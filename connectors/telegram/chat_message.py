"""Chat messages: every chat that the person is in, and all that was written there.

A sync goes through four steps. Each chat gets its new messages; then the older ones are read, a
page of each chat in turn, so that no large one keeps the others waiting; then some of what is kept
is read again, since TDLib, without databases of its own, does not tell of edits and deletions that
happened while it was closed; what happens meanwhile it does tell of. How far a chat has been read is
kept with its own record (`progress.py`).

https://core.telegram.org/tdlib/getting-started
https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1get_chat_history.html
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from connectors.sdk.errors import TransientError
from connectors.sdk.handler import Handler, gone
from connectors.sdk.options import BACKDATE, Choice
from connectors.sdk.records import Batch, Failed, Json, Position, Record, record_id
from connectors.sdk.schemas.chat_group import ChatGroup
from connectors.sdk.schemas.chat_message import ChatMessage
from connectors.telegram import calls, records
from connectors.telegram.chats import Chats, basic_group_of
from connectors.telegram.client import Client, signed_in
from connectors.telegram.comparison import fate_of
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import NotFoundError, UnreadableError
from connectors.telegram.people import People, Sender
from connectors.telegram.progress import Progress
from connectors.telegram.reading import History
from connectors.telegram.slices import Slice
from connectors.telegram.sync import Sync

GROUP_TYPES = Choice(
    id="groupTypes",
    label="Which chats",
    values={
        "private": "Chats with one person",
        "private,basic": "Those and small groups",
        "private,basic,secret": "Those and secret chats of this server (it begins none)",
        "private,basic,secret,supergroup": "All, large groups and channels too",
    },
    default="private,basic,secret",
)


class ChatMessages(Handler):
    """What was written in the person's chats."""

    id = "chat-message"
    label = "Chat messages"
    schema = ChatMessage
    also = (ChatGroup,)
    sizes = ("page_size",)
    options = (GROUP_TYPES, BACKDATE)

    _people: People | None = None
    _chats: Chats | None = None
    #: What is open while items are tried again, and the client of it that is sound.
    _retrying: ExitStack | None = None
    _client: Client | None = None
    #: How far the chats have been read that this slice has looked at.
    _progress: dict[int, Progress]

    @property
    def settings(self) -> TelegramConfig:
        """The provider's configuration."""
        config = self.context.provider.config
        assert isinstance(config, TelegramConfig)  # noqa: S101 - the provider's own class
        return config

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield new messages first, then older ones, then what was edited or deleted."""
        with signed_in(self.settings, self.api, self.context.provider.classify) as client:
            chats = Chats(client)
            work = Slice(
                kept=self.kept,
                chats=chats,
                map_item=self.record,
                kinds=frozenset(self.context.options["groupTypes"].split(",")),
                floor=_floor(self.context.options["backdate"], self.context.now),
                size=self.settings.page_size,
                position=position,
            )
            sync = Sync(
                work,
                client,
                History(client, self.settings.page_size),
                now=int(self.context.now.timestamp()),
                verify_pages=self.settings.verify_pages,
            )
            self._chats, self._people = chats, People(client, chats)
            self._progress = work.progress
            client.listeners += (sync.hear, self._people.hear)
            chats.load()
            yield from sync.run(position)

    def record(self, source: Json) -> Record:
        """Map a chat or a message; the names in it are asked for where a client is open."""
        if source["@type"] == "chat":
            return records.group(self.build, source, self._progress_of(source["id"]))
        chat_id = int(source["chat_id"])
        group_id = record_id(self.context.provider.id, self.context.account.id, str(chat_id))
        sender = self._people.sender(source) if self._people else _nameless(source)
        return records.message(self.build, source, group_id, self._group_name(chat_id), sender)

    def retry(self, failed: Failed) -> Record:
        """Map an item again, as it is at Telegram now."""
        if self._retrying is None:
            with self.retrying():
                return self.retry(failed)
        try:
            return self._fetched(failed, *self._opened(self._retrying))
        except TransientError:
            # Its answer may yet come: the next item gets a new client.
            self._client = None
            raise

    @contextmanager
    def retrying(self) -> Iterator[None]:
        """See `Handler`: all that is tried meanwhile has one client."""
        with ExitStack() as stack:
            self._retrying = stack
            try:
                yield
            finally:
                self._retrying = self._client = None

    def _opened(self, held: ExitStack) -> tuple[Client, Chats]:
        """The client for items that are tried again, and the chats that it knows."""
        if self._client is None or self._chats is None:
            held.close()
            opening = signed_in(self.settings, self.api, self.context.provider.classify)
            client = held.enter_context(opening)
            self._chats = Chats(client)
            self._people = People(client, self._chats)
            client.listeners += (self._chats.hear, self._people.hear)
            self._chats.load()
            self._client = client
        return self._client, self._chats

    def _fetched(self, failed: Failed, client: Client, chats: Chats) -> Record:
        chat_id = int(failed.source_id.partition(":")[0])
        try:
            return self._asked(failed, client, chats)
        except NotFoundError:
            pass
        except UnreadableError:
            chat = chats.get(chat_id)
            fate = "left" if chat and chat.lists else fate_of(client, chat_id)
            if fate == "upgraded":
                client.ask(calls.create_basic_group_chat(basic_group_of(chat_id) or 0), "chat")
                return self._asked(failed, client, chats)
            if fate == "left":
                raise
        raise gone(lambda: self.record(failed.source))

    def _asked(self, failed: Failed, client: Client, chats: Chats) -> Record:
        chat_id, _, message_id = failed.source_id.partition(":")
        if not message_id:
            return self.record(chats.object(int(chat_id)))
        asked = calls.get_message(int(chat_id), int(message_id))
        return self.record(client.ask(asked, "message"))

    def _progress_of(self, chat_id: int) -> Progress:
        found = getattr(self, "_progress", {}).get(chat_id)
        if found is None:
            held = self.kept.get(str(chat_id)) or {}
            found = Progress.parse(held.get("newestId"), held.get("syncData"))
        return found

    def _group_name(self, chat_id: int) -> str:
        chat = self._chats.get(chat_id) if self._chats else None
        if chat is not None:
            return records.called(chat.title, chat.kind)
        held = self.kept.get(str(chat_id)) or {}
        return str(held.get("name") or records.called("", ""))


def _nameless(source: Json) -> Sender:
    sender = source["sender_id"]
    return Sender(str(sender.get("user_id") or sender["chat_id"]), None)


def _floor(months: str, now: datetime) -> int:
    """The Unix time that messages are wanted from, so many calendar months before; 0 for all."""
    if months == "all":
        return 0
    year, month = divmod(now.year * 12 + now.month - 1 - int(months), 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return int(now.replace(year=year, month=month + 1, day=day).timestamp())
