"""Progress of syncs, for those who watch: a hash with the last view, and a channel of changes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import redis
from redis.client import Pipeline

from worker import keys
from worker.keys import Job
from worker.metrics import Counts

Status = Literal["queued", "syncing", "waiting", "done", "error", "paused"]


@dataclass(frozen=True, slots=True)
class ProgressView:
    """Where one handler's run stands.

    Args:
        connection_id: Such as `example:1234`.
        handler_id: Such as `gmail`.
        run_id: The run; leads to its log lines.
        status: What is happening.
        kept: Records that this run kept, new or changed.
        deleted: Records that this run marked deleted.
        quarantined: Items that this run could not keep as records.
        total: How many records there should be in all, when the provider tells.
        message: What a person should know, in plain words.
        not_before: Unix time in seconds until which a waiting run waits.
        updated_at: Unix time in seconds of this view.
        stats: What the run cost so far: requests, and seconds by part of the work.
    """

    connection_id: str
    handler_id: str
    run_id: str
    status: Status
    kept: int = 0
    deleted: int = 0
    quarantined: int = 0
    total: int | None = None
    message: str | None = None
    not_before: float | None = None
    updated_at: float = 0.0
    stats: dict[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """The view as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The view that `to_json` gave."""
        return cls(**json.loads(text))


class Progress:
    """Publishes and reads progress views."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def publish(
        self,
        job: Job,
        view: ProgressView,
        counts: Counts | None = None,
        pipe: Pipeline | None = None,
    ) -> None:
        """Keep the view as the last one and tell those who listen, in one round trip.

        Args:
            job: Whose view.
            view: Where its run stands.
            counts: What has been counted since; takes the same way.
            pipe: What else is to go along; it is executed.
        """
        text = json.dumps(view.to_json() | {"updated_at": time.time()})
        pipe = pipe if pipe is not None else self._client.pipeline(transaction=False)
        pipe.hset(keys.progress(job.person), f"{job.connection}|{job.handler}", text)
        pipe.publish(keys.events(job.person), text)
        with (counts or Counts()).sent_by(pipe):
            pipe.execute()

    def view(self, job: Job) -> ProgressView | None:
        """The last view of a job; None when nothing was ever published."""
        text = self._client.hget(keys.progress(job.person), f"{job.connection}|{job.handler}")
        return ProgressView.from_json(text) if text else None

    def snapshot(self, person_id: str) -> list[ProgressView]:
        """The last view of each handler."""
        found = self._client.hgetall(keys.progress(person_id))
        return [ProgressView.from_json(text) for text in found.values()]

    def forget(self, job: Job) -> None:
        """Drop the last view, as when a connection is removed."""
        self._client.hdel(keys.progress(job.person), f"{job.connection}|{job.handler}")

    def events(self, person_id: str, timeout: float = 15.0) -> Iterator[ProgressView | None]:
        """Views as they are published, without end; None when none came for `timeout` seconds."""
        with self._client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            channel.subscribe(keys.events(person_id))
            while True:
                deadline = time.monotonic() + timeout
                view = None
                while view is None and (left := deadline - time.monotonic()) > 0:
                    message = channel.get_message(timeout=left)
                    view = ProgressView.from_json(message["data"]) if message else None
                yield view
