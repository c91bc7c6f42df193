"""What a sync must do that is cut, or that the provider changes under."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from connectors.sdk import registry
from tests.contract import applies
from tests.contract.applies import needs
from tests.contract.bench import MOST_SLICES, Bench, Rounds, expect, fail
from tests.contract.conftest import PAGE, Make
from tests.contract.killer import RESTED, WAITING, Moment

#: Requests that each new start may take besides its look at what is new: the page it was in, and
#: the batch that was fetched ahead.
_RESTART = 4
#: Items of an account whose sync is stopped after every batch: many pages.
_ITEMS = 60
#: Slices of one batch that such an account takes at most.
_SLICES = 120


def killed(make: Make) -> None:
    """Killed at every batch, in both moments, and resumed in a new process each time."""
    for moment in get_args(Moment):
        bench = make()
        endless = f"killed at each batch ({moment}), the sync never comes to its end"
        rounds = Rounds(bench, endless)
        for _ in range(MOST_SLICES):
            code = bench.killed(moment)
            expect(code != WAITING, f"the sync waits: {bench.state().message}")
            if code == RESTED:
                break
            rounds.look()
        else:
            fail(endless)
        bench.expect_all(f"killed at every batch (after the {moment}) and resumed")
        expect(not bench.quarantine(), "items were quarantined")


def stopped(make: Make) -> None:
    """Stopped after every batch: the same in the end, and no finished page is fetched again."""
    whole = make(items=_ITEMS, messages=_ITEMS)
    whole.cost()
    whole.run_well()
    uncut, uncut_bytes = whole.cost()
    whole.run_well()
    idle, idle_bytes = whole.cost()
    bench = make(items=_ITEMS, messages=_ITEMS)
    bench.cost()
    # Each start may read the page that it was in, and have a look at what is new; one that reads
    # its whole list to see what is new does not need to while the list is still being read.
    page = uncut_bytes * PAGE // _ITEMS
    again = page + min(page, idle_bytes)
    # Where each start opens a session of the provider's own, it is told of all that is there.
    opens = registry.provider_class(make.provider).oauth is None
    cut = cut_bytes = 0

    def look(slices: int) -> None:
        nonlocal again, cut, cut_bytes
        requests, read = bench.cost()
        if opens and slices == 1:
            again = max(again, read)
        cut, cut_bytes = cut + requests, cut_bytes + read
        for took, most, unit in (
            (cut, uncut + slices * (idle + _RESTART), f"requests ({uncut} uncut)"),
            (cut_bytes, uncut_bytes + slices * again, f"bytes ({uncut_bytes} uncut)"),
        ):
            expect(
                took <= most,
                f"stopped {slices} times, the sync took {took} where {most} are enough, in {unit}: "
                "it fetches again what it has finished",
            )

    _slice_by_slice(bench, look)
    bench.expect_all("stopped after every batch")


def _slice_by_slice(bench: Bench, look: Callable[[int], None] = lambda _: None) -> None:
    """Sync to the end, stopped after every batch.

    Args:
        bench: What is synced.
        look: Told after each slice how many there were.
    """
    endless = "stopped after every batch, the sync never comes to its end"
    rounds = Rounds(bench, endless)
    for number in range(1, _SLICES + 1):
        outcome = bench.slice(batches=1)
        look(number)
        if outcome.next in ("rest", "off"):
            expect(outcome.handler == "enabled", f"the sync ended badly: {outcome.message}")
            return
        expect(outcome.next == "continue", f"the sync waits: {outcome.message}")
        rounds.look()
    fail(endless)


def changed_meanwhile(make: Make) -> None:
    """New, edited and removed items, while the backfill goes on, are all reflected."""
    bench = make(items=40, messages=40)
    edits = bench.holding.tells_edits
    for number in range(MOST_SLICES):
        outcome = bench.slice(batches=1)
        if outcome.next in ("rest", "off"):
            break
        if number < 6:
            _change(bench, number, edits=edits)
    else:
        fail("while items come and go, the sync never comes to its end")
    # What changed after the last look is the next sync's to see.
    bench.run_well()
    bench.expect_all("after items came, went and changed during the backfill")


def _change(bench: Bench, turn: int, *, edits: bool) -> None:
    holding = bench.holding
    order, ids = holding.expected({}), bench.kept_ids()
    kept = [key for key in order if key in ids]
    coming = [key for key in order if key not in kept]
    holding.add(2)
    # The ends of what is kept, an item in its middle, and one that has not been fetched yet.
    gone = {0: kept[:1], 1: kept[-1:], 2: coming[:1], 3: kept[len(kept) // 2 :][:1]}.get(turn, [])
    for key in gone:
        holding.remove(key)
    if edits:
        left = [key for key in (*kept[1:2], *coming[-1:]) if key not in gone]
        for key in left:
            holding.edit(key)


def changed_between(make: Make) -> None:
    """New, edited and removed items between two syncs, the newest and the oldest included."""
    bench = make()
    bench.run_well()
    for _ in range(2):
        order = bench.holding.expected({})
        for key in {order[0], order[len(order) // 3], order[-1]}:
            bench.holding.remove(key)
        added = bench.holding.add(7)
        if bench.holding.tells_edits:
            bench.holding.edit(order[2])
            bench.holding.edit(added[-1])
        bench.run_well()
        bench.expect_all("after items came, went and changed between two syncs")


def one_for_one(make: Make) -> None:
    """As many items gone as came: a total that stays the same hides nothing."""
    bench = make()
    bench.run_well()
    bench.holding.remove(bench.holding.expected({})[-2])
    bench.holding.add(1)
    bench.run_well()
    bench.expect_all("after one item went and one came")


def all_gone(make: Make) -> None:
    """Everything taken away at once."""
    bench = make()
    bench.run_well()
    bench.holding.clear()
    bench.run_well()
    bench.expect_all("after everything was taken away")


@needs(applies.feed)
def feed_lost(make: Make) -> None:
    """The change cursor is too old: nothing that changed meanwhile is missed."""
    bench = make()
    bench.run_well()
    order = bench.holding.expected({})
    bench.holding.add(3)
    for key in {order[0], order[-1], order[len(order) // 2]}:
        bench.holding.remove(key)
    if bench.holding.tells_edits:
        bench.holding.edit(order[1])
    bench.holding.lose_feed()
    bench.run_well()
    bench.expect_all("after the change cursor was lost")
    bench.requests()
    bench.run_well()
    bench.expect_all("at the sync after that")


@needs(applies.feed)
def feed_lost_meanwhile(make: Make) -> None:
    """Page tokens and cursors are refused in the middle of the backfill."""
    bench = make(items=40, messages=40)
    for _ in range(3):
        bench.slice(batches=1)
    bench.holding.remove(bench.holding.expected({})[1])
    bench.holding.add(2)
    bench.holding.lose_feed()
    _slice_by_slice(bench)
    bench.run_well()
    bench.expect_all("after page tokens were refused in the middle of the backfill")
