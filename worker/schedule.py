"""The schedule: when each handler is next to be looked at.

One sorted set; a member is a job, its score a Unix time of Redis's clock. What is due is popped
by moving its score on, never by removing it: a job that gets lost on its way, or whose worker
dies, comes due again by itself.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import redis

from worker.comparison import Comparison
from worker.keys import DUE, DUE_BUILT, FORCED, RUNS, Job

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

#: How long a message that waits keeps a job from being queued again by request, in seconds. Not
#: longer: should the message be lost, the next request must bring another.
SPARE_SECONDS = 30

#: How long the numbers of messages are remembered, in seconds; a run that rests forgets them.
_TICKET_SECONDS = 7 * 24 * 3600

#: How often the schedule is compared with the vaults, in seconds: whatever was lost on the way
#: between the two comes back by then.
COMPARE_SECONDS = 3600.0

#: How long a slice's unwritten end is remembered, in seconds.
_UNWRITTEN_SECONDS = 24 * 3600

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "
_POP = (
    _NOW
    + """
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(members) do redis.call('ZADD', KEYS[1], now + ARGV[2], member) end
return members
"""
)
_PUT = (
    _NOW
    + """
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
"""
)
_PUT_NEW = _NOW + "return redis.call('ZADD', KEYS[1], 'NX', now + ARGV[1], ARGV[2])"

# Moves on what is due now, and nothing that a slice has planned since.
_SENT = (
    _NOW
    + """
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if score and tonumber(score) <= now then redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2]) end
"""
)

# Ends a run, unless the job is in another by now: that one's place in the schedule and its
# messages are its own. What was asked for meanwhile follows at once, by force where that was asked.
# The note of it is left for the next slice to clear, so that the command may be repeated.
_END = (
    _NOW
    + """
local member, run, delay, fresh = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local held = redis.call('HGET', KEYS[2], member)
if held and held ~= run then return held end
redis.call('HDEL', KEYS[2], member)
redis.call('HDEL', KEYS[3], member)
redis.call('DEL', KEYS[4])
local asked = redis.call('GET', KEYS[5])
if asked then
    redis.call('ZADD', KEYS[1], now, member)
elseif delay == '' then
    redis.call('ZREM', KEYS[1], member)
else
    redis.call('ZADD', KEYS[1], now + delay, member)
end
if asked ~= 'forced' then return false end
redis.call('HSET', KEYS[2], member, fresh)
redis.call('HSET', KEYS[3], member, fresh)
return fresh
"""
)

# `sent`: the last number given out; `served`: the last one sent before a slice began, which
# answers it and all before it. A number of another run says nothing: the messages are void.
_TICKETS = (
    _NOW
    + """
local tickets = {}
for i, key in ipairs(KEYS) do
    local run = ARGV[2 + i]
    local held = redis.call('HMGET', key, 'sent', 'served', 'at', 'run')
    if held[4] and held[4] ~= run then
        redis.call('DEL', key)
        held = {}
    end
    local sent, served, at = tonumber(held[1] or 0), tonumber(held[2] or 0), tonumber(held[3] or 0)
    if sent > served and now - at < tonumber(ARGV[1]) then
        tickets[i] = 0
    else
        tickets[i] = sent + 1
        redis.call('HSET', key, 'sent', sent + 1, 'at', now, 'run', run)
        redis.call('EXPIRE', key, ARGV[2])
    end
end
return tickets
"""
)
# A message that was delivered again after its worker's death (`begun`) is answered by itself alone.
_ENTER = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local held = redis.call('HMGET', KEYS[3], 'sent', 'served', 'begun', 'run')
if held[4] and held[4] ~= ARGV[2] then held = {} end
local sent, served, begun = tonumber(held[1] or 0), tonumber(held[2] or 0), tonumber(held[3] or 0)
local ticket = tonumber(ARGV[3])
if ticket > 0 and ticket <= served and ticket ~= begun then return 0 end
if ticket > sent then sent = ticket end
redis.call('HSET', KEYS[3], 'sent', sent, 'served', sent, 'begun', ticket, 'run', ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[4])
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then return 2 end
return 1
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that may begin a slice.

    Args:
        forced: Whether its run goes on even when the connection is paused or the handler disabled.
    """

    forced: bool


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

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Make the jobs due now."""
        members = [job.member for job in jobs]
        if members:
            self._client.register_script(_PUT)(keys=[DUE], args=[0.0, *members])

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

    def sent(self, job: Job) -> None:
        """Note that a message was sent for a job that was due: it is due again only if it gets lost.

        One that has begun meanwhile, has been planned anew or was taken out stays as it is.
        """
        self._client.register_script(_SENT)(keys=[DUE], args=[self._queued_seconds, job.member])

    def remove(self, job: Job) -> None:
        """Take the job out of the schedule and end its run, whichever it is in."""
        self._client.zrem(DUE, job.member)
        self._client.delete(job.again())
        self.end_run(job)

    def rest(self, job: Job, run_id: str, delay: float | None) -> str | None:
        """End a run, and plan the next: at once where a sync was asked for meanwhile.

        Args:
            job: Whose run.
            run_id: The run that has come to its end. Where the job is in another by now, nothing
                is changed.
            delay: Seconds until the job is due again; None takes it out of the schedule.

        Returns:
            The run that the job is in now; None where it is at rest.
        """
        keys = [DUE, RUNS, FORCED, job.tickets(), job.again()]
        args = [job.member, run_id, "" if delay is None else max(0.0, delay), uuid.uuid4().hex]
        return _text(self._client.register_script(_END)(keys=keys, args=args))

    def due_at(self, job: Job) -> float | None:
        """Unix time at which the job is due; None when it is not in the schedule."""
        return self._client.zscore(DUE, job.member)

    def run_of(self, job: Job) -> str:
        """The id of the run that the job is in; begins one when it is at rest."""
        self._client.hsetnx(RUNS, job.member, uuid.uuid4().hex)
        run = self._client.hget(RUNS, job.member)
        return str(run, "ascii") if isinstance(run, bytes) else self.run_of(job)

    def force(self, job: Job, run_id: str) -> None:
        """Note that the run goes on to its end even when its connection is paused, say.

        It holds for the run rather than for a message: another request, or the tick after a
        wait, must not turn a forced run into a refused one.
        """
        self._client.hset(FORCED, job.member, run_id)

    def ticket(self, job: Job, run_id: str, spare: float = 0.0) -> int | None:
        """The number of a message that is to be sent for the job; None where none is needed.

        When a slice begins, it answers all messages sent until then: of those that wait, only the
        first to be taken does something. None of them is void before, so that in a long queue new
        requests do not keep a job from its turn.

        Args:
            job: What the message is for.
            run_id: In which run; each has numbers of its own.
            spare: None is needed while one that was sent less than so many seconds ago waits.
        """
        return self.tickets([job], [run_id], spare)[0]

    def tickets(
        self, jobs: Sequence[Job], runs: Sequence[str], spare: float = 0.0
    ) -> list[int | None]:
        """A number for each job in its run, in one command; see `ticket`."""
        keys = [job.tickets() for job in jobs]
        args: list[float | str] = [spare, _TICKET_SECONDS, *runs]
        found = self._client.register_script(_TICKETS)(keys=keys, args=args)
        return [number or None for number in found]

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

    def ask_again(self, job: Job, *, force: bool = False) -> None:
        """Note that a sync was asked for: a run that began before must be followed by another.

        Args:
            job: What is to be synced.
            force: Whether by force; a plain request does not take that back.
        """
        seconds = int(self._queued_seconds) or 1
        pipe = self._client.pipeline(transaction=False)
        pipe.set(job.again(), "forced" if force else "1", nx=not force)
        pipe.expire(job.again(), seconds)
        pipe.execute()

    def keep_run(self, job: Job, run_id: str) -> str:
        """Note again that the job is in this run, in case Redis has lost it meanwhile.

        Returns:
            The run that the job is in: another one where this was ended and a new one begun.
        """
        pipe = self._client.pipeline(transaction=False)
        pipe.hsetnx(RUNS, job.member, run_id)
        pipe.hget(RUNS, job.member)
        return _text(pipe.execute()[1]) or run_id

    def in_run(self, job: Job, run_id: str, ticket: int = 0) -> Entry | None:
        """Let a task begin its slice, in one command; None where it has nothing to do.

        A task that is delivered late finds its run ended, or its message answered by a slice that
        began after it was sent.

        Args:
            job: What it is to sync.
            run_id: In which run.
            ticket: The message's number; 0 holds always, and so does any that Redis knows nothing
                of.
        """
        entered = self._client.register_script(_ENTER)(
            keys=[RUNS, FORCED, job.tickets()],
            args=[job.member, run_id, ticket, _TICKET_SECONDS],
        )
        return Entry(forced=entered == 2) if entered else None

    def end_run(self, job: Job) -> None:
        """Note that the job is at rest, whichever run it is in: what was sent for that is void."""
        pipe = self._client.pipeline(transaction=False)
        pipe.hdel(RUNS, job.member)
        pipe.hdel(FORCED, job.member)
        pipe.delete(job.tickets())
        pipe.execute()

    def leave_unwritten(self, job: Job) -> None:
        """Note that a slice has ended which the vault takes for one under way."""
        self._client.set(job.unwritten(), "1", ex=_UNWRITTEN_SECONDS)

    def unwritten(self, job: Job) -> bool:
        """Whether the last slice ended without the vault's knowing."""
        return bool(self._client.exists(job.unwritten()))

    def written(self, job: Job) -> None:
        """Note that the vault now knows of the slice that could not write its end."""
        self._client.delete(job.unwritten())

    def built(self) -> bool:
        """Whether the schedule was compared with the vaults of late.

        It was not after Redis lost its data, and is not from time to time.
        """
        return bool(self._client.exists(DUE_BUILT))

    def set_built(self, seconds: float = COMPARE_SECONDS) -> None:
        """Note that the schedule holds what it should; it is compared again after the seconds."""
        self._client.set(DUE_BUILT, "1", ex=int(seconds) or 1)

    def doubt(self) -> None:
        """Note that the schedule may lack something: the next tick compares it with the vaults."""
        self._client.delete(DUE_BUILT)

    def compare(self) -> Comparison | None:
        """Begin to compare the schedule with the vaults; None while another process does so."""
        return Comparison.begin(self._client)


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode()


def spread(seconds: float) -> float:
    """The wait, off by up to a tenth, so that what failed together does not come back together."""
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - no secret depends on it
