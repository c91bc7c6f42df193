"""What the schedule costs: a tick over many connections of which few are due."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.report import Grid, Spread, number
from bench.stage import Stage, more, redis_commands
from worker import ticks
from worker.keys import DUE, Job
from worker.queue import SYNC

#: Seconds away at which what is not due stands.
_LATER = 3600.0


def measure(house: Stage, connections: int, due: int, repeats: int) -> dict[str, Any]:
    """Ticks with so many due, and ticks with none due.

    Args:
        house: Whose Redis is emptied and used; nothing else may run on it.
        connections: Members of the schedule.
        due: How many of them are due at a tick.
        repeats: Ticks of each kind.
    """
    services = house.services
    jobs = [Job(f"person{n}", f"google:{n}", "gmail") for n in range(connections)]

    def prepare(count: int) -> None:
        services.redis.flushdb()
        services.schedule.set_built()
        later = time.time() + _LATER
        services.redis.zadd(DUE, {job.member: later for job in jobs})
        for job in jobs[:count]:
            services.schedule.put(job, 0.0)

    prepare(1)
    ticks.tick(services)  # Opens the connections.
    found = {
        "due": _ticks(house, lambda: prepare(due), due, repeats),
        "none_due": _ticks(house, lambda: prepare(0), 0, repeats),
    }
    services.redis.flushdb()
    return {"connections": connections, "due": due} | {"ticks": found}


def _ticks(
    house: Stage, prepare: Callable[[], None], expected: int, repeats: int
) -> dict[str, Any]:
    times, commands = [], []
    for _ in range(repeats):
        prepare()
        before = redis_commands(house.services)
        started = time.perf_counter()
        sent = ticks.tick(house.services)
        times.append(time.perf_counter() - started)
        counted = more(before, redis_commands(house.services))
        commands.append(sum(counted.values()))
        if sent != expected:
            raise SystemExit(f"a tick enqueued {sent} {SYNC} rather than {expected}")
    spread = Spread.of(times)
    return {
        "milliseconds": spread.median * 1000,
        "milliseconds_text": spread.text(1000),
        "redis_commands": Spread.of(commands).median,
        "commands": counted,
    }


def grid(found: dict[str, Any]) -> Grid:
    """The table of `measure`'s figures."""
    told, due = found["ticks"], found["due"]
    rows = [
        [str(count), told[name]["milliseconds_text"], number(told[name]["redis_commands"])]
        for name, count in (("due", due), ("none_due", 0))
    ]
    columns = ["due", "ms a tick", "Redis commands a tick"]
    return Grid(f"A tick over {found['connections']:,} connections", columns, rows)
