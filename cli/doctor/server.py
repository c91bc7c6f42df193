"""What runs: Redis, workers, beat, queues, schedule and leases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, cast

import redis

from cli.doctor.findings import Finding, Level, many, span
from config.settings import Settings
from worker import heartbeats
from worker.keys import Job
from worker.load import Load, load
from worker.progress import Progress, ProgressView

#: Share of Redis's memory that is nearly all, and that is too much.
_NEARLY, _TOO_FULL = 0.75, 0.9
#: Seconds between Redis's clock and ours that are worth a word, and that do harm.
_CLOCK, _CLOCK_HARM = 2.0, 60.0
#: Seconds after which a due job should have been taken up by beat's tick and a worker.
_LATE = 60.0
#: Most leases looked at.
_LEASES = 10_000


def redis_server(client: redis.Redis) -> Iterator[Finding]:
    """How Redis is set up, and how full it is. Raises `RedisError` when it does not answer.

    https://redis.io/docs/latest/commands/info/
    """
    info: dict[str, Any] = client.info()
    server = "Valkey" if "valkey_version" in info else "Redis"
    yield Finding("redis", "ok", f"{server} answers")
    if not info.get("aof_enabled"):
        yield Finding(
            "redis",
            "warning",
            "its append-only file is off: a restart forgets queues, leases and sign-ins"
            " (records and positions are in the vaults)",
            "Start it with `--appendonly yes`.",
        )
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield Finding(
            "redis",
            "problem",
            "it cannot write its append-only file",
            "Make room on its disk; its own log says more.",
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding(
            "redis",
            "problem",
            f"it may throw keys away when memory gets short (maxmemory-policy {policy})",
            "Start it with `--maxmemory-policy noeviction`.",
        )
    yield from _memory(int(info.get("used_memory", 0)), int(info.get("maxmemory", 0)))


def _memory(used: int, limit: int) -> Iterator[Finding]:
    if not limit:
        return
    share = used / limit
    level: Level = "ok" if share < _NEARLY else "warning" if share < _TOO_FULL else "problem"
    advice = "Give it more memory (`--maxmemory`): when it is full, nothing is queued any more."
    text = f"{share:.0%} of its memory is used"
    yield Finding("redis", level, text, None if level == "ok" else advice)


def clock(client: redis.Redis) -> Iterator[Finding]:
    """Redis's clock against ours."""
    before = time.time()
    seconds, micros = client.time()
    ours = (before + time.time()) / 2
    off = ours - (seconds + micros / 1_000_000)
    if abs(off) < _CLOCK:
        yield Finding("clock", "ok", "this machine and Redis agree on the time")
        return
    yield Finding(
        "clock",
        "problem" if abs(off) > _CLOCK_HARM else "warning",
        f"this machine's clock is {span(abs(off))} {'ahead of' if off > 0 else 'behind'} Redis's",
        "Let both machines keep their time (`timedatectl set-ntp true`).",
    )


def parts(client: redis.Redis, settings: Settings, *, embedded: bool) -> Iterator[Finding]:
    """Workers and beat, by their heartbeats.

    Args:
        client: Redis.
        settings: The server's settings.
        embedded: Whether a `dcs up` runs, which starts all parts.
    """
    limit = heartbeats.fresh_seconds(settings)
    found = heartbeats.seen(client)
    alive = [one for one in found if one.age <= limit]
    if not found and not embedded:
        # Parts that end in good order take their heartbeats back.
        yield Finding(
            "parts",
            "warning",
            "neither a worker nor beat is running",
            "Start them when the server is to run: `docker compose up --detach`, or `dcs worker`"
            " and `dcs beat`.",
        )
        return
    for part in (heartbeats.WORKER, heartbeats.BEAT):
        names = [one.name for one in alive if one.part == part]
        if names:
            yield Finding("parts", "ok", f"{part} is at work: {', '.join(sorted(names))}")
            continue
        last = next((one for one in found if one.part == part), None)
        text = f"{last.name} was last seen {span(last.age)} ago" if last else "none was ever seen"
        log = f"its log is logs/{part}.log" if embedded else f"`docker compose logs {part}`"
        yield Finding(
            "parts",
            "problem",
            f"no {part} is at work; {text}",
            f"Start one with `dcs {part}`, or look why it stopped ({log}).",
        )


def queues(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    """How much waits, and for how long."""
    now = load(client)
    length = sum(one.length for one in now.queues.values())
    age = max((one.age or 0.0 for one in now.queues.values()), default=0.0)
    late = age > settings.worker.queued_seconds
    waiting = f", the oldest for {span(age)}" if length and age else ""
    yield Finding(
        "queue",
        "warning" if late else "ok",
        f"{many(length, 'job')} in the queues{waiting}",
        "Start another worker, or raise DCS_WORKER__CONCURRENCY." if late else None,
    )
    yield _schedule(now, full=length >= settings.worker.queue_limit)


def _schedule(now: Load, *, full: bool) -> Finding:
    if full:
        return Finding(
            "queue",
            "warning",
            f"the queues are full; what is due waits in the schedule, for {span(now.overdue)} now",
            "Start another worker, or raise DCS_WORKER__CONCURRENCY.",
        )
    if now.overdue <= _LATE:
        return Finding("queue", "ok", f"{many(now.scheduled, 'job')} in the schedule, none overdue")
    return Finding(
        "queue",
        "problem",
        f"a job of the schedule is overdue by {span(now.overdue)}: nobody takes what is due",
        "See to it that `dcs beat` and `dcs worker` run; a stopped server catches up by itself.",
    )


def runs(client: redis.Redis, settings: Settings, people: list[str]) -> Iterator[Finding]:
    """Leases whose run does not move, and queued runs that nobody has begun."""
    # A slice, then one call with all its tries, bounds the time without a word of a sync.
    http = settings.http
    call = (http.retries + 1) * (http.connect_timeout + http.read_timeout)
    quiet = settings.worker.slice_seconds + call
    progress = Progress(client)
    now = _now(client)
    held = _leased(client)
    stuck = 0
    for job in held:
        view = progress.view(job)
        if view is not None and now - view.updated_at > quiet:
            stuck += 1
            yield _stuck(job, view, now)
    for person in people:
        for view in progress.snapshot(person):
            if view.status == "queued" and now - view.updated_at > settings.worker.queued_seconds:
                stuck += 1
                yield _not_begun(person, view, now)
    if not stuck:
        yield Finding("runs", "ok", f"{many(len(held), 'sync')} under way, none stuck")


def _stuck(job: Job, view: ProgressView, now: float) -> Finding:
    return Finding(
        "runs",
        "warning",
        f"{job.connection} of {job.person}, {job.handler}: its worker holds the lease, and nothing"
        f" has been kept for {span(now - view.updated_at)} (run {view.run_id})",
        "The log's lines with that run tell where it stands; a worker that is started again lets"
        " another go on from the last batch.",
    )


def _not_begun(person: str, view: ProgressView, now: float) -> Finding:
    return Finding(
        "runs",
        "warning",
        f"{view.connection_id} of {person}, {view.handler_id}: queued for"
        f" {span(now - view.updated_at)} and not begun (run {view.run_id})",
        f"`dcs sync {view.connection_id.partition(':')[0]} --handler {view.handler_id}` queues it"
        " anew; more workers (`dcs worker`) take up more.",
    )


def _leased(client: redis.Redis) -> list[Job]:
    prefix = Job("", "", "").lease().partition("|")[0]
    found = []
    for key in client.scan_iter(match=f"{prefix}*", count=1000):
        found.append(Job.of(cast(bytes, key).decode().removeprefix(prefix)))
        if len(found) >= _LEASES:
            break
    return found


def _now(client: redis.Redis) -> float:
    seconds, micros = client.time()
    return float(seconds) + micros / 1_000_000
