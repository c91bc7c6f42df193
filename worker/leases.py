"""Leases: the right to sync one handler of one connection now.

A lease is a Redis key that expires; its fence number only grows. Time is Redis's own, so clocks
of machines that differ do no harm. The pattern and its limits:
https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import redis

from worker import metrics
from worker.keys import DUE, Job
from worker.renewal import Renewal, give_back

if TYPE_CHECKING:
    from types import TracebackType

# What was asked for until now is answered by the slice that begins: it looks at the vault after.
_ACQUIRE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return {0, 0} end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local floor = tonumber(ARGV[1])
if floor > last then last = floor end
local fence = last + 1
redis.call('SET', KEYS[2], string.format('%d', fence))
redis.call('SET', KEYS[1], string.format('%d', fence) .. ':' .. ARGV[2], 'PX', ARGV[3])
local now = redis.call('TIME')
redis.call('ZADD', KEYS[3], now[1] + now[2] / 1000000 + ARGV[3] / 1000, ARGV[4])
local asked = redis.call('GET', KEYS[4])
redis.call('DEL', KEYS[4])
return {fence, asked == 'forced' and 1 or 0}
"""

# Taking the lease and each heartbeat also move the job's due time to the lease's end: should this
# worker die, the job comes due by itself. A heartbeat puts no job back that was taken out (XX).
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local now = redis.call('TIME')
redis.call('ZADD', KEYS[2], 'XX', now[1] + now[2] / 1000000 + ARGV[2] / 1000, ARGV[3])
return 1
"""


class Lease:
    """A lease that is held; renews itself until it is released. A context manager.

    Args:
        client: Redis.
        job: What is leased.
        fence: The number that the vault compares.
        owner: Tells this holder from others.
        seconds: Life without a heartbeat.
        forced: Whether a sync by force was asked for that this slice answers.
    """

    def __init__(
        self,
        client: redis.Redis,
        job: Job,
        fence: int,
        owner: str,
        seconds: float,
        *,
        forced: bool = False,
    ) -> None:
        self.job = job
        self.fence = fence
        self.forced = forced
        self._client = client
        self._value = f"{fence}:{owner}"
        self._seconds = seconds
        self._renewal = Renewal(self.renew, seconds, name="lease", on_loss=self._count_loss)

    @property
    def lost(self) -> bool:
        """Whether another worker may hold the lease by now."""
        return self._renewal.lost

    def renew(self) -> bool:
        """Extend the lease and move the job's due time on; False when it is no longer ours."""
        script = self._client.register_script(_RENEW)
        milliseconds = int(self._seconds * 1000)
        return bool(
            script(keys=[self.job.lease(), DUE], args=[self._value, milliseconds, self.job.member])
        )

    def release(self) -> None:
        """Give the lease back; one that has passed to another is left alone."""
        self._renewal.stop()
        # Redis being away must not turn a finished run into a failed one: the lease expires.
        try:
            give_back(self._client, self.job.lease(), self._value)
        except redis.RedisError:
            self._renewal.lose()

    def __enter__(self) -> Lease:
        self._renewal.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _count_loss(self) -> None:
        metrics.count(self._client, metrics.LEASES_LOST, self.job.provider)


class Leases:
    """Gives out leases.

    Args:
        client: Redis.
        seconds: Life of a lease without a heartbeat.
    """

    def __init__(self, client: redis.Redis, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    def acquire(self, job: Job, floor: int) -> Lease | None:
        """A lease on the job; None while another holds it.

        Args:
            job: What to lease.
            floor: The vault's last fence; the new one is above it even when Redis was wiped.
        """
        owner = uuid.uuid4().hex
        fence, forced = self._client.register_script(_ACQUIRE)(
            keys=[job.lease(), job.fence(), DUE, job.again()],
            args=[floor, owner, int(self._seconds * 1000), job.member],
        )
        if not fence:
            return None
        return Lease(self._client, job, fence, owner, self._seconds, forced=bool(forced))
