"""What waits: messages in the queues and jobs in the schedule, with their age.

For metrics and for those who look after a server; one round trip, however many jobs there are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import redis

from connectors.sdk import registry
from worker.keys import DUE
from worker.queue import PRIORITIES, SCHEDULE_QUEUE, SENT_AT, SEPARATOR


@dataclass(frozen=True, slots=True)
class Waiting:
    """One queue.

    Args:
        length: Messages that no worker has taken yet.
        age: Seconds that the oldest of them waits; None when it does not tell.
    """

    length: int
    age: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """What waits.

    Args:
        queues: By name: one for each provider, and the schedule's own.
        scheduled: Jobs in the schedule.
        overdue: Seconds since the job at its head was due; 0 when none is.
        now: Redis's clock, as Unix time in seconds.
    """

    queues: dict[str, Waiting]
    scheduled: int
    overdue: float
    now: float


def load(client: redis.Redis) -> Load:
    """What waits now."""
    names = [*registry.provider_ids(), SCHEDULE_QUEUE]
    pipe = client.pipeline(transaction=False)
    pipe.time()
    pipe.zcard(DUE)
    pipe.zrange(DUE, 0, 0, withscores=True)
    for name in names:
        for priority in PRIORITIES:
            # A message goes in at the left, and out at the right.
            key = name + (f"{SEPARATOR}{priority}" if priority else "")
            pipe.llen(key)
            pipe.lindex(key, -1)
    (seconds, micros), scheduled, head, *found = pipe.execute()
    now = seconds + micros / 1_000_000
    step = 2 * len(PRIORITIES)
    queues = {
        name: _waiting(found[number * step : (number + 1) * step], now)
        for number, name in enumerate(names)
    }
    overdue = max(0.0, now - head[0][1]) if head else 0.0
    return Load(queues, int(scheduled), overdue, now)


def _waiting(found: list[int | bytes | None], now: float) -> Waiting:
    """Of length and oldest message in turn, for each priority."""
    lengths = [one for one in found[::2] if isinstance(one, int)]
    sent = [at for one in found[1::2] if isinstance(one, bytes) and (at := _sent_at(one))]
    return Waiting(sum(lengths), max(0.0, now - min(sent)) if sent else None)


def _sent_at(message: bytes) -> float | None:
    try:
        at = json.loads(message)["headers"].get(SENT_AT)
    except (ValueError, KeyError, AttributeError):
        return None
    return float(at) if isinstance(at, int | float) else None
