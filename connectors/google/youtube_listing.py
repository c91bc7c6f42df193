"""Reading a YouTube list, which can only be paged: no change feed, no dates, no promised order.

The API says what is in a list and how long it is, not what happened to it. So:

- The backfill goes page by page, by page token; each page is a batch.
- Later syncs read the first page, and on while a page holds something new. When the list is
  longer by just the new items, that was all. When it is not, something left it, or came in
  elsewhere: the whole list is read again.
- What is kept and was not seen in a whole list is looked up by its id before it is marked
  deleted: a list that changes while it is paged can skip an item.

A look-up and a page cost the same, one unit for 50 items, so that reading a list whole is cheap
beside the 10,000 units of a project's day; it is read whole rather than remembered.

https://developers.google.com/youtube/v3/guides/implementation/pagination
https://developers.google.com/youtube/v3/determine_quota_cost
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from connectors.google.batch import pieces
from connectors.google.errors import NotFoundError
from connectors.google.youtube_client import MOST_IDS
from connectors.google.youtube_position import State
from connectors.sdk.errors import PositionLostError, TransientError
from connectors.sdk.handler import Kept, unmappable
from connectors.sdk.records import Batch, Failed, Json, Position, Record, iso

#: After so long a list is read whole though nothing tells of a change: an unlike and a like of
#: something far down can hide each other, and edits beyond the first page show no other way.
_AGE = timedelta(days=7)
#: Times that a list is read in one run before it is taken as it is, or given up.
_SWEEPS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Args:
        items: As the API sent them.
        total: Length of the list, when told.
        next: Token of the next page. A page without items is not the last; one without this is.
    """

    items: Sequence[Json] = ()
    total: int | None = None
    next: str | None = None

    @classmethod
    def of(cls, answer: Json) -> Page:
        """The page that an answer holds."""
        items = [item for item in answer.get("items") or () if isinstance(item, dict)]
        info = answer.get("pageInfo") or {}
        return cls(items, info.get("totalResults"), answer.get("nextPageToken") or None)

    @property
    def digest(self) -> str:
        """Tells this page's ids from another's."""
        ids = json.dumps([item.get("id") for item in self.items])
        return hashlib.sha256(ids.encode()).hexdigest()[:16]


class Listed(Protocol):
    """A handler of such a list."""

    #: Whether new items come in at the head. False: the whole list is read each time.
    newest_first: bool

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        """A page of the list.

        Args:
            token: Of the page; None for the first.
            notes: What is remembered between runs, to be changed in place.

        Raises:
            NotFoundError: There is no such list.
            PositionLostError: The token is no longer known.
        """

    def id_of(self, item: Json) -> str | None:
        """The item's id, even of one that cannot be mapped."""

    def usable(self, item: Json) -> bool:
        """Whether the item is to be kept."""

    def record(self, source: Json) -> Record:
        """Map an item."""

    def same(self, old: Record, new: Record) -> bool:
        """Whether two records of an item tell the same."""

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids, at most `MOST_IDS`, that are there though the list did not tell."""


@dataclass(slots=True)
class _Found:
    """What a page gave.

    Args:
        ids: Of all its usable items.
        new: How many of them were not known.
        records: The new and the changed ones.
        failed: New ones that cannot be mapped.
    """

    ids: set[str] = field(default_factory=set)
    new: int = 0
    records: list[Record] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


class Listing:
    """One run over a list.

    Args:
        handler: Whose list it is.
        kept: What the vault holds.
        now: The time, with a zone.
    """

    def __init__(self, handler: Listed, kept: Kept, now: datetime) -> None:
        self._handler = handler
        self._kept = kept
        self._now = now
        self._state = State()
        self._last: Position = {}
        #: Ids yielded by this run, and the records of the batch yielded last: `kept` may not
        #: know these yet.
        self._yielded: set[str] = set()
        self._latest: dict[str, Record] = {}

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what is new, changed and gone; the position is a `State`."""
        state = self._state = State.from_json(position)
        self._last = position
        if not state.phase:
            # Where something is kept, the position was reset: what went meanwhile is to be found.
            reset = next(self._kept.source_ids(), None) is not None
            state.phase = "sweep" if reset else "walk"
        elif state.phase == "done" and self._due():
            state.phase = "sweep"
        if state.phase == "walk":
            yield from self._walk()
        elif state.phase == "done":
            yield from self._look()
        if state.phase == "settle":
            yield from self._look()
        if state.phase == "sweep":
            yield from self._sweep()

    def _due(self) -> bool:
        return not self._handler.newest_first or self._state.old(self._now, _AGE)

    def _walk(self) -> Iterator[Batch]:
        """The backfill, a page at a time. A page token that is refused leads to a sweep."""
        state = self._state
        while state.phase == "walk":
            first = state.page is None
            try:
                page = self._read(state.page)
            except PositionLostError:
                state.page, state.phase = None, "sweep"
                return
            if first:
                state.total, state.head = page.total, page.digest
            state.shifted |= page.total != state.total
            state.page = page.next
            if page.next is None:
                self._walked(alone=first)
            yield self._batch(self._sift(page))

    def _walked(self, *, alone: bool) -> None:
        """Say what follows on the last page: a list of several may have changed on the way."""
        state = self._state
        if alone:
            self._rest()
        else:
            # What came in at the head is seen there; what came in elsewhere is not.
            blind = state.shifted and not self._handler.newest_first
            state.phase = "sweep" if blind else "settle"
        state.shifted = False

    def _look(self) -> Iterator[Batch]:
        """Look at the head, and on while there is something new; a sweep if that is not all."""
        state = self._state
        try:
            first = page = self._read(None)
            found = self._sift(page)
            same = (first.total, first.digest) == (state.total, state.head)
            while self._goes_on(page, found, same=same):
                self._account(found)
                if found.records or found.failed:
                    yield self._batch(found)
                page = self._read(page.next)
                found = self._sift(page)
        except PositionLostError:
            state.phase = "sweep"
            return
        self._account(found)
        state.phase = "sweep"
        if first.total == state.total:
            state.head = first.digest
            self._rest(whole=not state.whole)
        yield from self._news(found)

    def _goes_on(self, page: Page, found: _Found, *, same: bool) -> bool:
        """Whether the next page may hold something new as well."""
        if not page.next or not self._handler.newest_first:
            return False
        # What is left out may fill a page, and new items come below it.
        return bool(found.new) or not (found.ids or same)

    def _account(self, found: _Found) -> None:
        """Let the expected length grow by what is new, with the batch that keeps it."""
        if self._state.total is not None:
            self._state.total += found.new

    def _sweep(self) -> Iterator[Batch]:
        """Read the whole list; then mark deleted what is kept, was not in it, and is gone.

        Begins again when it is cut. A batch comes with what is new or changed alone, so that each
        run gets further than the one before, and one that finds nothing is not cut between pages.
        """
        state = self._state
        seen: set[str] | None = None
        for _ in range(_SWEEPS):
            ids: set[str] = set()
            try:
                first, last = yield from self._all_pages(ids)
            except PositionLostError:
                continue
            seen = ids
            state.total, state.head = first.total, first.digest
            if first.total == last.total:
                break
        if seen is None:
            raise TransientError("YouTube keeps refusing its own page tokens")
        missing = {*self._kept.source_ids(), *self._yielded} - seen
        gone = self._gone(sorted(missing))
        self._rest()
        yield from self._news(_Found(), gone)

    def _all_pages(self, ids: set[str]) -> Generator[Batch, None, tuple[Page, Page]]:
        """Yield what the list's pages bring, and give back the first and the last of them.

        Args:
            ids: Grows by the ids of all items.

        Raises:
            PositionLostError: A page token is no longer known.
        """
        first = page = self._read(None)
        while True:
            found = self._sift(page)
            ids |= found.ids
            if found.records or found.failed:
                yield self._batch(found)
            if not page.next:
                return first, page
            page = self._read(page.next)

    def _gone(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids that are gone, by asking for each."""
        gone: list[str] = []
        for piece in pieces(ids, MOST_IDS):
            there = self._handler.still_there(piece)
            gone += [key for key in piece if key not in there]
        return gone

    def _rest(self, *, whole: bool = True) -> None:
        """Say that nothing is left to do; where `whole`, that all of the list was read."""
        state = self._state
        state.phase, state.page, state.shifted = "done", None, False
        # A list that is read whole each time has no use for the time, and would save it each time.
        if whole and self._handler.newest_first:
            state.whole = iso(self._now)

    def _read(self, token: str | None) -> Page:
        """A page of the list; of a list that is not there, an empty one.

        Raises:
            PositionLostError: The token is no longer known.
        """
        try:
            return self._handler.page(token, self._state.notes)
        except NotFoundError:
            if token is None:
                return Page(total=0)
            # A token that is no longer good has been seen to be answered so as well:
            # https://github.com/JuanBindez/pytubefix/issues/494
            raise PositionLostError("YouTube no longer knows this page of the list") from None

    def _sift(self, page: Page) -> _Found:
        """What is new on a page, and what has changed."""
        items: dict[str, Json] = {}
        for item in filter(self._handler.usable, page.items):
            items[self._handler.id_of(item) or unmappable(item, KeyError(), "").source_id] = item
        known = self._kept.known(items) | self._yielded.intersection(items) if items else set()
        found = _Found(set(items), len(items) - len(known))
        for key, item in items.items():
            try:
                record = self._handler.record(item)
            except Exception as error:
                # Whatever is odd about one item must not stop the others. One that is kept stays
                # as it was.
                if key not in known:
                    found.failed.append(Failed(key, item, unmappable(item, error).reason))
                continue
            if key not in known or self._changed(key, record):
                found.records.append(record)
        return found

    def _changed(self, key: str, record: Record) -> bool:
        """Whether a known item reads otherwise now; one in quarantine does when it can be read."""
        old = self._latest.get(key) or self._kept.get(key)
        return old is None or not self._handler.same(old, record)

    def _news(self, found: _Found, deleted: Sequence[str] = ()) -> Iterator[Batch]:
        """A batch, if there is anything to keep: at rest, an idle sync changes nothing."""
        if found.records or found.failed or deleted or self._state.to_json() != self._last:
            yield self._batch(found, deleted)

    def _batch(self, found: _Found, deleted: Sequence[str] = ()) -> Batch:
        self._last = self._state.to_json()
        self._latest = {record["sourceId"]: record for record in found.records}
        listed = [*self._latest, *(failed.source_id for failed in found.failed)]
        self._yielded.update(listed)
        return Batch(
            found.records,
            self._last,
            deleted=deleted,
            failed=found.failed,
            listed=listed,
            total=self._state.total,
        )


def text(value: Any) -> str | None:
    """A string that is there and not empty."""
    return value if isinstance(value, str) and value else None


def moment(value: Any) -> str:
    """A time of the API (RFC 3339, with or without a fraction) as records write it.

    Raises:
        TypeError: It is no text.
        ValueError: It is no time.
    """
    return iso(datetime.fromisoformat(value))


def picture(thumbnails: Any) -> str | None:
    """The address of the smallest thumbnail.

    https://developers.google.com/youtube/v3/docs/thumbnails
    """
    if not isinstance(thumbnails, dict):
        return None
    for name in ("default", "medium", "high", "standard", "maxres"):
        if isinstance(found := thumbnails.get(name), dict) and text(found.get("url")):
            return str(found["url"])
    return None
