"""Keeps what expires in Redis alive for as long as its holder lives, and tells when it is lost.

A holder that dies frees it by that; one that was frozen finds it lost before it goes on. The pattern
and its limits: https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import redis

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def clock() -> float:
    """Seconds that only grow; where the system tells, also those that the machine has slept."""
    # https://docs.python.org/3/library/time.html#time.CLOCK_BOOTTIME
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def give_back(client: redis.Redis, key: str, value: str) -> None:
    """Delete a key that holds the value; one that has passed to another is left alone."""
    client.register_script(_RELEASE)(keys=[key], args=[value])


class Renewal:
    """Renews something three times in its life, in a thread.

    Args:
        renew: Gives it another whole life; False when it is no longer ours.
        seconds: Its life without a renewal.
        name: The thread's.
        since: When it was taken, by `clock`; default: now.
        on_loss: Called once where it was lost before `stop`, in the thread.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        seconds: float,
        *,
        name: str,
        since: float | None = None,
        on_loss: Callable[[], None] = lambda: None,
    ) -> None:
        self._renew = renew
        self._seconds = seconds
        self._on_loss = on_loss
        self._held_until = (clock() if since is None else since) + seconds
        self._lost = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)

    @property
    def lost(self) -> bool:
        """Whether another may hold it by now; asks nobody. What was lost once stays so."""
        if not self._end.is_set() and clock() >= self._held_until:
            self._lost.set()
        return self._lost.is_set()

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more."""
        self._end.set()
        self._thread.join()

    def lose(self) -> None:
        """Count it as lost."""
        self._lost.set()

    def renew(self) -> bool:
        """Renew it now; whether it is still ours.

        Raises:
            RedisError: Redis is away, which alone does not lose it.
        """
        begun = clock()
        if self.lost or not self._renew():
            self._lost.set()
            return False
        self._held_until = begun + self._seconds
        return True

    def _beat(self) -> None:
        # Not later than its end, so that whoever is told of the loss is told in time.
        while not self._end.wait(min(self._seconds / 3, max(0.0, self._held_until - clock()))):
            # Redis may be back in time: what is held is lost when its life is over.
            with suppress(redis.RedisError):
                self.renew()
            if self.lost:
                self._on_loss()
                return
