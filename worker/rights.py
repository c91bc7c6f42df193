"""The right to have open what may be open in one place alone: a session of a provider's own client.

A job's lease does not see to that: a worker that has lost its lease still has its client open, and
not only jobs open one. So it is a right of its own, of a connection, held for as long as the client
is open.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis

from connectors.sdk.errors import InUseError
from worker.renewal import Renewal, clock, give_back

#: The part of its life in Redis in which a holder takes it for its own; in the rest it closes. So
#: much is left because a renewal may wait some seconds for a Redis that does not answer.
_BELIEVED = 1 / 2

_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


class SoleRight:
    """A right that is held; a `connectors.sdk.oauth.Right`. Safe among threads.

    Args:
        client: Redis.
        key: What is held.
        value: Tells this holder from others.
        seconds: Life without a renewal.
        since: When it was taken, by `worker.renewal.clock`.
    """

    def __init__(
        self, client: redis.Redis, key: str, value: str, seconds: float, since: float
    ) -> None:
        self._client = client
        self._key = key
        self._value = value
        self._seconds = seconds
        self._lapses = False
        self._on_loss: Callable[[], None] = lambda: None
        self._renewal = Renewal(
            self._renewed,
            seconds * _BELIEVED,
            name="right",
            since=since,
            on_loss=self._tell,
        )

    def check(self) -> None:
        """See `connectors.sdk.oauth.Right`."""
        if self._renewal.lost:
            raise InUseError(self._seconds)

    def confirm(self) -> None:
        """Ask Redis as well: from now on it is held for another whole life.

        Raises:
            InUseError: It has been lost.
            RedisError: Redis is away.
        """
        if not self._renewal.renew():
            raise InUseError(self._seconds)

    def lapse(self) -> None:
        """See `connectors.sdk.oauth.Right`."""
        self._lapses = True

    def watch(self, act: Callable[[], None]) -> None:
        """See `connectors.sdk.oauth.Right`."""
        self._on_loss = act
        if self._renewal.lost:
            act()

    def start(self) -> None:
        """Begin to renew it."""
        self._renewal.start()

    def release(self) -> None:
        """Give it back; one that has passed to another is left alone."""
        self._renewal.stop()
        if not self._lapses:
            # Redis being away is no failure of what was done: the key expires.
            with suppress(redis.RedisError):
                give_back(self._client, self._key, self._value)

    def _tell(self) -> None:
        self._on_loss()

    def _renewed(self) -> bool:
        script = self._client.register_script(_RENEW)
        return bool(script(keys=[self._key], args=[self._value, _milliseconds(self._seconds)]))


@contextmanager
def sole(client: redis.Redis, key: str, seconds: float) -> Iterator[SoleRight]:
    """Hold a right meanwhile.

    Args:
        client: Redis.
        key: What is to be held.
        seconds: Life without a renewal: so long a holder that was killed keeps others out.

    Raises:
        InUseError: Another holds it.
    """
    value, since = uuid.uuid4().hex, clock()
    if not client.set(key, value, nx=True, px=_milliseconds(seconds)):
        # When a holder that is dead would have lost it.
        raise InUseError(max(0, client.pttl(key)) / 1000)
    right = SoleRight(client, key, value, seconds, since)
    right.start()
    try:
        yield right
    finally:
        right.release()


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
