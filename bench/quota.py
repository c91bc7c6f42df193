"""A sync against the provider's quota: how near it comes to the least time that the quota allows.

The optimum is counted from the units that the sandbox charged: with `w` windows' worth of units
nobody can be done before `w - 1` windows are over. Three servers are tried: one that knows the
quota, and two that believe they may spend much more and are refused, with 403 (no time named) and
with 429 (time named).

    python -m bench.quota --messages 2000 --quota 15000/20
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.report import Aim, Grid, Report, number, out_option, quick_option, run
from bench.stage import sandbox, stage

#: Over the optimum, at most.
OVER = 0.05
#: Calls that may be refused before a mistaken server believes in less: those of one batch.
PROBES = 25
#: What it believes in then, as a part of what it believed before (`worker/budget.py`).
STEP = 0.75
#: What plays the provider for each server, and whether the server is mistaken.
_SERVERS = {
    "knows the quota": ("sandbox", False),
    "is refused with 403": ("sandbox", True),
    "is refused with 429": ("bench.sandbox_429", True),
}


@click.command()
@click.option("--messages", default=2000, show_default=True)
@click.option("--quota", default="15000/20", show_default=True, help="UNITS/SECONDS of one user.")
@click.option(
    "--mistake",
    default=4,
    show_default=True,
    help="How many times the quota the mistaken servers believe they have.",
)
@quick_option
@out_option
def main(messages: int, quota: str, mistake: int, quick: bool, out: Path) -> None:
    """Sync a mailbox that takes several windows of the quota."""
    if quick:
        messages, quota = 30, "500/0.6"
    measure = partial(_measure, messages=messages, quota=quota, mistake=mistake)
    run("quota", out, quick=quick, measure=measure)


def _measure(report: Report, messages: int, quota: str, mistake: int) -> None:
    found = []
    for name, (module, mistaken) in _SERVERS.items():
        report.tell(f"{messages} messages with {quota}: a server that {name}")
        times = mistake if mistaken else 1
        found.append({"server": name} | _case(messages, quota, module, times))
    report.figures |= {"messages": messages, "quota": quota, "cases": found}
    report.grids.append(_grid(messages, quota, found))
    for figures in found:
        report.aims += _aims(figures)


def _case(messages: int, quota: str, module: str, mistake: int) -> dict[str, Any]:
    units, _, seconds = quota.partition("/")
    believed = {"quota_units": int(units) * mistake, "quota_seconds": float(seconds)}
    with (
        sandbox(messages, quota=quota, module=module) as played,
        stage(played.url, provider=believed) as house,
    ):
        job = house.connect(played)
        played.reset_stats()
        took = house.sync(job)
        stats = played.stats()
        kept = house.services.vaults.open(job.person).count("email")
    spent = sum(stats["units"].values())
    windows = math.ceil(spent / int(units))
    optimum = (windows - 1) * float(seconds)
    return {
        "mistake": mistake,
        "seconds": took,
        "units": spent,
        "windows": windows,
        "optimum_seconds": optimum,
        "over": took / optimum - 1 if optimum else None,
        "calls": sum(stats["calls"].values()),
        "refused": sum(stats["refused"].values()),
        "missing": messages - kept,
    }


def _grid(messages: int, quota: str, found: list[dict[str, Any]]) -> Grid:
    columns = [
        "server", "seconds", "optimum s", "over it", "units spent", "calls", "refused calls",
        "records missing",
    ]  # fmt: skip
    rows = [
        [
            f["server"],
            number(f["seconds"]),
            number(f["optimum_seconds"]),
            "-" if f["over"] is None else f"{f['over']:.1%}",
            f"{f['units']:,}",
            f"{f['calls']:,}",
            f"{f['refused']:,}",
            str(f["missing"]),
        ]
        for f in found
    ]
    return Grid(f"{messages:,} messages with {quota} units/seconds", columns, rows)


def _aims(f: dict[str, Any]) -> list[Aim]:
    # So many steps lead down from what it believes to the quota, each the square of the last.
    probes = PROBES * math.ceil(math.log2(1 + math.log(f["mistake"]) / -math.log(STEP)))
    over = "no optimum to compare with" if f["over"] is None else f"{f['over']:.1%} over"
    return [
        Aim(
            f"a server that {f['server']}: at most {OVER:.0%} over the optimum",
            over,
            f["over"] is not None and f["over"] <= OVER,
        ),
        Aim(
            f"a server that {f['server']}: at most {probes} calls refused",
            f"{f['refused']} refused",
            f["refused"] <= probes,
        ),
        Aim(
            f"a server that {f['server']}: no record missing",
            f"{f['missing']} missing",
            f["missing"] == 0,
        ),
    ]


if __name__ == "__main__":
    main()
