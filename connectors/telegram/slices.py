"""What the steps of one slice share: what is kept and about to be, and how far each chat is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from connectors.sdk.errors import AccessDeniedError, ConnectorError
from connectors.sdk.handler import Kept
from connectors.sdk.records import Batch, Json, Position, Record
from connectors.telegram import records
from connectors.telegram.chats import Chat, Chats
from connectors.telegram.errors import FailedError, NotFoundError, UnreadableError
from connectors.telegram.kept import message_key
from connectors.telegram.pack import Pack
from connectors.telegram.progress import Progress

#: Seconds after which there is a batch, whatever is in it.
QUIET = 5.0
#: Chats whose progress the position has a place for: some 120 bytes each.
_MOST_ASIDE = 50
#: What an item that makes no sense gives rise to. A stop or a fault while a name is asked for is
#: none of these.
_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: Chats that a slice leaves out because Telegram fails at them; one more ends it.
_MOST_FAILURES = 3


class Slice:
    """A slice's state.

    Args:
        kept: What the vault holds.
        chats: The chats, loaded.
        map_item: Makes the record of a chat or a message.
        kinds: The kinds of chats that are wanted.
        floor: Unix time that messages are wanted from; 0 for all.
        size: Items of a batch.
        position: Where the sync stands.
    """

    def __init__(
        self,
        *,
        kept: Kept,
        chats: Chats,
        map_item: Callable[[Json], Record],
        kinds: frozenset[str],
        floor: int,
        size: int,
        position: Position,
    ) -> None:
        self.kept = kept
        self.chats = chats
        self.floor = floor
        self.pack = Pack(kept, size)
        #: How far each chat has been read, of those that this slice has looked at.
        self.progress: dict[int, Progress] = {}
        #: Where the sync stands now, but for what is aside.
        self.position: Position = {}
        #: How far those chats have been read whose own record is in quarantine.
        self.aside: dict[str, dict[str, str]] = dict(position.get("aside") or {})
        self._map = map_item
        self._kinds = kinds
        #: The position yielded last.
        self._last = position
        #: When the last batch was yielded, on the monotonic clock.
        self._yielded = time.monotonic()
        #: What Telegram failed with, of chats that this slice has left out for it.
        self.failures: list[FailedError] = []
        #: Chats that cannot be read now.
        self._closed: set[int] = set()

    def wanted(self) -> list[Chat]:
        """The chats to be read, in an order that stays."""
        return [c for c in self.chats.listed(self._kinds) if c.id not in self._closed]

    def wants(self, kind: str) -> bool:
        """Whether chats of a kind are to be read."""
        return kind in self._kinds

    def of(self, chat_id: int) -> Progress:
        """How far a chat has been read."""
        if chat_id not in self.progress:
            key = str(chat_id)
            held = self.aside.get(key) or self.pack.held(key) or {}
            self.progress[chat_id] = Progress.parse(held.get("newestId"), held.get("syncData"))
        return self.progress[chat_id]

    def is_done(self, chat: Chat) -> bool:
        """Whether nothing of a chat is missing."""
        return self.of(chat.id).is_done(self.floor)

    def guarded(self, chat: Chat, work: Iterator[Batch]) -> Iterator[Batch]:
        """Leave a chat that cannot be read to a later slice; the others go on.

        Where Telegram fails at more than a few it is not the chats that ail.
        """
        try:
            yield from work
        except ConnectorError as error:
            if isinstance(error, FailedError) and len(self.failures) < _MOST_FAILURES:
                self.failures.append(error)
            elif not is_of_one_chat(error):
                raise
            self._closed.add(chat.id)

    def flush(self) -> Iterator[Batch]:
        """A batch where it is time for one: full, or a while has passed without any.

        Between batches the engine looks whether to stop, so that an empty one has its use, too.
        """
        if self.pack.is_full or time.monotonic() - self._yielded >= QUIET:
            yield self._batch(self.position)

    def finish(self, position: Position) -> Iterator[Batch]:
        """The last batch, where there is anything left to say."""
        if self._whole(position) != self._last or not self.pack.is_empty:
            yield self._batch(position)

    def write_group(self, chat: Chat) -> None:
        """Keep a chat's record with how far it has been read.

        Where the record cannot be kept, the position has the progress: else the chat would be read
        from its head in each slice.
        """
        key, progress = str(chat.id), self.of(chat.id)
        held = self.pack.held(key)
        if records.is_same_group(held, records.called(chat.title, chat.kind), progress):
            self.aside.pop(key, None)
        else:
            is_quarantined = held is None and bool(self.pack.known([key]))
            is_put = not is_quarantined and self._put(self.chats.object(chat.id), key)
            if not is_put or key in self.aside:
                self._set_aside(chat, progress)
        if self.is_done(chat):
            self.chats.let_go(chat.id)

    def keep(self, messages: Sequence[Json]) -> None:
        """Keep messages; those that are held as they are stay."""
        keys = {message_key(m["chat_id"], m["id"]): m for m in messages}
        known = self.pack.known(list(keys))
        for key, message in keys.items():
            if key in known:
                self.refresh(message)
            else:
                self._put(message, key)

    def refresh(self, message: Json) -> None:
        """Keep a message where it is not what is held."""
        key = message_key(message["chat_id"], message["id"])
        held = self.pack.held(key)
        if held is None or not records.is_same_message(held, message):
            self._put(message, key)

    def drop_chat(self, chat_id: int) -> None:
        """Mark a chat's record as deleted."""
        self.pack.drop(str(chat_id))
        self.aside.pop(str(chat_id), None)

    def _put(self, source: Json, source_id: str) -> bool:
        """Whether the item could be mapped; else it goes to quarantine."""
        try:
            self.pack.put(self._map(source))
        except _ODD as error:
            # Whatever is odd about one item must not stop the others.
            self.pack.fail(records.failed(source, source_id, error))
            return False
        return True

    def _set_aside(self, chat: Chat, progress: Progress) -> None:
        key = str(chat.id)
        if len(self.aside) >= _MOST_ASIDE:
            there = {str(other.id) for other in self.chats.listed(self._kinds)}
            self.aside = {k: held for k, held in self.aside.items() if k in there}
        if key in self.aside or len(self.aside) < _MOST_ASIDE:
            self.aside[key] = progress.dump()
        else:
            # What has no place for its progress would begin again for ever.
            self._closed.add(chat.id)

    def _batch(self, position: Position) -> Batch:
        self._yielded, self._last = time.monotonic(), self._whole(position)
        return self.pack.batch(self._last)

    def _whole(self, position: Position) -> Position:
        # The engine keeps a batch while the next one is made.
        return {**position, "aside": dict(self.aside)} if self.aside else dict(position)


def is_of_one_chat(error: ConnectorError) -> bool:
    """Whether an error says nothing of other chats: what is refused, and not for a while only."""
    return type(error) in (NotFoundError, UnreadableError, AccessDeniedError, ConnectorError)
