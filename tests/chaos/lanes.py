"""Several series side by side, each with a server and a sandbox of its own."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.run import Result
from tests.chaos.series import LeftOut, Plan, Series, named

#: How often it is looked whether a lane has died, in seconds.
_LOOK = 5.0


def go(
    plan: Plan, folder: Path, numbers: Sequence[int], lanes: int, *, keep_all: bool
) -> Iterator[Result | LeftOut]:
    """The results of the runs with these numbers, as they come; each lane's `LeftOut` among them.

    Args:
        plan: What is injected.
        folder: Where artefacts of failed runs are kept.
        numbers: Of the runs.
        lanes: How many series run at a time.
        keep_all: Whether the logs of sound runs are kept too.

    Raises:
        RuntimeError: A lane ended by an error.
    """
    # Spawned: threads of this process must not be copied in the middle of something.
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    # Held until the end: a queue that nobody here holds is gone before a lane has opened it.
    shares = _shares(plan, numbers, lanes, context)
    running = [
        context.Process(target=_lane, args=(_told(plan), folder, share, keep_all, results))
        for share in shares
    ]
    for process in running:
        process.start()
    left = len(running)
    try:
        while left:
            try:
                found = results.get(timeout=_LOOK)
            except queue.Empty:
                alive = sum(process.is_alive() for process in running)
                if alive < left and results.empty():
                    raise RuntimeError("a lane died") from None
                continue
            if isinstance(found, Result | LeftOut):
                yield found
            elif found is None:
                left -= 1
            else:
                raise RuntimeError(str(found))
        for process in running:
            process.join(timeout=60)
    finally:
        for process in running:
            # Each clears away what it has started and mounted.
            process.terminate()
        for process in running:
            process.join(timeout=60)


def _shares(plan: Plan, numbers: Sequence[int], lanes: int, context: Any) -> list[Any]:
    """What each lane has to do: numbers of its own, or a queue of which it takes the next."""
    shares: list[Any] = [list(numbers[lane::lanes]) for lane in range(min(lanes, len(numbers)))]
    if not plan.packed:
        # The same ones in the same lane each time.
        return shares
    # Packs take very different times.
    heap = context.Queue()
    for number in [*numbers, *[None] * len(shares)]:
        heap.put(number)
    return [heap] * len(shares)


def _told(plan: Plan) -> dict[str, Any]:
    """The plan for another process: faults by name, for their classes are made as needed."""
    names = tuple(kind.name for kind in plan.faults)
    return {"seed": plan.seed, "faults": names, "mixed": plan.mixed, "packed": plan.packed}


def _lane(told: dict[str, Any], folder: Path, share: Any, keep_all: bool, results: Any) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = Plan(**(told | {"faults": tuple(map(named, told["faults"]))}))
    series = Series(plan, folder, _tell)
    series.keep_all = keep_all
    try:
        for result in series.go(share if isinstance(share, list) else iter(share.get, None)):
            results.put(result)
        results.put(LeftOut(series.left_out))
        results.put(None)
    except Exception:
        results.put(traceback.format_exc())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
