"""A large account: every chat gets its turn, the large one ends, and nothing is read twice."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import connectors
from tests.connectors.telegram.conftest import Bench, Kept, Start

CONNECTORS = Path(connectors.__file__).parent
CHATS, LARGE = 60, 50_000
#: Batches of one slice: some 12,000 messages.
SLICE = 125
#: Bytes that the connector may hold more after 4,000 further messages: no 25 for each of them.
GROWTH = 100_000


class Large(Kept):
    """Holds the records of chats, and of messages what they are compared by."""

    def keep(self, batch: Any) -> None:
        messages = [record for record in batch.records if ":" in record["sourceId"]]
        others = [record for record in batch.records if ":" not in record["sourceId"]]
        super().keep(replace(batch, records=others, listed=()))
        for record in messages:
            # A copy of the id: the connector's own is not to be held here.
            key = record["sourceId"].encode().decode()
            source = {name: record["sourceData"][name] for name in ("edit_date", "content")}
            self.records[key] = {"sourceData": source}


def _held_by_the_connector() -> int:
    snapshot = tracemalloc.take_snapshot()
    here = tracemalloc.Filter(inclusive=True, filename_pattern=f"{CONNECTORS}/*")
    return sum(found.size for found in snapshot.filter_traces([here]).statistics("filename"))


def _measured(sizes: dict[int, int], count: int) -> None:
    """Note what the connector holds, some batches into a slice, and many batches later."""
    match count:
        case 12:
            tracemalloc.start()
        case 20 | 60:
            sizes[count] = _held_by_the_connector()
            if count == 60:
                tracemalloc.stop()


def _large(start: Start) -> tuple[Bench, Any]:
    bench = start(items=10)
    there = len([c for c in bench.store.listed() if c.kind in ("private", "basic")])
    kinds = itertools.cycle(("private", "basic"))
    for kind in itertools.islice(kinds, CHATS - there - 1):
        bench.store.add_chat(kind, 5)
    return bench, bench.store.add_chat("private", LARGE)


def test_every_chat_gets_its_turn_while_the_large_one_is_read_to_its_end(start: Start) -> None:
    bench, large = _large(start)
    bench.kept = Large()
    chats = [c for c in bench.store.listed() if c.kind in ("private", "basic")]
    assert len(chats) == CHATS
    pages: Counter[int] = Counter()
    sizes: dict[int, int] = {}
    for number in range(20):
        for chat in chats:
            bench.store.add(chat)
        newest = {f"{chat.id}:{chat.last}" for chat in chats}
        measure = (lambda count: _measured(sizes, count)) if number == 1 else None
        batches = bench.sync(cut_after=SLICE, meanwhile=measure)
        assert newest <= set(bench.kept.records), f"slice {number} left a chat out"
        pages.update(page for page in bench.pages(large) if page)
        assert len(str(bench.position)) < 200
        if batches < SLICE:
            break
    slices = number + 1
    assert slices == -(-LARGE // 100 // SLICE) + 1
    assert set(bench.kept.records) == set(bench.holding.expected({}))
    # A slice that is cut may have to read the page that it was in once more; all others are read
    # once, and the answers have 50 messages at most.
    assert sum(pages.values()) - len(pages) <= slices
    assert LARGE / 50 <= len(pages) < LARGE / 49 + 5 * slices
    assert sizes[60] - sizes[20] < GROWTH, sizes
