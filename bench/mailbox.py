"""One mailbox, from nothing: how long, how many requests, and where the seconds go.

The sandbox runs as a process of its own; the engine runs here, on a real vault and a real
embedded server. Two baselines run beside it: one message at a time, which is what a simple client
does, and the raw limit (`bench.raw`), below which nothing in Python on this machine can come.

    python -m bench.mailbox --messages 2000 --latency-ms 20
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import requests

from bench import raw
from bench.report import Aim, Grid, Report, Spread, number, out_option, quick_option, run
from bench.stage import Sandbox, Stage, sandbox, stage
from worker.keys import Job

#: Messages that the one-at-a-time baseline fetches; its time is told for each message.
SAMPLE = 100
#: More messages than these are synced once, and not at the longest latency.
SHORT = 2000
TIMES_FASTER = 10.0
TIMES_RAW = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured together: a mailbox's size, and the time that a request takes at least."""

    messages: int
    latency_ms: int


@click.command()
@click.option("--messages", type=int, multiple=True, help="Sizes.  [default: 2000, 20000]")
@click.option("--latency-ms", type=int, multiple=True, help="Latencies.  [default: 0, 20, 80]")
@click.option("--repeats", default=3, show_default=True, help="Syncs of sizes up to 2,000.")
@quick_option
@out_option
def main(
    messages: tuple[int, ...], latency_ms: tuple[int, ...], repeats: int, quick: bool, out: Path
) -> None:
    """Sync a synthetic mailbox and tell what it cost."""
    sizes = messages or ((100,) if quick else (2000, 20_000))
    latencies = latency_ms or ((0,) if quick else (0, 20, 80))
    longest = max(latencies) if not messages else None
    cases = [Case(n, ms) for n in sizes for ms in latencies if n <= SHORT or ms != longest]
    measure = partial(_measure, cases=cases, repeats=1 if quick else repeats)
    run("mailbox", out, quick=quick, measure=measure)


def _measure(report: Report, cases: list[Case], repeats: int) -> None:
    limits: dict[int, Spread] = {}
    found = []
    for case in cases:
        report.tell(f"{case.messages} messages at {case.latency_ms} ms")
        with (
            sandbox(case.messages, latency_ms=case.latency_ms) as played,
            stage(played.url) as house,
        ):
            found.append(_case(case, repeats, limits, played, house))
    report.figures["cases"] = found
    report.grids += [_whole(found), _parts(found)]
    for figures in found:
        report.aims += _aims(figures)


def _case(
    case: Case,
    repeats: int,
    limits: dict[int, Spread],
    played: Sandbox,
    house: Stage,
) -> dict[str, Any]:
    token = str(played.tokens()["access_token"])
    short = case.messages <= SHORT
    alone = None
    if short or case.messages not in limits:
        # Also makes the sandbox hold what it has composed: that is no provider's latency.
        raw.capture(played.url, token)
        started = time.perf_counter()
        bodies = raw.capture(played.url, token)
        alone = time.perf_counter() - started
        if case.messages not in limits:
            times = [raw.keep(house.folder, bodies) for _ in range(repeats)]
            limits[case.messages] = Spread.of(times)
    one = _one_at_a_time(played.url, token, min(SAMPLE, case.messages))
    times, spent = [], []
    for number_ in range(repeats if short else 1):
        job = house.connect(played, f"person{number_}")
        played.reset_stats()
        before = time.process_time()
        times.append(house.sync(job))
        spent.append(time.process_time() - before)
        kept = house.services.vaults.open(job.person).count("email")
        if kept != case.messages:
            raise SystemExit(f"kept {kept} of {case.messages} messages")
    stats = played.stats()
    wall, limit = Spread.of(times), limits[case.messages]
    return {
        "messages": case.messages,
        "latency_ms": case.latency_ms,
        "seconds": wall.median,
        "seconds_text": wall.text(),
        "cpu_seconds": Spread.of(spent).median,
        "one_at_a_time_ms": one * 1000,
        "times_faster": one * case.messages / wall.median,
        "raw_seconds": limit.median,
        "raw_text": limit.text(1000 / case.messages),
        "times_raw": wall.median / limit.median,
        "sandbox_alone_seconds": alone,
        "calls": stats["calls"],
        "refused": stats["refused"],
        "parts": _costs(house, job),
    }


def _costs(house: Stage, job: Job) -> dict[str, float]:
    view = house.services.progress.view(job)
    return dict(view.stats or {}) if view else {}


def _one_at_a_time(url: str, token: str, sample: int) -> float:
    """Seconds for each message with one request for each, nothing kept."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    base = f"{url}/gmail/v1/users/me/messages"
    listed = session.get(base, params={"maxResults": sample}, timeout=30).json()["messages"]
    started = time.perf_counter()
    for message in listed:
        session.get(f"{base}/{message['id']}", timeout=30).json()
    return (time.perf_counter() - started) / len(listed)


def _whole(found: list[dict[str, Any]]) -> Grid:
    columns = [
        "messages", "latency ms", "sync s", "records/s", "CPU ms each", "one at a time ms each",
        "times faster", "raw limit ms each", "times the raw limit", "answers alone s",
    ]  # fmt: skip
    rows = [
        [
            f"{f['messages']:,}",
            str(f["latency_ms"]),
            f["seconds_text"],
            number(f["messages"] / f["seconds"]),
            number(f["cpu_seconds"] / f["messages"] * 1000),
            number(f["one_at_a_time_ms"]),
            number(f["times_faster"]),
            f["raw_text"],
            number(f["times_raw"]),
            number(f["sandbox_alone_seconds"]) if f["sandbox_alone_seconds"] else "-",
        ]
        for f in found
    ]
    return Grid("A whole mailbox; seconds are medians (least to most)", columns, rows)


def _parts(found: list[dict[str, Any]]) -> Grid:
    names = ("requests", "network", "waited", "mapping", "schema", "vault", "seconds")
    rows = [
        [f"{f['messages']:,}", str(f["latency_ms"])]
        + [number(f["parts"].get(name, 0)) for name in names]
        for f in found
    ]
    heads = ["requests", "network s", "waited s", "mapping s", "schema s", "vault s", "whole s"]
    title = "Where the seconds of the last sync go; what runs side by side counts twice"
    return Grid(title, ["messages", "latency ms", *heads], rows)


def _aims(figures: dict[str, Any]) -> list[Aim]:
    size, latency = f"{figures['messages']:,} messages", figures["latency_ms"]
    if latency == 20:
        faster = figures["times_faster"]
        return [
            Aim(
                f"{size} at 20 ms: {TIMES_FASTER:.0f} times as fast as one at a time",
                f"{number(faster)} times",
                faster >= TIMES_FASTER,
            )
        ]
    if latency == 0:
        times = figures["times_raw"]
        return [
            Aim(
                f"{size} at 0 ms: within {TIMES_RAW:.0f} times of the raw limit for each record",
                f"{number(times)} times",
                times <= TIMES_RAW,
            )
        ]
    return []


if __name__ == "__main__":
    main()
