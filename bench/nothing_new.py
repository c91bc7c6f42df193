"""A sync that finds nothing new: its requests, its time, its writing; and how many in a minute.

Most syncs of a server find no change, so this decides how many connections one worker can hold.

    python -m bench.nothing_new --connections 300
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.report import Aim, Grid, Report, Spread, number, out_option, quick_option, run
from bench.stage import Sandbox, Stage, more, redis_commands, sandbox, stage

#: Connections that one worker process is to look after in a minute.
A_MINUTE = 1000
#: Messages of each mailbox: the first sync must be short, and looking again costs the same.
_MESSAGES = 5


@click.command()
@click.option("--connections", default=300, show_default=True, help="Each of a person of its own.")
@click.option("--repeats", default=200, show_default=True, help="Syncs of one connection.")
@quick_option
@out_option
def main(connections: int, repeats: int, quick: bool, out: Path) -> None:
    """Sync again what has not changed."""
    if quick:
        connections, repeats = 10, 5
    measure = partial(_measure, count=connections, repeats=repeats, quick=quick)
    run("nothing_new", out, quick=quick, measure=measure)


def _measure(report: Report, count: int, repeats: int, quick: bool) -> None:
    one, many = [], []
    for latency in (0,) if quick else (0, 20):
        with sandbox(_MESSAGES, latency_ms=latency, accounts=count) as played:
            report.tell(f"one connection, {repeats} times, at {latency} ms")
            with stage(played.url) as house:
                one.append({"latency_ms": latency} | _one(played, house, repeats))
            report.tell(f"{count} connections in one worker process at {latency} ms")
            with stage(played.url) as house:
                many.append({"latency_ms": latency} | _many(played, house, count))
    report.figures |= {"one": one, "many": many}
    report.grids += [_cost(one), _rate(many)]
    for figures in many:
        rate = figures["a_minute"]
        report.aims.append(
            Aim(
                f"{A_MINUTE:,} connections a minute in one worker process at"
                f" {figures['latency_ms']} ms",
                f"{number(rate)} a minute",
                rate >= A_MINUTE,
            )
        )


def _one(played: Sandbox, house: Stage, repeats: int) -> dict[str, Any]:
    """Cost of one sync, the engine in this process."""
    job = house.connect(played)
    house.sync(job)
    house.sync(job)  # The first one after a backfill may still tidy up.
    played.reset_stats()
    server = int(house.services.redis.info("server")["process_id"])
    sizes, written = _sizes(house), (_written(os.getpid()), _written(server))
    commands = redis_commands(house.services)
    spent = time.process_time()
    times = [house.sync(job) for _ in range(repeats)]
    spent = time.process_time() - spent
    commands = more(commands, redis_commands(house.services))
    stats, now = played.stats(), _sizes(house)
    return {
        "milliseconds": Spread.of(times).median * 1000,
        "milliseconds_text": Spread.of(times).text(1000),
        "cpu_ms": spent / repeats * 1000,
        "requests": sum(stats["calls"].values()) / repeats,
        "redis_commands": sum(commands.values()) / repeats,
        "vault_bytes": _difference(written[0], _written(os.getpid()), repeats),
        "redis_bytes": _difference(written[1], _written(server), repeats),
        "log_growth": (now["aof"] - sizes["aof"]) / repeats,
        "vault_growth": (now["vault"] - sizes["vault"]) / repeats,
    }


def _many(played: Sandbox, house: Stage, count: int) -> dict[str, Any]:
    """How many connections one real worker process looks after, when all are due at once."""
    jobs = [house.connect(played, f"person{n}", account=n) for n in range(count)]
    house.all_due(jobs)
    with house.worker(1):
        house.until_rest(600 + count)
        before = max(house.last_run(job)[1] for job in jobs)
        commands = redis_commands(house.services)
        for job in jobs:
            house.services.schedule.put(job, 0.0)
        asked = house.until_rest(600 + count)
        commands = more(commands, redis_commands(house.services))
    spans = [house.last_run(job) for job in jobs]
    if min(began for began, _ in spans) <= before:
        raise SystemExit("not every connection was synced a second time")
    seconds = max(ended for _, ended in spans) - min(began for began, _ in spans)
    return {
        "connections": count,
        "seconds": seconds,
        "a_minute": count / seconds * 60,
        "redis_commands": (sum(commands.values()) - asked - count) / count,
        "commands": commands,
    }


def _sizes(house: Stage) -> dict[str, int]:
    def size(folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    return {"vault": size(house.home / "vaults"), "aof": size(house.folder / "redis")}


def _written(process: int) -> int | None:
    """Bytes that a process has had written to disk, page by page; None where Linux does not tell.

    https://docs.kernel.org/filesystems/proc.html#proc-pid-io-display-the-io-accounting-fields
    """
    try:
        lines = Path(f"/proc/{process}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _difference(before: int | None, after: int | None, repeats: int) -> float | None:
    return None if before is None or after is None else (after - before) / repeats


def _cost(found: list[dict[str, Any]]) -> Grid:
    columns = [
        "latency ms", "ms", "CPU ms", "requests", "Redis commands", "vault bytes to disk",
        "Redis bytes to disk", "append-only file grows by", "vault and log grow by",
    ]  # fmt: skip
    bytes_ = ("vault_bytes", "redis_bytes", "log_growth", "vault_growth")
    rows = [
        [
            str(f["latency_ms"]),
            f["milliseconds_text"],
            number(f["cpu_ms"]),
            number(f["requests"]),
            number(f["redis_commands"]),
            *("unknown" if f[name] is None else f"{f[name]:,.0f}" for name in bytes_),
        ]
        for f in found
    ]
    return Grid("One sync that finds nothing new, the engine alone", columns, rows)


def _rate(found: list[dict[str, Any]]) -> Grid:
    columns = [
        "latency ms",
        "connections",
        "seconds",
        "connections a minute",
        "Redis commands each",
    ]
    rows = [
        [
            str(f["latency_ms"]),
            f"{f['connections']:,}",
            number(f["seconds"]),
            number(f["a_minute"]),
            number(f["redis_commands"]),
        ]
        for f in found
    ]
    return Grid("All due at once, one worker process over Celery", columns, rows)


if __name__ == "__main__":
    main()
