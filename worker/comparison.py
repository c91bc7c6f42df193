"""Compares the schedule with the vaults: what was lost on the way between the two comes back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Self

import redis

from worker.keys import DUE, DUE_BUILDING, DUE_BUILT, Job

#: A comparison that looks at no further vault for so many seconds has died.
_COMPARING_SECONDS = 120

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "
# One vault's part of a comparison: none is made once another is at work, or Redis was wiped.
_COMPARE = (
    _NOW
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('EXPIRE', KEYS[2], ARGV[2])
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', now + ARGV[i], ARGV[i + 1]) end
return 1
"""
)
_GIVEN_UP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
_COMPARED = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[2])
return 1
"""


class Comparison:
    """Puts into the schedule what it lacks. One that Redis forgets meanwhile comes to nothing.

    Args:
        client: Redis.
        mark: Stands in Redis while this comparison is the one at work.
    """

    def __init__(self, client: redis.Redis, mark: str) -> None:
        self._client = client
        self._mark = mark

    @classmethod
    def begin(cls, client: redis.Redis) -> Self | None:
        """Begin one; None while another process is at it."""
        mark = uuid.uuid4().hex
        begun = client.set(DUE_BUILDING, mark, nx=True, ex=_COMPARING_SECONDS)
        return cls(client, mark) if begun else None

    def add(self, planned: Sequence[tuple[Job, float]]) -> bool:
        """Make jobs due in so many seconds unless they are in the schedule, in one round trip.

        Returns:
            False where this comparison is void: Redis has lost its data, or another has begun.
        """
        flat = [value for job, delay in planned for value in (max(0.0, delay), job.member)]
        return bool(
            self._client.register_script(_COMPARE)(
                keys=[DUE, DUE_BUILDING], args=[self._mark, _COMPARING_SECONDS, *flat]
            )
        )

    def done(self, seconds: float) -> bool:
        """Note that the schedule is whole, for so many seconds; False where this is void."""
        return bool(
            self._client.register_script(_COMPARED)(
                keys=[DUE_BUILT, DUE_BUILDING], args=[self._mark, int(seconds) or 1]
            )
        )

    def give_up(self) -> None:
        """Let another process begin one."""
        self._client.register_script(_GIVEN_UP)(keys=[DUE_BUILDING], args=[self._mark])
