"""Waiting for syncs, with progress bars on a terminal and plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.output import Output

if TYPE_CHECKING:
    from worker.keys import Job
    from worker.progress import ProgressView
    from worker.services import Services

#: A wait up to this many seconds is part of a sync: quotas are often counted by the minute.
PATIENCE = 90.0
#: Seconds between looks.
_POLL = 0.2
#: Seconds between plain lines about one handler.
_LINE_SECONDS = 5.0

#: Told of each job's view, whenever one was looked at.
Show = Callable[["Job", "ProgressView"], None]


@dataclass(frozen=True, slots=True)
class Rested:
    """Where a job's run came to rest.

    Args:
        job: Which handler.
        view: Its last progress.
    """

    job: Job
    view: ProgressView


def wait_for(
    services: Services,
    jobs: Sequence[Job],
    *,
    to_end: bool,
    show: Show,
    keep: Callable[[], object],
) -> list[Rested]:
    """Wait until each job's run rests: it is done, has failed, is paused, or waits for long.

    Args:
        services: Where progress comes from.
        jobs: Jobs that have been enqueued.
        to_end: Wait out long waits too.
        show: Told of each view.
        keep: Called at each look; keeps our own processes alive.
    """
    rested: dict[Job, ProgressView] = {}
    seen: dict[Job, ProgressView] = {}
    while len(rested) < len(jobs):
        keep()
        for job in jobs:
            view = services.progress.view(job)
            if view is None and job in seen:
                # Forgotten: the account was disconnected, or its handlers reset.
                rested[job] = replace(seen[job], status="paused", message="stopped on request")
            if view is None or job in rested:
                continue
            seen[job] = view
            show(job, view)
            if rests(view, time.time(), to_end=to_end):
                rested[job] = view
        if len(rested) < len(jobs):
            time.sleep(_POLL)
    return [Rested(job, rested[job]) for job in jobs]


def rests(view: ProgressView, now: float, *, to_end: bool) -> bool:
    """Whether there is nothing to wait for.

    Args:
        view: A run's progress.
        now: Unix time in seconds.
        to_end: Whether a long wait is worth waiting out.
    """
    if view.status == "waiting":
        return not to_end and view.not_before is not None and view.not_before > now + PATIENCE
    return view.status in {"done", "error", "paused"}


def local_time(unix: float) -> str:
    """A moment as a person here reads it."""
    return datetime.fromtimestamp(unix, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def progress_of(out: Output, before: Mapping[Job, int]) -> Iterator[Show]:
    """Shows progress: bars on a terminal, else a plain line now and then. Always on stderr.

    Args:
        out: Where to.
        before: How many records were kept of each job before this run.
    """
    if not out.notes.is_terminal or out.as_json:
        yield _Lines(out, before)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        console=out.notes,
    ) as bars:
        rows = {job: bars.add_task(name(job), total=None, speed="", state="") for job in before}
        started = time.monotonic()

        def show(job: Job, view: ProgressView) -> None:
            passed = max(time.monotonic() - started, 0.001)
            bars.update(
                rows[job],
                completed=_completed(view, before[job]),
                total=view.total,
                speed=f"{view.kept / passed:.0f}/s",
                state=_state(view),
            )

        yield show


def name(job: Job) -> str:
    """A job, for a person."""
    return f"{job.connection} {job.handler}"


class _Lines:
    """One line for a job when its status changes, and every few seconds.

    Args:
        out: Where to.
        before: How many records were kept of each job before.
    """

    def __init__(self, out: Output, before: Mapping[Job, int]) -> None:
        self._out = out
        self._before = before
        self._last: dict[Job, tuple[float, str]] = {}

    def __call__(self, job: Job, view: ProgressView) -> None:
        now = time.monotonic()
        at, status = self._last.get(job, (0.0, ""))
        if status == view.status and (now - at < _LINE_SECONDS or status != "syncing"):
            return
        self._last[job] = (now, view.status)
        count = _completed(view, self._before[job])
        of = f" of {view.total}" if view.total else ""
        self._out.note(f"{name(job)}: {_state(view)}, {count}{of} kept")


def _completed(view: ProgressView, before: int) -> int:
    done = before + view.kept
    return min(done, view.total) if view.total else done


def _state(view: ProgressView) -> str:
    if view.status == "waiting" and view.not_before:
        return f"waiting until {local_time(view.not_before)}"
    return view.status


def missing(results: Iterable[Rested], services: Services) -> list[str]:
    """What keeps these runs from being complete, as lines for a person; none when nothing does."""
    lines: list[str] = []
    for result in results:
        job, view = result.job, result.view
        state = services.vaults.open(job.person).handler(job.connection, job.handler)
        why = _why(view, state.message)
        if why:
            lines.append(f"{name(job)}: {why}")
        if state.quarantined:
            lines.append(
                f"{name(job)}: {state.quarantined} listed but not kept; "
                "`dcs quarantine list` says why, `dcs quarantine retry` tries again"
            )
    return lines


def _why(view: ProgressView, message: str | None) -> str | None:
    text = view.message or message
    match view.status:
        case "done":
            return None
        case "waiting":
            until = f" until {local_time(view.not_before)}" if view.not_before else ""
            reason = f" ({text})" if text else ""
            return f"not complete: it waits{until}{reason}; --to-end waits too"
        case "paused":
            return f"not complete: {text or 'the connection is paused; resume it or use --force'}"
        case _:
            # The run leads to the log's lines and to the report of the error.
            return f"not complete: {text or 'it failed; the log says why'} (run {view.run_id})"
