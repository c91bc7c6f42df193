"""One slice of a sync: what is done with all chats, in which order. See `chat_message.py`."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from connectors.sdk.errors import AccessDeniedError, ConnectorError
from connectors.sdk.handler import Kept
from connectors.sdk.records import Batch, Json, Position, Record
from connectors.telegram import calls, records
from connectors.telegram import kept as held_ids
from connectors.telegram.chats import Chat, Chats
from connectors.telegram.client import Client
from connectors.telegram.errors import NotFoundError, UnreadableError
from connectors.telegram.events import Events
from connectors.telegram.kept import message_key
from connectors.telegram.pack import Pack
from connectors.telegram.progress import Progress
from connectors.telegram.reading import History

#: Chats whose newest message is younger have their newest page read again in each sync: people
#: may delete what they sent for 48 hours (https://telegram.org/faq#q-can-i-delete-my-messages).
_YOUNG = 48 * 3600
#: Beyond every id.
_END = 2**63 - 1
#: Seconds after which there is a batch, whatever is in it.
_QUIET = 5.0
#: Seconds in which a large account is not compared again: the engine may have cut a sync right at
#: its end, and what follows then is no new one.
_PAUSE = 600
#: In the position: all of a chat has been compared.
_DONE = -1
#: A sync after somebody has reset the position reads all again.
_ALL = 2**31


class Sync:
    """The work of one slice.

    Args:
        kept: What the vault holds.
        chats: The chats, loaded.
        client: Asks TDLib.
        history: Reads the chats' messages.
        map_item: Makes the record of a chat or a message.
        kinds: The kinds of chats that are wanted.
        floor: Unix time that messages are wanted from; 0 for all.
        now: The time, Unix seconds.
        size: Items of a batch.
        verify_pages: Pages that one sync reads again at most.
    """

    def __init__(
        self,
        *,
        kept: Kept,
        chats: Chats,
        client: Client,
        history: History,
        map_item: Callable[[Json], Record],
        kinds: frozenset[str],
        floor: int,
        now: int,
        size: int,
        verify_pages: int,
    ) -> None:
        #: How far each chat has been read, of those that this slice has looked at.
        self.progress: dict[int, Progress] = {}
        self._kept = kept
        self._chats = chats
        self._client = client
        self._history = history
        self._map = map_item
        self._kinds = kinds
        self._floor = floor
        self._now = now
        self._verify_pages = verify_pages
        self._pack = Pack(kept, size)
        self._events = Events()
        self._position: Position = {}
        #: The position yielded last.
        self._last: Position = {}
        #: When the last batch was yielded, on the monotonic clock.
        self._yielded = time.monotonic()
        #: Chats that TDLib does not let us read now.
        self._closed: set[int] = set()
        #: Down to which message a chat has been compared in this slice.
        self._compared: dict[int, int] = {}

    def hear(self, update: Json) -> None:
        """Take an update of TDLib's."""
        self._chats.hear(update)
        self._events.hear(update)

    def run(self, position: Position) -> Iterator[Batch]:
        """Yield batches until there is nothing left to do."""
        left, is_new = self._begun(position)
        self._last = position
        self._position = {"v": 1, "pages": left}
        if position.get("place"):
            self._position["place"] = position["place"]
        if is_new:
            # Cut before it is through, the next slice begins with it, too.
            yield from self._vanished()
        del self._position["pages"]
        self._position |= {"left": left, "turn": position.get("turn", "")}
        for chat in self._wanted():
            yield from self._guarded(chat, self._look(chat, is_new=is_new))
        yield from self._older()
        for chat in self._wanted():
            if chat.last_id > self._of(chat).top:
                yield from self._guarded(chat, self._look(chat, is_new=False))
        yield from self._again()
        yield from self._older()
        yield from self._happened()
        rest = self._rest(position)
        if rest != self._last or not self._pack.is_empty:
            yield self._pack.batch(rest)

    def _begun(self, position: Position) -> tuple[int, bool]:
        """How many pages are to be compared, and whether a sync begins or goes on."""
        if not position:
            # The first sync, or somebody has reset it: then everything is looked at once more.
            is_empty = next(self._kept.source_ids(), None) is None
            return (0 if is_empty else _ALL), not is_empty
        left = self._verify_pages
        for name in ("pages", "left"):
            left = int(position[name]) if name in position else left
        if self._now - int(position.get("at", 0)) < _PAUSE:
            left = 0
        return left, "left" not in position

    def _rest(self, position: Position) -> Position:
        """Where the sync stands when there is nothing left to do."""
        place = self._position.get("place")
        if not place:
            return {"v": 1}
        moved = place != position.get("place")
        return {"v": 1, "place": place, "at": self._now if moved else position.get("at", 0)}

    # What is new

    def _look(self, chat: Chat, *, is_new: bool) -> Iterator[Batch]:
        """Read the newest messages of a chat, where there may be any, and compare what is kept."""
        progress = self._of(chat)
        young = is_new and progress.newest and chat.last_date > self._now - _YOUNG
        if chat.last_id == progress.top and not young:
            if not chat.last_id and progress.below is None:
                progress.cleared()
        elif not progress.newest and 0 < chat.last_date < self._floor:
            progress.below = chat.last_date
        else:
            yield from self._read_head(chat, progress)
        self._write_group(chat)
        yield from self._flush()

    def _read_head(self, chat: Chat, progress: Progress) -> Iterator[Batch]:
        before = progress.newest
        page = self._history.page(chat.id, 0)
        if not page and not self._is_cleared(chat):
            # Messages were being deleted while it was read: a later look will tell.
            return
        while progress.head and page and page[-1]["id"] > progress.head[0]:
            # There was a gap already, of a sync that was cut: it is closed first, so that there
            # is one at most.
            yield from self._read_older(chat)
        self._keep(progress.read_head(page, self._floor))
        if before:
            low = page[-1]["id"] if page else 0
            ids = held_ids.message_ids(self._kept, chat.id)
            self._compare(chat, page, ids[bisect_left(ids, low) :], is_sure=not page)
            self._compared[chat.id] = low

    def _is_cleared(self, chat: Chat) -> bool:
        """Whether a chat really has no message left."""
        self._chats.let_go(chat.id)
        return not self._chats.object(chat.id).get("last_message")

    def _vanished(self) -> Iterator[Batch]:
        """Mark what is kept of chats as deleted that were deleted with their history.

        A private chat that is in no list was; so was a basic group, unless it was upgraded. Large
        groups and channels leave the list when the person leaves them: that was theirs to read.
        """
        for chat_id in list(held_ids.chat_ids(self._kept)):
            chat = self._chats.get(chat_id)
            # One with a message left is not deleted, whatever has become of its place.
            is_there = chat is not None and (chat.lists or chat.last_id)
            if not is_there and self._is_deleted(chat_id):
                for message_id in held_ids.message_ids(self._kept, chat_id):
                    self._pack.drop(message_key(chat_id, message_id))
                    yield from self._flush()
                # Last: without its record nobody could tell what the rest belongs to.
                self._pack.drop(str(chat_id))

    def _is_deleted(self, chat_id: int) -> bool:
        group = self._kept.get(str(chat_id)) or {}
        kind = (group.get("sourceData") or {}).get("type") or {}
        match kind.get("@type"):
            case "chatTypePrivate":
                return True
            case "chatTypeBasicGroup":
                asked = calls.get_basic_group(int(kind["basic_group_id"]))
                try:
                    found = self._client.ask(asked, "basicGroup")
                except ConnectorError as error:
                    if not _of_one_chat(error):
                        raise
                    return False
                return not found.get("upgraded_to_supergroup_id")
        return False

    # What is older

    def _older(self) -> Iterator[Batch]:
        """Read what is missing, a page of each chat in turn, until nothing is."""
        while chats := [chat for chat in self._wanted() if not self._is_done(chat)]:
            turn = str(self._position["turn"])
            first = next((n for n, chat in enumerate(chats) if str(chat.id) > turn), 0)
            for chat in chats[first:] + chats[:first]:
                yield from self._guarded(chat, self._read_older(chat))
                yield from self._happened()

    def _read_older(self, chat: Chat) -> Iterator[Batch]:
        progress = self._of(chat)
        page = self._history.page_or_end(chat.id, progress.next_start)
        if progress.head:
            self._keep(progress.read_gap(page))
        else:
            self._keep(progress.read_older(page, self._floor))
        self._position["turn"] = str(chat.id)
        self._write_group(chat)
        yield from self._flush()

    # What was edited or deleted

    def _again(self) -> Iterator[Batch]:
        """Read again what is kept, from where the last sync has come to; a part of it, or all."""
        chats = [chat for chat in self._wanted() if self._of(chat).newest]
        at, start = self._position.get("place") or ["", 0]
        for chat in chats:
            key = str(chat.id)
            if key < at or (key == at and start == _DONE):
                continue
            begin = start if key == at else 0
            yield from self._guarded(chat, self._compare_chat(chat, begin))
            ends_here = chat is chats[-1] and self._position.get("place") == [key, _DONE]
            if self._position["left"] <= 0 and not ends_here:
                return
        self._position.pop("place", None)

    def _compare_chat(self, chat: Chat, start: int) -> Iterator[Batch]:
        progress = self._of(chat)
        ids = held_ids.message_ids(self._kept, chat.id)
        start = start or self._compared.get(chat.id, 0)
        while self._position["left"] > 0:
            page = self._history.page(chat.id, start)
            low = page[-1]["id"] if page else 0
            window = ids[bisect_left(ids, low) : bisect_left(ids, start or _END)]
            self._compare(chat, page, window)
            if page and low < progress.oldest and progress.below == 0:
                # What was taken for the end is none: there is more to read.
                progress.below = None
            is_end = (
                not page or low < progress.oldest or (low == progress.oldest and progress.below)
            )
            self._position["left"] -= 1
            self._position["place"] = [str(chat.id), _DONE if is_end else low]
            yield from self._flush()
            yield from self._happened()
            if is_end:
                return
            start = low

    def _compare(
        self, chat: Chat, page: Sequence[Json], ids: Sequence[int], *, is_sure: bool = False
    ) -> None:
        """Compare a page with what is kept of it.

        Args:
            chat: The chat.
            page: Its messages of a part of the history, all of them.
            ids: The ids that are kept of this part.
            is_sure: Whether those that are missing need not be asked for one by one.
        """
        progress, there = self._of(chat), {message["id"] for message in page}
        missing = [ident for ident in ids if ident not in there]
        found = (
            ((ident, None) for ident in missing)
            if is_sure
            else self._history.look(chat.id, missing)
        )
        for ident, message in found:
            if message is None:
                self._pack.drop(message_key(chat.id, ident))
            else:
                self._refresh(message)
        for message in page:
            if progress.holds(message["id"]):
                self._refresh(message)

    def _happened(self) -> Iterator[Batch]:
        """What TDLib has told of meanwhile."""
        for chat_id, message_id, is_gone in self._events.taken():
            key = message_key(chat_id, message_id)
            if not self._pack.known([key]):
                continue
            try:
                message = None if is_gone else self._history.message(chat_id, message_id)
            except ConnectorError as error:
                if not _of_one_chat(error):
                    raise
                # It can be read no more; what is kept of it stays.
                continue
            if message is None:
                self._pack.drop(key)
            else:
                self._refresh(message)
            yield from self._flush()

    # All of these

    def _wanted(self) -> list[Chat]:
        return [c for c in self._chats.listed(self._kinds) if c.id not in self._closed]

    def _of(self, chat: Chat) -> Progress:
        if chat.id not in self.progress:
            held = self._pack.held(str(chat.id)) or {}
            self.progress[chat.id] = Progress.parse(held.get("newestId"), held.get("syncData"))
        return self.progress[chat.id]

    def _is_done(self, chat: Chat) -> bool:
        return self._of(chat).is_done(self._floor)

    def _guarded(self, chat: Chat, work: Iterator[Batch]) -> Iterator[Batch]:
        """Leave a chat that cannot be read to a later slice; the others go on."""
        try:
            yield from work
        except ConnectorError as error:
            if not _of_one_chat(error):
                raise
            self._closed.add(chat.id)

    def _flush(self) -> Iterator[Batch]:
        """A batch where it is time for one: full, or a while has passed without any.

        Between batches the engine looks whether to stop, so that an empty one has its use, too.
        """
        if self._pack.is_full or time.monotonic() - self._yielded >= _QUIET:
            self._yielded, self._last = time.monotonic(), dict(self._position)
            yield self._pack.batch(self._last)

    def _write_group(self, chat: Chat) -> None:
        title = records.called(chat.title, chat.kind)
        held = self._pack.held(str(chat.id))
        if not records.is_same_group(held, title, self._of(chat)):
            self._put(self._chats.object(chat.id), str(chat.id))
        if self._is_done(chat):
            self._chats.let_go(chat.id)

    def _keep(self, messages: Sequence[Json]) -> None:
        """Keep messages; those that are held as they are stay."""
        keys = {message_key(m["chat_id"], m["id"]): m for m in messages}
        known = self._pack.known(list(keys))
        for key, message in keys.items():
            if key in known:
                self._refresh(message)
            else:
                self._put(message, key)

    def _refresh(self, message: Json) -> None:
        """Keep a message where it is not what is held."""
        key = message_key(message["chat_id"], message["id"])
        held = self._pack.held(key)
        if held is None or not records.is_same_message(held, message):
            self._put(message, key)

    def _put(self, source: Json, source_id: str) -> None:
        try:
            self._pack.put(self._map(source))
        except ConnectorError:
            raise
        except Exception as error:
            # Whatever is odd about one item must not stop the others.
            self._pack.fail(records.failed(source, source_id, error))


def _of_one_chat(error: ConnectorError) -> bool:
    """Whether an error says nothing of other chats: what is refused, and not for a while only."""
    return type(error) in (NotFoundError, UnreadableError, AccessDeniedError, ConnectorError)
