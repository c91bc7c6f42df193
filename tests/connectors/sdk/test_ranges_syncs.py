"""ItemsRangeTracker, driven as a handler would drive it over lists that change under it."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sdk.ranges import ANCHORS, MAX_RUNS, ItemsRange, ItemsRangeTracker

PAGE = 3


@dataclass
class Api:
    """A provider's list, newest first, paged after an id or by token."""

    ids: list[str]
    page_size: int = PAGE
    requests: int = 0
    # A token names a snapshot, so that changes do not shift its pages.
    snapshots: dict[str, list[str]] = field(default_factory=dict)

    def after(self, item_id: str | None) -> tuple[list[str], bool]:
        """The page after an item, and whether it is the last; KeyError if the item is gone."""
        self.requests += 1
        if item_id is not None and item_id not in self.ids:
            raise KeyError(item_id)
        start = 0 if item_id is None else self.ids.index(item_id) + 1
        page = self.ids[start : start + self.page_size]
        return page, start + self.page_size >= len(self.ids)

    def page(self, token: str | None) -> tuple[list[str], str | None]:
        """The page of a token, and the token of the next one."""
        self.requests += 1
        left = list(self.ids) if token is None else self.snapshots[token]
        page, rest = left[: self.page_size], left[self.page_size :]
        if not rest:
            return page, None
        following = str(len(self.snapshots))
        self.snapshots[following] = rest
        return page, following


@dataclass
class Step:
    """A batch: the ids that it fetched and the position that holds once they are kept."""

    ids: list[str]
    saved: str


def split_at_known(tracker: ItemsRangeTracker, ids: Sequence[str]) -> tuple[list[str], str | None]:
    new = list(itertools.takewhile(lambda item_id: not tracker.is_known(item_id), ids))
    return new, ids[len(new)] if len(new) < len(ids) else None


def ends(ids: Sequence[str]) -> ItemsRange:
    return ItemsRange(ids[0], ids[-1]) if ids else ItemsRange()


def sync_after_id(api: Api, saved: str | None) -> Iterator[Step]:
    """The reference loop for a provider that lists what comes after an item."""
    tracker = ItemsRangeTracker(saved)
    while gap := tracker.next_range():
        try:
            page, is_last = api.after(gap.start_id)
        except KeyError:
            tracker.start_lost()
            continue
        ids, met = split_at_known(tracker, page)
        ended = is_last and met is None
        tracker.completed_range(
            ends(ids), met is not None or ended, ids=ids, met=met, list_ended=ended
        )
        yield Step(ids, tracker.export())


def sync_by_token(api: Api, saved: str | None) -> Iterator[Step]:
    """The reference loop for a provider that lists from the head alone, by page token."""
    tracker = ItemsRangeTracker(saved)
    while gap := tracker.next_range():
        yield from walk(api, tracker, gap)


def walk(api: Api, tracker: ItemsRangeTracker, gap: ItemsRange) -> Iterator[Step]:
    token: str | None = None
    skipping = gap.start_id is not None
    while True:
        page, token = api.page(token)
        if skipping and gap.start_id in page:
            page = page[page.index(gap.start_id) + 1 :]
            skipping = False
        if skipping:
            if token is None or any(map(tracker.is_known, page)):
                tracker.start_lost()
                return
            continue
        ids, met = split_at_known(tracker, page)
        if met is not None or token is None:
            tracker.completed_range(ends(ids), True, ids=ids, met=met, list_ended=met is None)
            yield Step(ids, tracker.export())
            return
        tracker.update_range(ends(ids), ids=ids)
        yield Step(ids, tracker.export())


def sync_without_ids(api: Api, saved: str | None) -> Iterator[Step]:
    """The least that a handler can do: only the ends are told."""
    tracker = ItemsRangeTracker(saved)
    while gap := tracker.next_range():
        try:
            page, is_last = api.after(gap.start_id)
        except KeyError:
            tracker.start_lost()
            continue
        ids, met = split_at_known(tracker, page)
        tracker.completed_range(ends(ids), met is not None or is_last, met=met)
        yield Step(ids, tracker.export())


Sync = Callable[[Api, str | None], Iterator[Step]]
SYNCS: list[Sync] = [sync_after_id, sync_by_token, sync_without_ids]


@dataclass
class Run:
    """A person's account over time: the list, what was kept, the position kept with it."""

    sync: Sync
    api: Api
    saved: str | None = None
    fetched: Counter[str] = field(default_factory=Counter)
    current: Iterator[Step] | None = None

    def step(self) -> bool:
        """Keep one more batch; False when the sync is over."""
        self.current = self.current or self.sync(self.api, self.saved)
        step = next(self.current, None)
        if step is None:
            self.current = None
            return False
        assert ItemsRangeTracker(step.saved).export() == step.saved
        self.fetched.update(step.ids)
        self.saved = step.saved
        return True

    def cut(self) -> None:
        self.current = None

    def finish(self) -> None:
        """One whole sync; fails if it does not end."""
        self.cut()
        limit = self.api.requests + 40 * (len(self.api.ids) + 10)
        while self.step():
            assert self.api.requests < limit

    def known(self) -> set[str]:
        """All ids that the position names."""
        flat: set[str] = set()
        for start, end, *others in json.loads(self.saved or "[]"):
            flat.update([start, end] if end else [start], *others)
        return flat


def numbered(first: int, last: int) -> list[str]:
    """Ids, newest first: the higher the newer."""
    return [str(n) for n in range(last, first - 1, -1)]


@pytest.mark.parametrize("sync", SYNCS)
def test_a_quiet_list_costs_one_request(sync: Sync) -> None:
    account = Run(sync, Api(numbered(1, 20)))
    account.finish()
    before = account.api.requests
    account.finish()
    assert account.api.requests == before + 1
    assert set(account.fetched.values()) == {1}


@pytest.mark.parametrize("sync", [sync_after_id, sync_by_token])
@pytest.mark.parametrize("finished", [True, False])
def test_deleting_the_newest_known_items_fetches_nothing_again(sync: Sync, finished: bool) -> None:
    account = Run(sync, Api(numbered(1, 300), page_size=50))
    if finished:
        account.finish()
    else:
        assert account.step()
    account.cut()
    del account.api.ids[:3]
    account.api.ids[:0] = numbered(301, 302)
    account.finish()
    assert set(account.fetched.values()) == {1}


def test_deleting_many_of_the_newest_fetches_a_part_again_and_not_the_run() -> None:
    account = Run(sync_after_id, Api(numbered(1, 1000), page_size=100))
    account.finish()
    del account.api.ids[:20]
    account.finish()
    assert 0 < account.fetched.total() - 1000 <= 30


@pytest.mark.parametrize("sync", [sync_after_id, sync_by_token])
def test_deleting_the_oldest_known_items_fetches_nothing_again(sync: Sync) -> None:
    account = Run(sync, Api(numbered(1, 300), page_size=50))
    assert account.step()
    assert account.step()
    account.cut()
    del account.api.ids[98:100]
    account.finish()
    assert set(account.fetched.values()) == {1}
    assert set(account.api.ids) <= set(account.fetched)


def test_the_position_stays_bounded_when_every_sync_is_cut_at_the_head() -> None:
    account = Run(sync_after_id, Api([], page_size=2))
    first: list[str] = []
    for n in range(2 * MAX_RUNS):
        account.api.ids[:0] = numbered(10 * n, 10 * n + 9)
        assert account.step()
        account.cut()
        first = first or account.api.ids[:2]
    runs = json.loads(account.saved or "")
    assert len(runs) == MAX_RUNS
    assert runs[-1][:2] == first
    assert len(account.known()) <= 2 * ANCHORS * MAX_RUNS
    account.finish()
    assert set(account.api.ids) <= set(account.fetched)


# Whatever happens to the list, wherever the syncs are cut

IDS = st.text(st.characters() | st.sampled_from(':,"[]\\\0\ud800'), min_size=1, max_size=6)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(1, 4)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("grow"), st.integers(1, 12)),
        st.tuples(st.sampled_from(["delete", "delete end"]), st.integers(0, 10_000)),
    ),
    max_size=40,
)


def play(
    account: Run, ids: Iterator[str], operations: list[tuple[str, int]], spare_ends: bool
) -> int:
    """Let it happen; return how many items were deleted."""
    deleted = 0
    for operation, number in operations:
        listed = account.api.ids
        known = account.known()
        match operation:
            case "step":
                for _ in range(number):
                    account.step()
            case "cut":
                account.cut()
            case "grow":
                listed[:0] = itertools.islice(ids, number)
            case _:
                ends_wanted = operation == "delete end" and not spare_ends
                pool = [i for i in listed if (i in known) == ends_wanted]
                if pool:
                    listed.remove(pool[number % len(pool)])
                    deleted += 1
    return deleted


@settings(max_examples=150, deadline=None)
@given(
    sync=st.sampled_from(SYNCS),
    ids=st.lists(IDS, unique=True, max_size=60),
    page_size=st.integers(1, 7),
    operations=OPERATIONS,
)
def test_nothing_that_stays_is_lost_and_every_sync_ends(
    sync: Sync, ids: list[str], page_size: int, operations: list[tuple[str, int]]
) -> None:
    account = Run(sync, Api([], page_size))
    deleted = play(account, iter(ids), operations, spare_ends=False)
    account.finish()
    assert set(account.api.ids) <= set(account.fetched)
    again = account.fetched.total() - len(account.fetched)
    # Each deletion takes away one end at most, and an end costs one run at most.
    assert again <= deleted * len(ids)

    before = account.api.requests
    account.finish()
    assert account.api.requests == before + 1
    assert account.fetched.total() == again + len(account.fetched)


@settings(max_examples=100, deadline=None)
@given(
    sync=st.sampled_from(SYNCS),
    ids=st.lists(IDS, unique=True, max_size=60),
    page_size=st.integers(1, 7),
    operations=OPERATIONS,
)
def test_each_item_is_fetched_exactly_once_while_no_end_is_deleted(
    sync: Sync, ids: list[str], page_size: int, operations: list[tuple[str, int]]
) -> None:
    account = Run(sync, Api([], page_size))
    play(account, iter(ids), operations, spare_ends=True)
    account.finish()
    assert set(account.api.ids) <= set(account.fetched)
    assert set(account.fetched.values()) <= {1}
