"""Memory of a worker process: the same for a small mailbox and a large one.

A real `dcs worker` with one process syncs a mailbox; its peak is what the kernel noted of the
process that did the work (VmHWM).

https://docs.kernel.org/filesystems/proc.html#process-specific-subdirectories

    python -m bench.memory --messages 2000 --messages 100000
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.report import Aim, Grid, Report, number, out_option, quick_option, run
from bench.stage import Stage, sandbox, stage
from worker.keys import Job

#: How much more a large mailbox may take, at most.
MORE = 0.10
_MB = 1024


@click.command()
@click.option("--messages", type=int, multiple=True, help="Sizes.  [default: 2000, 100000]")
@quick_option
@out_option
def main(messages: tuple[int, ...], quick: bool, out: Path) -> None:
    """Sync mailboxes of several sizes, each in a fresh worker."""
    sizes = messages or ((50, 200) if quick else (2000, 100_000))
    run("memory", out, quick=quick, measure=partial(_measure, sizes=sizes))


def _measure(report: Report, sizes: tuple[int, ...]) -> None:
    found = []
    for size in sizes:
        report.tell(f"{size} messages in a fresh worker")
        with sandbox(size) as played, stage(played.url) as house:
            job = house.connect(played)
            house.all_due([job])
            found.append(_watch(house, size, job))
            kept = house.services.vaults.open(job.person).count("email")
            if kept != size:
                raise SystemExit(f"kept {kept} of {size} messages")
    report.figures["cases"] = found
    report.grids.append(_grid(found))
    if len(found) == 1:
        return
    least, most = found[0], found[-1]
    growth = most["peak_kb"] / least["peak_kb"] - 1
    report.figures["growth"] = growth
    report.aims.append(
        Aim(
            f"{most['messages']:,} messages take at most {MORE:.0%} more memory than"
            f" {least['messages']:,}",
            f"{growth:+.1%}",
            growth <= MORE,
        )
    )


def _watch(house: Stage, size: int, job: Job) -> dict[str, Any]:
    command = ("cli.main", "worker", "--concurrency", "1")
    with house.process(*command) as worker, house.ticking():
        process = _child(worker)
        idle = _memory(process)
        house.until_rest(600 + size / 20, pause=0.5)
        peak, now = _memory(process), _memory(process, "VmRSS")
    began, ended = house.last_run(job)
    return {
        "messages": size,
        "seconds": ended - began,
        "idle_kb": idle,
        "peak_kb": peak,
        "after_kb": now,
    }


def _child(worker: int) -> int:
    """The process of the worker's pool, once there is one."""
    deadline = time.monotonic() + 60
    children = Path(f"/proc/{worker}/task/{worker}/children")
    while time.monotonic() < deadline:
        found = children.read_text(encoding="ascii").split()
        if found:
            return int(found[0])
        time.sleep(0.02)
    raise SystemExit("the worker starts no process")


def _memory(process: int, name: str = "VmHWM") -> int:
    """A process's memory in kB, the highest so far by default."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise SystemExit(f"process {process} tells no {name}")


def _grid(found: list[dict[str, Any]]) -> Grid:
    columns = ["messages", "seconds", "at the start MB", "peak MB", "afterwards MB"]
    rows = [
        [f"{f['messages']:,}", number(f["seconds"])]
        + [number(f[name] / _MB) for name in ("idle_kb", "peak_kb", "after_kb")]
        for f in found
    ]
    return Grid("Memory of the process that syncs", columns, rows)


if __name__ == "__main__":
    main()
