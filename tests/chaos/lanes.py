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
from tests.chaos.series import Plan, Series, named

#: How often it is looked whether a lane has died, in seconds.
_LOOK = 5.0


def go(
    plan: Plan, folder: Path, numbers: Sequence[int], lanes: int, *, keep_all: bool
) -> Iterator[Result]:
    """The results of the runs with these numbers, as they come.

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
    shares = [list(numbers[lane::lanes]) for lane in range(lanes)]
    running = [
        context.Process(target=_lane, args=(_told(plan), folder, share, keep_all, results))
        for share in shares
        if share
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
            if isinstance(found, Result):
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


def _told(plan: Plan) -> dict[str, Any]:
    """The plan for another process: faults by name, for their classes are made as needed."""
    names = tuple(kind.name for kind in plan.faults)
    return {"seed": plan.seed, "faults": names, "mixed": plan.mixed, "packed": plan.packed}


def _lane(
    told: dict[str, Any], folder: Path, numbers: list[int], keep_all: bool, results: Any
) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = Plan(**(told | {"faults": tuple(map(named, told["faults"]))}))
    series = Series(plan, folder, _tell)
    series.keep_all = keep_all
    try:
        for result in series.go(numbers):
            results.put(result)
        results.put(None)
    except Exception:
        results.put(traceback.format_exc())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
