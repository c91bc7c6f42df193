"""One slice of a sync: what is done with all chats, in which order. See `chat_message.py`."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.sdk.errors import InUseError, RateLimitedError, TransientError
from connectors.sdk.records import Batch, Json, Position
from connectors.telegram.chats import Chat
from connectors.telegram.client import Client
from connectors.telegram.comparison import Comparison
from connectors.telegram.progress import Progress
from connectors.telegram.reading import History
from connectors.telegram.slices import Slice

#: Chats whose newest message is younger have their newest page read again in each sync: people
#: may delete what they sent for 48 hours (https://telegram.org/faq#q-can-i-delete-my-messages).
_YOUNG = 48 * 3600
#: Seconds in which a large account is not compared again: the engine may have cut a sync right at
#: its end, and what follows then is no new one.
_PAUSE = 600
#: A sync after somebody has reset the position reads all again.
_ALL = 2**31


class Sync:
    """The work of one slice.

    Args:
        work: What its steps share.
        client: Asks TDLib.
        history: Reads the chats' messages.
        now: The time, Unix seconds.
        verify_pages: Pages that one sync reads again at most.
    """

    def __init__(
        self, work: Slice, client: Client, history: History, *, now: int, verify_pages: int
    ) -> None:
        self._work = work
        self._history = history
        self._comparison = Comparison(work, client, history, now)
        self._now = now
        self._verify_pages = verify_pages

    def hear(self, update: Json) -> None:
        """Take an update of TDLib's."""
        self._work.chats.hear(update)
        self._comparison.events.hear(update)

    def run(self, position: Position) -> Iterator[Batch]:
        """Yield batches until there is nothing left to do.

        What has been done when Telegram asks to wait, or cannot be reached, need not be done again.

        Args:
            position: `v`, 1. `pages`: of a sync that begins, the pages to compare; `left`: those
                left of one that goes on. `looks`: the last chat whose newest messages it has looked
                at, until it has been through. `turn`: the chat whose older messages were read last.
                `place`: up to where everything has been compared, over many syncs, and `at`, when.
                `former`: small groups that were upgraded and are to be read to their end. `aside`:
                see `Slice`.

        Raises:
            FailedError: After the last batch; some chats were left out.
            ConnectorError: As `Client.ask`.
        """
        work = self._work
        try:
            yield from self._steps(position)
        except InUseError:
            raise
        except (RateLimitedError, TransientError):
            yield from work.finish(work.position)
            raise
        yield from work.finish(self._rest())
        if work.failures:
            raise work.failures[0]

    def _steps(self, position: Position) -> Iterator[Batch]:
        work = self._work
        left, is_new = self._begun(position)
        kept_on = {name: position[name] for name in ("place", "at") if position.get(name)}
        work.position = {"v": 1, "pages": left, **kept_on}
        if is_new:
            # Cut before it is through, the next slice begins with it, too.
            yield from self._comparison.vanished()
        else:
            former = position.get("former")
            work.position |= {"former": former} if former else {}
        del work.position["pages"]
        work.position |= {"left": left, "turn": position.get("turn", "")}
        self._comparison.recall()
        yield from self._looks("" if is_new else position.get("looks"))
        yield from self._older()
        for chat in work.wanted():
            if chat.last_id > work.of(chat.id).top:
                yield from work.guarded(chat, self._look(chat, again=False))
        yield from self._comparison.again()
        yield from self._older()
        yield from self._comparison.happened()

    def _begun(self, position: Position) -> tuple[int, bool]:
        """How many pages are to be compared, and whether a sync begins or goes on."""
        if not position:
            # The first sync, or somebody has reset it: then everything is looked at once more.
            is_empty = next(self._work.kept.source_ids(), None) is None
            return (0 if is_empty else _ALL), not is_empty
        if "left" in position:
            return int(position["left"]), False
        left = int(position.get("pages", self._verify_pages))
        return (0 if self._now - int(position.get("at", 0)) < _PAUSE else left), True

    def _rest(self) -> Position:
        """Where the sync stands when there is nothing left to do."""
        place = self._work.position.get("place")
        if not place:
            return {"v": 1}
        return {"v": 1, "place": place, "at": self._work.position.get("at", 0)}

    # What is new

    def _looks(self, done: str | None) -> Iterator[Batch]:
        """Look at the newest messages of every chat.

        Args:
            done: The last chat whose newest page was read again; None where all were.
        """
        work = self._work
        if done is not None:
            work.position["looks"] = done
        for chat in work.wanted():
            again = done is not None and str(chat.id) > done
            yield from work.guarded(chat, self._look(chat, again=again))
            if again:
                work.position["looks"] = str(chat.id)
        work.position.pop("looks", None)

    def _look(self, chat: Chat, *, again: bool) -> Iterator[Batch]:
        """Read the newest messages of a chat, where there may be any, and compare what is kept."""
        work, progress = self._work, self._work.of(chat.id)
        young = again and progress.newest and chat.last_date > self._now - _YOUNG
        if chat.last_id == progress.top and not young:
            if not chat.last_id and progress.below is None:
                progress.cleared()
        elif not progress.newest and 0 < chat.last_date < work.floor:
            progress.below = chat.last_date
        else:
            yield from self._read_head(chat, progress)
        work.write_group(chat)
        yield from work.flush()

    def _read_head(self, chat: Chat, progress: Progress) -> Iterator[Batch]:
        before = progress.newest
        page = self._history.page_or_end(chat.id, 0)
        if not page and not self._comparison.is_cleared(chat):
            # Messages were being deleted while it was read: a later look will tell.
            return
        while progress.head and page and page[-1]["id"] > progress.head[0]:
            # There was a gap already, of a sync that was cut: it is closed first, so that there
            # is one at most.
            yield from self._read_older(chat)
        self._work.keep(progress.read_head(page, self._work.floor))
        if before:
            yield from self._comparison.head(chat, page)

    # What is older

    def _older(self) -> Iterator[Batch]:
        """Read what is missing, a page of each chat in turn, until nothing is."""
        work = self._work
        while chats := [chat for chat in work.wanted() if not work.is_done(chat)]:
            turn = str(work.position["turn"])
            first = next((n for n, chat in enumerate(chats) if str(chat.id) > turn), 0)
            for chat in chats[first:] + chats[:first]:
                yield from work.guarded(chat, self._read_older(chat))
                yield from self._comparison.happened()

    def _read_older(self, chat: Chat) -> Iterator[Batch]:
        work, progress = self._work, self._work.of(chat.id)
        page = self._history.page_or_end(chat.id, progress.next_start)
        if progress.head:
            work.keep(progress.read_gap(page))
        else:
            work.keep(progress.read_older(page, work.floor))
        work.position["turn"] = str(chat.id)
        work.write_group(chat)
        yield from work.flush()
