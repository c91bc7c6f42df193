"""Enqueues syncs by task name: all that the web tier and the commands know of Celery's tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redis
from celery import Celery

from worker.keys import Job
from worker.progress import Progress, ProgressView
from worker.schedule import SPARE_SECONDS, Schedule

SYNC = "sync.handler"
TICK = "schedule.tick"
#: Priorities in Celery's terms for Redis, where 0 goes first; each has a list of its own.
#: https://docs.celeryq.dev/en/stable/userguide/routing.html#redis-message-priorities
FIRST, LATER = 0, 6
PRIORITIES = (FIRST, LATER)
#: Celery's own, which its commands know of without our settings.
SEPARATOR = "\x06\x16"
#: Header of a message: Unix time in seconds at which it was sent; tells how long it waits.
SENT_AT = "dcs_sent_at"
#: Queue of beat's own tasks; syncs go to one queue a provider.
SCHEDULE_QUEUE = "schedule"


class SyncQueue:
    """Puts syncs on their provider's queue.

    Args:
        celery: The Celery application; only its broker is used.
        client: Redis, to look at the queues.
        schedule: Learns that a job has been queued.
        progress: Learns so too.
        limit: Most jobs in the queues.
    """

    def __init__(
        self,
        celery: Celery,
        client: redis.Redis,
        schedule: Schedule,
        progress: Progress,
        limit: int,
    ) -> None:
        self._celery = celery
        self._client = client
        self._limit = limit
        self._schedule = schedule
        self._progress = progress

    def sync(
        self, person_id: str, connection_id: str, handler_id: str, *, force: bool = False
    ) -> str:
        """Bring a handler up to date now; joins the run that is already under way.

        Args:
            person_id: The vault's owner.
            connection_id: Which connection.
            handler_id: Which handler of it.
            force: Sync even when the connection is paused or the handler disabled.

        Returns:
            The run's id.
        """
        job = Job(person_id, connection_id, handler_id)
        # Before the run is looked at: one that ends just then sees that another is to follow.
        self._schedule.ask_again(job, force=force)
        self._schedule.queued(job)
        run_id = self._schedule.run_of(job)
        if force:
            self._schedule.force(job, run_id)
        seen = self._progress.view(job)
        if seen is None or seen.run_id != run_id:
            view = ProgressView(connection_id, handler_id, run_id, "queued")
            self._progress.publish(job, view)
        # Whoever asks over and over must not fill the queue.
        self._send_unless_waiting(job, run_id, force=force)
        return run_id

    def go_on(self, job: Job, run_id: str, *, force: bool = False) -> None:
        """Enqueue the next slice of a run that has more to do.

        What has just begun goes first, so that a large account keeps no small one waiting. A
        message that was sent for the job meanwhile, by request say, will do instead. The job is
        due until then: should Redis go away in between, the tick sends it.
        """
        self._send_unless_waiting(job, run_id, force=force, later=True)
        self._schedule.sent(job)

    def send(
        self,
        job: Job,
        run_id: str,
        *,
        force: bool = False,
        later: bool = False,
    ) -> None:
        """Enqueue one time slice of the run, whether or not a message for the job waits.

        Args:
            job: What to sync.
            run_id: The run.
            force: Sync even when the connection is paused or the handler disabled.
            later: Whether runs that have not begun go first, as for a continuation.
        """
        self._send(job, run_id, self._schedule.ticket(job, run_id), force=force, later=later)

    def send_all(self, jobs: Sequence[Job]) -> None:
        """Enqueue a time slice of each, in its run, on one connection."""
        if not jobs:
            return
        left = list(reversed(jobs))
        with self._due_if_unsent(left):
            runs = self._schedule.runs_of(jobs)
            tickets = self._schedule.tickets(jobs, runs)
            with self._celery.producer_pool.acquire(block=True) as producer:
                for job, run_id, ticket in zip(jobs, runs, tickets, strict=True):
                    self._send(job, run_id, ticket, producer=producer)
                    left.pop()

    def _send_unless_waiting(
        self, job: Job, run_id: str, *, force: bool = False, later: bool = False
    ) -> None:
        left = [job]
        with self._due_if_unsent(left):
            ticket = self._schedule.ticket(job, run_id, SPARE_SECONDS)
            if ticket is not None:
                self._send(job, run_id, ticket, force=force, later=later)
            left.clear()

    @contextmanager
    def _due_if_unsent(self, left: list[Job]) -> Iterator[None]:
        """Make due now whatever is left in the list should sending end early."""
        try:
            yield
        finally:
            # As far as Redis answers; what it does not take comes due by `worker.queued_seconds`.
            with suppress(redis.RedisError):
                self._schedule.put_back(left)

    def _send(
        self,
        job: Job,
        run_id: str,
        ticket: int | None,
        *,
        force: bool = False,
        later: bool = False,
        producer: Any = None,
    ) -> None:
        """Send one message. Its arguments are ids and numbers alone."""
        kwargs: dict[str, Any] = {"ticket": ticket} if ticket else {}
        self._celery.send_task(
            SYNC,
            args=[job.person, job.connection, job.handler, run_id],
            kwargs=kwargs | ({"force": True} if force else {}),
            queue=job.provider,
            priority=LATER if later else FIRST,
            headers={SENT_AT: time.time()},
            producer=producer,
        )

    def names(self) -> list[str]:
        """The queues that workers take from: one a provider, and the schedule's own."""
        return sorted(queue.name for queue in self._celery.conf.task_queues)

    def lengths(self) -> dict[str, int]:
        """How many messages wait in each queue, schedule's own included."""
        names = self.names()
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            for priority in PRIORITIES:
                pipe.llen(name + (f"{SEPARATOR}{priority}" if priority else ""))
        counted = pipe.execute()
        step = len(PRIORITIES)
        return {
            name: sum(counted[number * step : (number + 1) * step])
            for number, name in enumerate(names)
        }

    def room(self) -> int:
        """How many more jobs may be queued before the queues hold `worker.queue_limit`."""
        waiting = sum(n for name, n in self.lengths().items() if name != SCHEDULE_QUEUE)
        return max(0, self._limit - waiting)
