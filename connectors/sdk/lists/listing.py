"""Reading a list that can only be paged: no change feed, no dates, no promised order.

Such an API says what is in a list and perhaps how long it is, not what happened to it. So:

- The backfill goes page by page, by page token; each page is a batch.
- Later syncs read the first page, and on while a page holds something new. Where the length is
  told and the list is longer by just the new items, that was all. When it is not, something left
  it, or came in elsewhere: the whole list is read again.
- Nothing new at the head does not tell that nothing went or changed further down: each list is
  read whole again at a certain age, and one whose new items may turn up anywhere in each run.
- What is kept and was not seen in a whole list, or is listed as a mere placeholder, is looked up
  by its id before it is marked deleted: a list that changes while it is paged can skip an item.
- A list whose pages lead round in a circle, or on and on without anything new, is one whose page
  token is lost: what it showed is kept, and nothing is marked deleted by it.
- The length may be wrong: nothing promises that it is exact. Where a whole list shows that it was,
  a difference no greater tells nothing for a day.

Ids are not remembered in the position, which stays small: a list that is read whole is compared
with what is kept. For lists that cost much to read there is `connectors.sdk.ranges`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import datetime, timedelta

from connectors.sdk.errors import PositionLostError, TransientError
from connectors.sdk.handler import Kept, unmappable
from connectors.sdk.lists.onward import Onward
from connectors.sdk.lists.page import Found, Listed, Page, Reading, apart
from connectors.sdk.lists.position import State
from connectors.sdk.records import Batch, Failed, Json, Position, Record, iso

#: For so long a difference of length that was found to mean nothing is not looked into again.
_TRUST = timedelta(days=1)
#: Times that a list is read in one run before it is taken as it is, or given up.
_SWEEPS = 3


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
        #: Ids that this run marked deleted: `kept` may not know this yet.
        self._ended: set[str] = set()
        #: How long the list was by this run's look at its head.
        self._looked: int | None = None

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
        return not self._handler.newest_first or self._state.old(self._now, self._handler.age)

    def _walk(self) -> Iterator[Batch]:
        """The backfill, a page at a time. A page token that is refused leads to a sweep."""
        state = self._state
        onward = Onward(state.barren)
        while state.phase == "walk":
            first = state.page is None
            try:
                page = self._handler.page(state.page, state.notes)
            except PositionLostError:
                self._lost()
                return
            if first:
                state.total, state.head = page.total, self._digest(page)
            state.shifted |= page.total != state.total
            state.page = page.next
            if page.next is None:
                self._walked(alone=first)
            else:
                # What earlier runs have seen is kept, and no news either.
                keys = set(map(self._key, page.items))
                leads = onward.leads(keys - self._known(keys), page.next)
                state.barren = onward.barren
                if not leads:
                    self._lost()
            yield self._batch(self._sift(page))

    def _lost(self) -> None:
        """Say that the backfill cannot go on, and that the list is to be read from its head."""
        state = self._state
        # The length accounts for the whole list, not for what is kept so far.
        state.page, state.total, state.phase, state.barren = None, None, "sweep", 0

    def _walked(self, *, alone: bool) -> None:
        """Say what follows on the last page: a list of several may have changed on the way."""
        state = self._state
        if alone:
            self._rest()
        else:
            # What came in at the head is seen there; what came in elsewhere is not.
            blind = state.shifted and not self._handler.newest_first
            state.phase = "sweep" if blind else "settle"
        state.shifted, state.barren = False, 0

    def _look(self) -> Iterator[Batch]:
        """Look at the head, and on while there is something new; a sweep if that is not all."""
        state = self._state
        try:
            first = page = self._handler.page(None, self._state.notes)
            self._looked, digest = first.total, self._digest(first)
            # Placeholders that were seen to need no second look-up.
            found = self._sift(page, ask=digest != state.head)
            same = digest == state.head and self._as_expected(first)
            seen, onward = set(found.ids), Onward()
            while self._goes_on(page, found, same=same):
                self._account(found)
                if found.told:
                    yield self._batch(found)
                page = self._next(page, onward)
                found = self._sift(page)
                seen |= found.ids
            if not page.next and digest != state.head:
                # All of the list has been seen, so no count is needed to know what is missing.
                missing = self._missing(seen) - set(found.gone)
                found.gone += self._gone(sorted(missing))
        except PositionLostError:
            state.phase = "sweep"
            return
        self._account(found)
        state.phase = "sweep"
        if self._as_expected(first):
            state.head = digest
            self._rest(whole=not state.whole)
        yield from self._news(found)

    def _as_expected(self, page: Page) -> bool:
        """Whether the list is as long as it should be, as far as its count can be trusted."""
        if page.total == self._state.total:
            return True
        return apart(page.total, self._state.total) in range(1, self._slack() + 1)

    def _slack(self) -> int:
        """So great a difference of the length is known to mean nothing at present."""
        return self._state.slack if self._state.trusts(self._now, _TRUST) else 0

    def _goes_on(self, page: Page, found: Found, *, same: bool) -> bool:
        """Whether the next page may hold something new as well."""
        if not page.next or not self._handler.newest_first:
            return False
        # What is left out may fill a page, and new items come below it.
        return bool(found.new) or not (found.ids or same)

    def _account(self, found: Found) -> None:
        """Let the expected length grow by what is new, with the batch that keeps it."""
        if self._state.total is not None:
            self._state.total += found.new

    def _sweep(self) -> Iterator[Batch]:
        """Read the whole list; then mark deleted what is kept, was not in it, and is gone.

        Begins again when it is cut. A batch comes with what is new or changed alone, so that each
        run gets further than the one before, and one that finds nothing is not cut between pages:
        cut at the end of each time slice, it would never come to its end. It is as long as the list
        is, since `Onward` ends one that has no end.
        """
        state = self._state
        reading: Reading | None = None
        for _ in range(_SWEEPS):
            before, now = reading, Reading()
            try:
                yield from self._all_pages(now)
            except PositionLostError:
                continue
            reading, expected = now, state.total
            state.total, state.head = now.first.total, self._digest(now.first)
            if now.unrest <= self._slack():
                break
            if before is not None and before.ids == now.ids:
                # Twice the same: it is the provider that counts otherwise each time.
                self._trust(now.unrest)
                break
        if reading is None:
            raise TransientError("the provider's pages do not lead to the list's end")
        gone = self._gone(sorted(self._missing(reading.ids)))
        if not (gone or reading.new):
            self._trust(reading.unexplained(expected, self._looked))
        self._rest()
        yield from self._news(Found(gone=gone))

    def _missing(self, seen: Collection[str]) -> set[str]:
        """What is kept, or will be when all batches so far are, and is not among these."""
        return {*self._kept.source_ids(), *self._yielded} - set(seen) - self._ended

    def _trust(self, slack: int) -> None:
        """Remember that so great a difference of the length meant nothing."""
        if slack > self._slack():
            self._state.slack, self._state.trusted = slack, iso(self._now)

    def _all_pages(self, reading: Reading) -> Generator[Batch, None, None]:
        """Yield what the list's pages bring.

        Args:
            reading: Filled with what they hold.

        Raises:
            PositionLostError: A page token is no longer known, or the pages lead nowhere.
        """
        onward = Onward()
        page = reading.first = self._handler.page(None, self._state.notes)
        while True:
            # Placeholders are missing among the ids, and looked up with all else that is.
            found = self._sift(page, ask=False)
            reading.ids |= found.ids
            reading.keys += map(self._key, page.items)
            reading.new += found.new
            self._account(found)
            if found.told:
                yield self._batch(found)
            if not page.next:
                reading.last = page
                return
            page = self._next(page, onward)

    def _next(self, page: Page, onward: Onward) -> Page:
        """The page after one that has a next.

        Raises:
            PositionLostError: Its token is no longer known, or the pages lead nowhere.
        """
        token = page.next or ""
        if not onward.leads([self._key(item) for item in page.items], token):
            raise PositionLostError("the provider's list does not come to an end")
        return self._handler.page(token, self._state.notes)

    def _gone(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids that are gone, by asking for each."""
        gone: list[str] = []
        most = self._handler.most_ids
        for piece in (ids[at : at + most] for at in range(0, len(ids), most)):
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

    def _key(self, item: Json) -> str:
        """The item's id; one that has none is told from others by its content."""
        return self._handler.id_of(item) or unmappable(item, KeyError(), "").source_id

    def _digest(self, page: Page) -> str:
        """Tells a page's items from another's, and an item from its placeholder."""
        items = [[self._key(item), self._handler.usable(item)] for item in page.items]
        return hashlib.sha256(json.dumps(items).encode()).hexdigest()[:16]

    def _known(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that are kept, or will be when all batches so far are."""
        if not ids:
            return set()
        return (self._kept.known(ids) | self._yielded.intersection(ids)) - self._ended

    def _sift(self, page: Page, *, ask: bool = True) -> Found:
        """What is new on a page, and what has changed.

        Args:
            page: The page.
            ask: Whether known items that have become placeholders are looked up.
        """
        items: dict[str, Json] = {}
        blank: set[str] = set()
        for item in page.items:
            if self._handler.usable(item):
                items[self._key(item)] = item
            elif ask:
                blank.add(self._key(item))
        known = self._known(items)
        found = Found(set(items), len(items) - len(known))
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
        found.gone = self._gone(sorted(self._known(blank - found.ids)))
        return found

    def _changed(self, key: str, record: Record) -> bool:
        """Whether a known item reads otherwise now; one in quarantine does when it can be read."""
        old = self._latest.get(key) or self._kept.get(key)
        return old is None or not self._handler.same(old, record)

    def _news(self, found: Found) -> Iterator[Batch]:
        """A batch, if there is anything to keep: at rest, an idle sync changes nothing."""
        if found.told or self._state.to_json() != self._last:
            yield self._batch(found)

    def _batch(self, found: Found) -> Batch:
        self._last = self._state.to_json()
        self._latest = {record["sourceId"]: record for record in found.records}
        listed = [*self._latest, *(failed.source_id for failed in found.failed)]
        self._yielded.update(listed)
        self._ended.difference_update(listed)
        self._ended.update(found.gone)
        return Batch(
            found.records,
            self._last,
            deleted=found.gone,
            failed=found.failed,
            listed=listed,
            total=self._state.total,
        )
