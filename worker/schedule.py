"""The schedule: when each handler is next to be looked at.

One sorted set; a member is a job, its score a Unix time of Redis's clock. What is due is popped
by moving its score on, never by removing it: a job that gets lost on its way, or whose worker
dies, comes due again by itself.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence

import redis

from worker.keys import DUE, DUE_BUILT, RUNS, Job

#: Seconds of each `connectors.sdk.handler.Frequency`.
SECONDS: dict[str, float] = {
    "hour": 3600,
    "3hour": 3 * 3600,
    "6hour": 6 * 3600,
    "12hour": 12 * 3600,
    "day": 24 * 3600,
    "3day": 3 * 24 * 3600,
    "week": 7 * 24 * 3600,
}

#: How long a place in the queue keeps a job from being queued again by request, in seconds. Not
#: longer: should the message be lost, the next request must bring another.
_PLACE_SECONDS = 30

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "
_POP = (
    _NOW
    + """
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(members) do redis.call('ZADD', KEYS[1], now + ARGV[2], member) end
return members
"""
)
_PUT = _NOW + "return redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2])"
_PUT_NEW = _NOW + "return redis.call('ZADD', KEYS[1], 'NX', now + ARGV[1], ARGV[2])"


class Schedule:
    """When jobs are due, and the run that each is in.

    Args:
        client: Redis.
        queued_seconds: A popped job that has not begun by then is due again.
    """

    def __init__(self, client: redis.Redis, queued_seconds: float) -> None:
        self._client = client
        self._queued_seconds = queued_seconds

    def put(self, job: Job, delay: float) -> None:
        """Make the job due in `delay` seconds, whatever was planned before."""
        self._client.register_script(_PUT)(keys=[DUE], args=[max(0.0, delay), job.member])

    def put_new(self, job: Job, delay: float) -> None:
        """Make the job due in `delay` seconds, unless it is in the schedule already."""
        self._client.register_script(_PUT_NEW)(keys=[DUE], args=[max(0.0, delay), job.member])

    def queued(self, job: Job) -> None:
        """Note that the job has been enqueued: it is due again only if it gets lost."""
        self.put(job, self._queued_seconds)

    def pop(self, limit: int) -> list[Job]:
        """At most `limit` jobs that are due, each to one caller alone."""
        members: Iterable[bytes] = self._client.register_script(_POP)(
            keys=[DUE], args=[limit, self._queued_seconds]
        )
        return [Job.of(member) for member in members]

    def remove(self, job: Job) -> None:
        """Take the job out of the schedule and end its run."""
        self._client.zrem(DUE, job.member)
        self.end_run(job)

    def due_at(self, job: Job) -> float | None:
        """Unix time at which the job is due; None when it is not in the schedule."""
        return self._client.zscore(DUE, job.member)

    def run_of(self, job: Job) -> str:
        """The id of the run that the job is in; begins one when it is at rest."""
        self._client.hsetnx(RUNS, job.member, uuid.uuid4().hex)
        run = self._client.hget(RUNS, job.member)
        return str(run, "ascii") if isinstance(run, bytes) else self.run_of(job)

    def place(self, job: Job) -> bool:
        """Take a place in the queue; False when the job has just been given one.

        Whoever asks for a sync over and over must not fill the queue with it.
        """
        return bool(self._client.set(job.queued(), "1", ex=_PLACE_SECONDS, nx=True))

    def runs_of(self, jobs: Sequence[Job]) -> list[str]:
        """The ids of the jobs' runs, in two commands a job and one round trip; see `run_of`."""
        pipe = self._client.pipeline(transaction=False)
        for job in jobs:
            pipe.hsetnx(RUNS, job.member, uuid.uuid4().hex)
            pipe.hget(RUNS, job.member)
        found = pipe.execute()[1::2]
        return [
            str(run, "ascii") if isinstance(run, bytes) else self.run_of(job)
            for job, run in zip(jobs, found, strict=True)
        ]

    def ask_again(self, job: Job) -> None:
        """Note that a sync was asked for: a run that began before must be followed by another."""
        self._client.set(job.again(), "1", ex=int(self._queued_seconds) or 1)

    def asked_again(self, job: Job) -> bool:
        """Whether a sync was asked for since this was last asked."""
        return bool(self._client.delete(job.again()))

    def keep_run(self, job: Job, run_id: str) -> None:
        """Note again that the job is in this run, in case Redis has lost it meanwhile."""
        self._client.hsetnx(RUNS, job.member, run_id)

    def in_run(self, job: Job, run_id: str) -> bool:
        """Whether that run is still the job's: a task delivered late or twice finds it ended.

        Asked when a task begins.
        """
        pipe = self._client.pipeline(transaction=False)
        pipe.hget(RUNS, job.member)
        # Its place in the queue is free again.
        pipe.delete(job.queued())
        return bool(pipe.execute()[0] == run_id.encode())

    def end_run(self, job: Job) -> None:
        """Note that the job is at rest."""
        self._client.hdel(RUNS, job.member)

    def built(self) -> bool:
        """Whether the schedule is there; it is not after Redis lost its data."""
        return bool(self._client.exists(DUE_BUILT))

    def set_built(self, *, whole: bool = True) -> None:
        """Note that the schedule is there; one that is not whole is built again in a minute."""
        self._client.set(DUE_BUILT, "1", ex=None if whole else 60)


def spread(seconds: float) -> float:
    """The wait, off by up to a tenth, so that what failed together does not come back together."""
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - no secret depends on it
