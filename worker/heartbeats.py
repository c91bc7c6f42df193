"""Heartbeats of workers and beat: who is at work, and when it was last seen.

One sorted set in Redis; a member is a part and its name, its score a Unix time of Redis's clock.
Celery's own `ping` asks every worker and waits for a second or more: too slow for a probe that
comes every few seconds.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery, bootsteps
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import Settings
from worker.beat import turned
from worker.keys import HEARTBEATS

log = logging.getLogger(__name__)

WORKER, BEAT = "worker", "beat"
#: Seconds between heartbeats.
EVERY = 3.0
#: A part that ended without saying so is remembered for so long, in seconds.
_REMEMBERED = 24 * 3600

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "
_WRITE = (
    _NOW
    + """
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
)


@dataclass(frozen=True, slots=True)
class Seen:
    """When a part was last seen.

    Args:
        part: `worker` or `beat`.
        name: Such as `worker@machine`.
        age: Seconds since its last heartbeat.
    """

    part: str
    name: str
    age: float


def seen(client: redis.Redis) -> list[Seen]:
    """All parts seen within a day, those seen last first. Clocks of machines do not matter."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zrevrange(HEARTBEATS, 0, -1, withscores=True)
    (seconds, micros), found = pipe.execute()
    now = seconds + micros / 1_000_000
    return [
        Seen(*member.decode().split("|", 1), age=max(0.0, now - at))  # type: ignore[misc]  # two parts, as written
        for member, at in found
    ]


def fresh_seconds(settings: Settings) -> float:
    """The age up to which a heartbeat counts as fresh: beat has one only when it ticks."""
    return max(5 * EVERY, 3 * settings.worker.tick_seconds + EVERY)


def impatient(client: redis.Redis, seconds: float = 2.0) -> redis.Redis:
    """A client of the same Redis that tries once and waits no longer than `seconds`.

    A health check must say so soon when Redis hangs, where a sync would rather wait.
    """
    pool = client.connection_pool
    options = {
        **pool.connection_kwargs,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    made = redis.ConnectionPool(connection_class=pool.connection_class, **options)
    return redis.Redis.from_pool(made)


class Heart:
    """Writes one part's heartbeat, in a thread, while the part says that it turns.

    At most every few seconds. Redis being away is said once in the log, and its return too.

    Args:
        redis_url: As redis-py writes it.
        part: `worker` or `beat`.
        name: Tells it from others.
        every: Least seconds between two heartbeats.
    """

    def __init__(self, redis_url: str, part: str, name: str, every: float = EVERY) -> None:
        self._client = impatient(redis.Redis.from_url(redis_url))
        self._member = f"{part}|{name}"
        self._every = every
        self._turned = threading.Event()
        self._end = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin, with a heartbeat at once."""
        self._turned.set()
        self._thread.start()

    def turn(self, *_: Any, **__: Any) -> None:
        """Note that the part is alive; returns at once."""
        self._turned.set()

    def stop(self) -> None:
        """End, and take the heartbeat back: the part has stopped in good order."""
        self._end.set()
        self._turned.set()
        self._thread.join(timeout=5.0)
        with contextlib.suppress(redis.RedisError):
            self._client.zrem(HEARTBEATS, self._member)
        self._client.close()

    def _run(self) -> None:
        while self._turned.wait() and not self._end.is_set():
            self._turned.clear()
            self._write()
            self._end.wait(self._every)

    def _write(self) -> None:
        try:
            self._client.register_script(_WRITE)(
                keys=[HEARTBEATS], args=[self._member, _REMEMBERED]
            )
        except redis.RedisError:
            if not self._away:
                log.warning("heartbeat: Redis does not answer; it goes on by itself")
            self._away = True
        else:
            if self._away:
                log.info("heartbeat: Redis answers again")
            self._away = False


def beat_with_worker(app: Celery, redis_url: str) -> None:
    """Let the worker that this application starts write a heartbeat while its event loop turns.

    A step of the consumer: it begins once tasks are taken, and rests while the broker is away.
    https://docs.celeryq.dev/en/stable/userguide/extending.html#installing-bootsteps
    """

    class Step(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def __init__(self, consumer: Any, **options: Any) -> None:
            super().__init__(consumer, **options)
            self._heart: Heart | None = None
            self._timer: Any = None

        def start(self, consumer: Any) -> None:
            self._heart = Heart(redis_url, WORKER, str(consumer.hostname))
            self._heart.start()
            self._timer = consumer.timer.call_repeatedly(EVERY / 2, self._heart.turn)

        def stop(self, consumer: Any) -> None:  # noqa: ARG002 - the signature is Celery's
            if self._heart is not None:
                self._timer.cancel()
                self._heart.stop()
                self._heart = None

        shutdown = stop

    app.steps["consumer"].add(Step)


@contextlib.contextmanager
def beating(redis_url: str, name: str) -> Iterator[None]:
    """Write beat's heartbeat while inside, whenever it has seen to its ticks."""
    heart = Heart(redis_url, BEAT, name)
    turned.connect(heart.turn, weak=False)
    heart.start()
    try:
        yield
    finally:
        turned.disconnect(heart.turn)
        heart.stop()
