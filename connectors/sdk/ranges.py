"""Where a sync stands in a list that can only be paged, newest item first.

Some providers offer no change feed: only a list that grows at its head and now and then loses an
item. Its ids are opaque, so two of them cannot be compared. `ItemsRangeTracker` remembers the runs
of that list that have been fetched without a hole, and says what to fetch next: the new items at
the head, then the gaps between the runs, then everything below the last run.

A gap is an `ItemsRange`. `start_id` is the known item just above it (None: the head of the list),
`end_id` the known item just below it (None: the end of the list); neither is in the gap. Fetch a
gap from top to bottom and report each batch:

    tracker = ItemsRangeTracker(position.get("ranges"))
    while gap := tracker.next_range():
        try:
            page = list_items(after=gap.start_id)
        except ItemGone:  # the known item above the gap was deleted
            tracker.start_lost()
            continue
        ids = list(itertools.takewhile(lambda id: not tracker.is_known(id), page.ids))
        met = page.ids[len(ids)] if len(ids) < len(page.ids) else None
        done = ItemsRange(ids[0], ids[-1]) if ids else ItemsRange()
        hit = met is not None or page.is_last
        tracker.completed_range(done, hit, ids=ids, met=met, list_ended=met is None and hit)
        yield Batch(fetch(ids), position={"ranges": tracker.export()})

A list that is paged by token is walked from its head, over the items above the gap, up to
`start_id`; where the walk meets an id that `is_known` or the end of the list before it, the item
was deleted: `start_lost()`.

What is promised, however a sync is cut and whatever is deleted, range ends included:

- An item that stays in the list is fetched at least once. Without deletions, exactly once.
- A deleted range end costs at most what lies between it and the nearest end known in its place:
  with `ids` given, the tracker keeps up to `ANCHORS` ids at each end of a run, the outermost ones
  and some further in. Where none is left, or none was given, that one run is fetched again.
- The position is bounded: at most `MAX_RUNS` runs. A further one makes the tracker forget the
  oldest but one, which is then fetched again.

The one thing that the list must not do is to bring a known id back to its head (an item "liked"
again, say): the items above its old place would pass for known. Build such an id from the item and
the time it was added.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ANCHORS = 8
"""How many ids are kept at each end of a run, the end itself included."""

MAX_RUNS = 64
"""How many runs are kept."""


@dataclass(frozen=True, slots=True)
class ItemsRange:
    """A stretch of the list: from `start_id`, the newer end, to `end_id`, the older one."""

    start_id: str | None = None
    end_id: str | None = None


@dataclass(slots=True)
class _Run:
    """Items fetched without a hole.

    `newest` holds ids at the newer end, newest first, and is never empty. `oldest` holds ids at
    the older end, oldest first; it is empty where the run reaches the end of the list.
    """

    newest: list[str]
    oldest: list[str]

    def export(self) -> list[object]:
        end = self.oldest[0] if self.oldest else None
        pair: list[object] = [self.newest[0], end]
        if len(self.newest) > 1 or len(self.oldest) > 1:
            pair += [self.newest[1:], self.oldest[1:]]
        return pair


class ItemsRangeTracker:
    """The runs of a list already fetched, and the gaps still to fetch, in their order.

    Made at the start of each sync: `next_range()` begins at the head again.

    Args:
        saved: what `export()` gave; the older form `start:end,start:end`; or nothing (None, "")
            for a list never read. In the older form a range without an end reaches the end of
            the list, and a piece that cannot be read is left out, so that it is fetched again.

    Raises:
        ValueError: `saved` is JSON of another shape.
    """

    def __init__(self, saved: str | None = None) -> None:
        self._runs = _load(saved)
        # Gap n lies above run n; the last one below all runs. Beyond it, nothing is left to do.
        self._gap = 0
        self._owners = self._own()

    def next_range(self) -> ItemsRange | None:
        """Return the next gap to fetch, or None when this sync has no more to do."""
        if self._finished():
            return None
        above = self._runs[self._gap - 1].oldest[0] if self._gap else None
        below = self._runs[self._gap].newest[0] if self._gap < len(self._runs) else None
        return ItemsRange(above, below)

    def is_known(self, item_id: str) -> bool:
        """Tell whether this item is the start of what is known below the current gap.

        True for the gap's `end_id` and for the ids that stand in for it when it was deleted:
        the gap ends at the first item for which this holds.
        """
        return self._owners.get(item_id, -1) >= self._gap

    def update_range(self, done: ItemsRange, *, ids: Sequence[str] = ()) -> None:
        """Record progress inside the current gap: all from its start down to `done.end_id`.

        `next_range()` then gives the rest of the gap.

        Args:
            done: the first and the last item fetched. Below a known item only `end_id` counts.
            ids: all items fetched, newest first; some are kept to stand in for deleted ends.

        Raises:
            ValueError: there is no current gap, or the head's newest item is not given.
        """
        self._require_gap()
        self._advance(done, ids)

    def completed_range(
        self,
        done: ItemsRange,
        break_point_hit: bool,
        *,
        ids: Sequence[str] = (),
        met: str | None = None,
        list_ended: bool = False,
    ) -> None:
        """Record that work on the current gap stops here.

        Args:
            done: the first and the last item fetched; `ItemsRange()` when there was none.
            break_point_hit: True: the gap is closed. Fetching came to the gap's `end_id`, or to
                the end of the list if the gap has none, and the runs around it become one.
                False: it stopped before (end of a page, batch limit). The rest of the gap comes
                next; if `done` brings no progress, the rest is left to the next sync, so that a
                loop over `next_range()` always ends. An empty page that is not the last is no
                reason to call this: ask for the next page.
            ids: all items fetched, newest first; some are kept to stand in for deleted ends.
            met: the known item where fetching stopped; needed when it is not the `end_id`.
            list_ended: the list ended in this gap, so that nothing unknown is left below it;
                `break_point_hit` then changes nothing.

        Raises:
            ValueError: there is no current gap, `met` is not known, or the head's newest item is
                not given.
        """
        self._require_gap()
        if list_ended or (break_point_hit and self._gap == len(self._runs)):
            self._close_at_end(done, ids)
        elif break_point_hit:
            self._close_at(self._gap if met is None else self._owner(met), done, ids, met)
        elif not self._advance(done, ids):
            self._gap += 1

    def start_lost(self) -> None:
        """Say that the current gap's `start_id` is no longer in the list.

        `next_range()` then gives the gap with another start, further up: an id kept in its place,
        else the end of the run above, else the head. Items of the run below that id are fetched
        again. Calling this over and over arrives at the head, which cannot be lost.

        Raises:
            ValueError: the current gap has no start.
        """
        if not self._gap or self._finished():
            raise ValueError("the current gap has no start")
        above = self._runs[self._gap - 1]
        del above.oldest[0]
        if not above.oldest:
            del self._runs[self._gap - 1]
            self._gap -= 1
        self._owners = self._own()

    def export(self) -> str:
        """Return the runs as JSON, newest first: `[["30","45"]]`.

        The second id is null for a run that reaches the end of the list. Where ids are kept to
        stand in for a run's ends, they follow: `["30","45",["31","33"],["44","42"]]`.
        """
        return json.dumps([run.export() for run in self._runs], separators=(",", ":"))

    def _finished(self) -> bool:
        reaches_end = bool(self._runs) and not self._runs[-1].oldest
        return self._gap > len(self._runs) - reaches_end

    def _require_gap(self) -> None:
        if self._finished():
            raise ValueError("there is no gap left to fetch")

    def _advance(self, done: ItemsRange, ids: Sequence[str]) -> bool:
        """Move the top of the gap down; False if nothing was fetched."""
        if done.end_id is None:
            return False
        if self._gap == 0:
            newest, oldest = _ends(_first_id(done, ids), done.end_id, ids)
            self._runs.insert(0, _Run(newest, oldest))
            self._gap = 1
            if len(self._runs) > MAX_RUNS:
                # The last run is most likely the longest: the whole history.
                del self._runs[-2]
        else:
            above = self._runs[self._gap - 1]
            if done.end_id == above.oldest[0]:
                return False
            if ids:
                above.newest = _distinct([*above.newest, *ids, done.end_id])[
                    : max(ANCHORS, len(above.newest))
                ]
                above.oldest = _thin([done.end_id, *reversed(ids), *above.oldest])
            else:
                above.oldest = [done.end_id]
        self._owners = self._own()
        return True

    def _close_at_end(self, done: ItemsRange, ids: Sequence[str]) -> None:
        """Make one run of the run above the gap and all that is below it."""
        newest = self._newest_above(done, ids)
        first = max(self._gap - 1, 0)
        self._runs[first:] = [_Run(newest, [])] if newest else []
        self._gap = len(self._runs) + 1
        self._owners = self._own()

    def _close_at(self, index: int, done: ItemsRange, ids: Sequence[str], met: str | None) -> None:
        """Make one run of the run above the gap and all down to run `index`."""
        below = self._runs[index]
        below_newest, below_oldest = _from(below, met)
        newest = self._newest_above(done, ids)
        if self._gap == 0 and (ids or not newest):
            newest = _thin([*newest, *below_newest])
        first = max(self._gap - 1, 0)
        self._runs[first : index + 1] = [_Run(newest, below_oldest)]
        self._gap = first + 1
        self._owners = self._own()

    def _newest_above(self, done: ItemsRange, ids: Sequence[str]) -> list[str]:
        """The newest ids of the run that will hold the gap; none if the head brought none."""
        if self._gap:
            return self._runs[self._gap - 1].newest
        if done.start_id is None and not ids:
            return []
        return _ends(_first_id(done, ids), done.end_id, ids)[0]

    def _owner(self, item_id: str) -> int:
        if not self.is_known(item_id):
            raise ValueError("the item met is not known below the current gap")
        return self._owners[item_id]

    def _own(self) -> dict[str, int]:
        """Map each kept id to the index of its run."""
        return {
            item_id: index
            for index, run in enumerate(self._runs)
            for item_id in (*run.newest, *run.oldest)
        }


def _from(run: _Run, met: str | None) -> tuple[list[str], list[str]]:
    """The ends of a run of which the items newer than `met` are gone."""
    if met is None:
        return run.newest, run.oldest
    newest = run.newest[run.newest.index(met) :] if met in run.newest else [met]
    oldest = run.oldest[: run.oldest.index(met) + 1] if met in run.oldest else run.oldest
    return newest, oldest


def _first_id(done: ItemsRange, ids: Sequence[str]) -> str:
    if done.start_id is not None:
        return done.start_id
    if ids:
        return ids[0]
    raise ValueError("the newest item fetched at the head is needed as start_id")


def _ends(start: str, end: str | None, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """The ids to keep at the newer and at the older end of items just fetched."""
    last = [] if end is None else [end]
    if not ids:
        return [start], last
    return _thin([start, *ids, *last]), _thin([*last, *reversed(ids), start])


def _thin(ids: Iterable[str]) -> list[str]:
    """Keep at most `ANCHORS` ids: the outermost half of them, and others spread over the rest."""
    distinct = _distinct(ids)
    if len(distinct) <= ANCHORS:
        return distinct
    outer, rest = distinct[: ANCHORS // 2], distinct[ANCHORS // 2 :]
    count = ANCHORS - len(outer)
    return outer + [rest[(n + 1) * len(rest) // count - 1] for n in range(count)]


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def _load(saved: str | None) -> list[_Run]:
    if not saved:
        return []
    # Only what was certainly meant as JSON: an old id may begin with a bracket.
    if saved.startswith("[[") or saved == "[]":
        return _load_json(saved)
    return _load_old(saved)


def _load_old(saved: str) -> list[_Run]:
    pieces = [piece.split(":") for piece in saved.split(",")]
    runs = [_Run([p[0]], [p[1]] if p[1] else []) for p in pieces if len(p) == 2 and p[0]]
    return [run for n, run in enumerate(runs) if run.oldest or n == len(runs) - 1]


def _load_json(saved: str) -> list[_Run]:
    try:
        pairs = json.loads(saved)
    except (ValueError, RecursionError):
        # Not chained: the message would quote the position.
        raise ValueError("the saved ranges are not JSON") from None
    return [_load_pair(pair, last=n == len(pairs) - 1) for n, pair in enumerate(pairs)]


def _load_pair(pair: object, *, last: bool) -> _Run:
    match pair:
        case [str(start), str() | None as end, *others]:
            more_newest, more_oldest = _load_others(others)
            oldest = [] if end is None else [end, *more_oldest]
            if oldest or last:
                return _Run([start, *more_newest], oldest)
    raise ValueError("a saved range is not a pair of ids")


def _load_others(others: list[object]) -> tuple[list[str], list[str]]:
    match others:
        case []:
            return [], []
        case [list(newest), list(oldest)] if all(isinstance(i, str) for i in (*newest, *oldest)):
            return newest, oldest
    raise ValueError("the further ids of a saved range are not lists of ids")
