"""Many people at once: how many records a second, who waits how long, what the schedule costs.

Each person has one connection and a vault of their own; all are due at once, and real
`dcs worker` and `dcs beat` processes work them off. On a smaller crowd Celery's pools are
compared, since the pool and its size are to be chosen by measuring.

    python -m bench.people --small 200 --large 20
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench import scheduling
from bench.crowd import Crowd, work_off
from bench.report import Aim, Grid, Report, number, out_option, quick_option, run
from bench.stage import Stage, sandbox, stage

POOLS = (("prefork", 1), ("prefork", 2), ("prefork", 4), ("threads", 2), ("threads", 4))
#: The baseline: a job that has begun is run to its end, as a plain queue has it.
_TO_THE_END = {"first_slice_seconds": 36_000.0, "slice_seconds": 36_000.0}


@click.command()
@click.option("--small", default=200, show_default=True, help="People with 100 messages.")
@click.option("--large", default=20, show_default=True, help="People with 2,000 messages.")
@click.option("--scheduled", default=10_000, show_default=True, help="Connections in the schedule.")
@quick_option
@out_option
def main(small: int, large: int, scheduled: int, quick: bool, out: Path) -> None:
    """Work off many people who are due at once."""
    crowd, few = Crowd(small, 100, large, 2000), Crowd(16, 100)
    if quick:
        crowd, few, scheduled = Crowd(4, 5, 1, 30), Crowd(2, 5), 500
    measure = partial(_measure, crowd=crowd, few=few, scheduled=scheduled, quick=quick)
    run("people", out, quick=quick, measure=measure)


def _measure(report: Report, crowd: Crowd, few: Crowd, scheduled: int, quick: bool) -> None:
    report.tell(f"a schedule of {scheduled} connections")
    with stage("http://127.0.0.1:9") as house:
        found = scheduling.measure(house, scheduled, scheduled // 100, 3 if quick else 9)
    report.figures["schedule"] = found
    many = []
    for processes, slices in ((1, True),) if quick else ((1, True), (2, True), (2, False)):
        how = "in slices" if slices else "each to its end"
        report.tell(f"{crowd.people} people, {crowd.records} records, {processes} processes, {how}")
        found_here = _all(crowd, processes, slices)
        many.append({"processes": processes, "slices": slices} | found_here)
    pools = []
    for latency in (0,) if quick else (0, 20):
        for pool, size in POOLS[3:4] if quick else POOLS:
            report.tell(f"{few.people} people, {pool} {size}, {latency} ms")
            pools.append(_pool(few, pool, size, latency))
    report.figures |= {"many": many, "pools": pools}
    report.grids += [_many_grid(many), _pool_grid(few, pools), scheduling.grid(found)]
    report.aims += [_fair(figures) for figures in many if figures["slices"]]


def _all(crowd: Crowd, processes: int, slices: bool) -> dict[str, Any]:
    values = None if slices else {"worker": _TO_THE_END}
    with (
        sandbox(crowd.small_messages, accounts=crowd.people) as played,
        stage(played.url, values) as house,
    ):
        crowd.fill(played)
        return work_off(crowd, played, house, partial(house.worker, processes))


def _pool(crowd: Crowd, pool: str, size: int, latency_ms: int) -> dict[str, Any]:
    with (
        sandbox(crowd.small_messages, latency_ms=latency_ms, accounts=crowd.people) as played,
        stage(played.url) as house,
    ):
        found = work_off(crowd, played, house, partial(_workers, house, pool, size))
    return {"pool": pool, "size": size, "latency_ms": latency_ms} | found


def _workers(house: Stage, pool: str, size: int) -> AbstractContextManager[Any]:
    with ExitStack() as stack:
        stack.enter_context(house.process("bench.pool", pool, str(size)))
        stack.enter_context(house.ticking())
        return stack.pop_all()


def _fair(figures: dict[str, Any]) -> Aim:
    small, large = figures["small"]["worst"], figures["large"]["median"]
    return Aim(
        f"{figures['processes']} processes: small mailboxes do not wait for large ones (the last"
        " small one is whole before half of the large ones are)",
        f"{number(small)} and {number(large)} s",
        small < large,
    )


def _many_grid(found: list[dict[str, Any]]) -> Grid:
    columns = [
        "processes", "jobs run", "people", "records", "seconds", "records/s", "small whole: median s",
        "worst s", "large whole: median s", "worst s", "Redis commands a batch",
    ]  # fmt: skip
    rows = [
        [
            str(f["processes"]),
            "in slices" if f["slices"] else "to their end",
            f"{f['people']:,}",
            f"{f['records']:,}",
            number(f["seconds"]),
            number(f["records_per_second"]),
            number(f["small"]["median"]),
            number(f["small"]["worst"]),
            number(f["large"]["median"]),
            number(f["large"]["worst"]),
            number(f["redis_commands"] / f["batches"]),
        ]
        for f in found
    ]
    return Grid("All due at once", columns, rows)


def _pool_grid(crowd: Crowd, found: list[dict[str, Any]]) -> Grid:
    columns = ["latency ms", "pool", "size", "seconds", "records/s", "whole: median s", "worst s"]
    rows = [
        [
            str(f["latency_ms"]),
            f["pool"],
            str(f["size"]),
            number(f["seconds"]),
            number(f["records_per_second"]),
            number(f["small"]["median"]),
            number(f["small"]["worst"]),
        ]
        for f in found
    ]
    return Grid(f"{crowd.people} people of {crowd.small_messages} messages", columns, rows)


if __name__ == "__main__":
    main()
