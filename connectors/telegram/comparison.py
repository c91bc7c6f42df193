"""Finds what was edited or deleted of what is kept. See `sync.py`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Literal

from connectors.sdk.errors import ConnectorError
from connectors.sdk.records import Batch, Json
from connectors.telegram import calls
from connectors.telegram import kept as held_ids
from connectors.telegram.chats import Chat, basic_group_of, is_private
from connectors.telegram.client import Client
from connectors.telegram.events import Events
from connectors.telegram.kept import message_key
from connectors.telegram.reading import CHUNK, History
from connectors.telegram.slices import Slice, is_of_one_chat

#: Beyond every id.
_END = 2**63 - 1
#: In the position: all of a chat has been compared.
_DONE = -1
#: Upgraded groups that one sync reads to their end; the next one takes others.
_MOST_FORMER = 100
#: The last message of a small group that went on as a large one.
_UPGRADED = "messageChatUpgradeTo"


def fate_of(client: Client, chat_id: int) -> Literal["deleted", "upgraded", "left"]:
    """What has become of a chat that is in no list; `left` where it may be there still.

    Args:
        client: Asks TDLib.
        chat_id: The chat's id.

    Raises:
        ConnectorError: As `Client.ask`.
    """
    if is_private(chat_id):
        return "deleted"
    group_id = basic_group_of(chat_id)
    if group_id is None:
        return "left"
    try:
        found = client.ask(calls.get_basic_group(group_id), "basicGroup")
    except ConnectorError as error:
        if not is_of_one_chat(error):
            raise
        return "left"
    return "upgraded" if found.get("upgraded_to_supergroup_id") else "deleted"


class Comparison:
    """What is kept against what there is.

    Args:
        work: The slice.
        client: Asks TDLib.
        history: Reads the chats' messages.
        now: The time, Unix seconds.
    """

    def __init__(self, work: Slice, client: Client, history: History, now: int) -> None:
        #: What TDLib tells of meanwhile.
        self.events = Events()
        self._work = work
        self._client = client
        self._history = history
        self._now = now
        #: Down to which message a chat has been compared in this slice.
        self._compared: dict[int, int] = {}

    def head(self, chat: Chat, page: Sequence[Json]) -> Iterator[Batch]:
        """Compare a chat's newest page; an empty one says that the chat has no messages left."""
        low = page[-1]["id"] if page else 0
        ids = held_ids.message_ids(self._work.kept, chat.id)
        yield from self._compare(chat, page, ids[bisect_left(ids, low) :], is_sure=not page)
        self._compared[chat.id] = low

    def is_cleared(self, chat: Chat) -> bool:
        """Whether a chat really has no message left: neither its last one nor any kept lately."""
        chats = self._work.chats
        chats.let_go(chat.id)
        if chats.object(chat.id).get("last_message"):
            return False
        newest = held_ids.message_ids(self._work.kept, chat.id)[-CHUNK:]
        return all(message is None for _, message in self._history.look(chat.id, newest))

    def again(self) -> Iterator[Batch]:
        """Read again what is kept, from where the last sync has come to; a part of it, or all."""
        position = self._work.position
        chats = [chat for chat in self._work.wanted() if self._work.of(chat.id).newest]
        at, start = position.get("place") or ["", 0]
        for chat in chats:
            key = str(chat.id)
            if key < at or (key == at and start == _DONE):
                continue
            begin = start if key == at else 0
            yield from self._work.guarded(chat, self._all_of(chat, begin))
            ends_here = chat is chats[-1] and position.get("place") == [key, _DONE]
            if position["left"] <= 0 and not ends_here:
                return
        position.pop("place", None)

    def happened(self) -> Iterator[Batch]:
        """Take what TDLib has told of meanwhile."""
        for chat_id, message_id, is_gone in self.events.taken():
            key = message_key(chat_id, message_id)
            if not self._work.pack.known([key]):
                continue
            try:
                message = None if is_gone else self._history.message(chat_id, message_id)
            except ConnectorError as error:
                if not is_of_one_chat(error):
                    raise
                # It can be read no more; what is kept of it stays.
                continue
            if message is None:
                self._work.pack.drop(key)
            else:
                self._work.refresh(message)
            yield from self._work.flush()

    def vanished(self) -> Iterator[Batch]:
        """Mark what is kept of chats as deleted that were deleted with their history.

        A private chat that is in no list was; so was a basic group, unless it was upgraded: then
        what was written until then is still to be read, of which `recall` takes care. Large groups
        and channels leave the list when the person leaves them: that was theirs to read.
        """
        for chat_id in list(held_ids.chat_ids(self._work.kept)):
            chat = self._work.chats.get(chat_id)
            # One with a message left is not deleted, whatever has become of its place.
            is_there = chat is not None and (chat.lists or chat.last_id)
            if is_there or not self._is_deleted(chat_id):
                continue
            for message_id in held_ids.message_ids(self._work.kept, chat_id):
                self._work.pack.drop(message_key(chat_id, message_id))
                yield from self._work.flush()
            # Last: without its record nobody could tell what the rest belongs to.
            self._work.drop_chat(chat_id)

    def recall(self) -> None:
        """Have small groups among the chats again that were upgraded and not read to their end.

        https://github.com/tdlib/td/issues/223
        """
        for chat_id in list(self._work.position.get("former") or ()):
            group_id = basic_group_of(chat_id)
            if group_id is None or not self._work.wants("basic"):
                continue
            try:
                self._client.ask(calls.create_basic_group_chat(group_id), "chat")
            except ConnectorError as error:
                if not is_of_one_chat(error):
                    raise
                continue
            self._work.chats.recall(chat_id)

    def _is_deleted(self, chat_id: int) -> bool:
        if basic_group_of(chat_id) is not None and self._is_read_to_its_upgrade(chat_id):
            return False
        fate = fate_of(self._client, chat_id)
        if fate == "upgraded":
            former = self._work.position.get("former") or []
            self._work.position["former"] = [*former, chat_id][:_MOST_FORMER]
        return fate == "deleted"

    def _is_read_to_its_upgrade(self, chat_id: int) -> bool:
        ids = held_ids.message_ids(self._work.kept, chat_id)
        newest = self._work.kept.get(message_key(chat_id, ids[-1])) if ids else None
        content = ((newest or {}).get("sourceData") or {}).get("content") or {}
        held = self._work.of(chat_id)
        return content.get("@type") == _UPGRADED and held.is_done(self._work.floor)

    def _all_of(self, chat: Chat, start: int) -> Iterator[Batch]:
        """Compare a chat page by page, until its end or until as much was compared as may be."""
        position, progress = self._work.position, self._work.of(chat.id)
        ids = held_ids.message_ids(self._work.kept, chat.id)
        start = start or self._compared.get(chat.id, 0)
        while position["left"] > 0:
            page = self._history.page(chat.id, start)
            low = page[-1]["id"] if page else 0
            window = ids[bisect_left(ids, low) : bisect_left(ids, start or _END)]
            # Cut in here, it is begun again, without what was marked deleted until then.
            yield from self._compare(chat, page, window)
            if page and low < progress.oldest and progress.below == 0:
                # What was taken for the end is none: there is more to read.
                progress.below = None
            is_end = (
                not page or low < progress.oldest or (low == progress.oldest and progress.below)
            )
            # Those that are asked for by their ids count like those that are read.
            position["left"] -= 1 + max(0, len(window) - len(page)) // CHUNK
            position |= {"place": [str(chat.id), _DONE if is_end else low], "at": self._now}
            yield from self._work.flush()
            yield from self.happened()
            if is_end:
                return
            start = low

    def _compare(
        self, chat: Chat, page: Sequence[Json], ids: Sequence[int], *, is_sure: bool = False
    ) -> Iterator[Batch]:
        """Compare a page with what is kept of it.

        Args:
            chat: The chat.
            page: Its messages of a part of the history, all of them.
            ids: The ids that are kept of this part.
            is_sure: Whether those that are missing need not be asked for one by one.
        """
        progress, there = self._work.of(chat.id), {message["id"] for message in page}
        for message in page:
            if progress.holds(message["id"]):
                self._work.refresh(message)
        missing = [ident for ident in ids if ident not in there]
        found: Iterator[tuple[int, Json | None]] = (
            ((ident, None) for ident in missing)
            if is_sure
            else self._history.look(chat.id, missing)
        )
        for ident, answer in found:
            if answer is None:
                self._work.pack.drop(message_key(chat.id, ident))
            else:
                self._work.refresh(answer)
            yield from self._work.flush()
