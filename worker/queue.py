"""Enqueues syncs by task name: all that the web tier and the commands know of Celery's tasks."""

from __future__ import annotations

from celery import Celery

from worker.keys import Job
from worker.progress import Progress, ProgressView
from worker.schedule import Schedule

SYNC = "sync.handler"
TICK = "schedule.tick"
#: Queue of beat's own tasks; syncs go to one queue a provider.
SCHEDULE_QUEUE = "schedule"


class SyncQueue:
    """Puts syncs on their provider's queue.

    Args:
        celery: The Celery application; only its broker is used.
        schedule: Learns that a job has been queued.
        progress: Learns so too.
    """

    def __init__(self, celery: Celery, schedule: Schedule, progress: Progress) -> None:
        self._celery = celery
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
        run_id = self._schedule.run_of(job)
        self._schedule.queued(job)
        self._schedule.ask_again(job)
        seen = self._progress.view(job)
        if seen is None or seen.run_id != run_id:
            view = ProgressView(connection_id, handler_id, run_id, "queued")
            self._progress.publish(job, view)
        self.send(job, run_id, force=force)
        return run_id

    def send(self, job: Job, run_id: str, *, force: bool = False) -> None:
        """Enqueue one time slice of the run. Arguments are ids alone."""
        self._celery.send_task(
            SYNC,
            args=[job.person, job.connection, job.handler, run_id],
            kwargs={"force": force} if force else {},
            queue=job.provider,
        )
