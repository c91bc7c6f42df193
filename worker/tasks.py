"""Celery's tasks: adapters around the engine. Arguments are ids alone."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_shutting_down

from worker import process, ticks
from worker.keys import Job
from worker.queue import SYNC, TICK


@shared_task(bind=True, name=SYNC)
def sync_handler(
    self: Task[Any, Any],  # noqa: ARG001 - Celery passes it
    person_id: str,
    connection_id: str,
    handler_id: str,
    run_id: str,
    *,
    force: bool = False,
    ticket: int = 0,
) -> None:
    """Bring one handler up to date, for one time slice.

    Celery may deliver this twice: the lease makes the second a no-op, and the fence keeps a
    worker that lost its lease from writing. One that another message has overtaken leaves at once.
    """
    outcome = process.engine().run(
        person_id, connection_id, handler_id, run_id, force=force, ticket=ticket
    )
    if outcome.next == "continue":
        job = Job(person_id, connection_id, handler_id)
        # Where the run was ended meanwhile and another begun, that one goes on, by its own rules.
        following = outcome.run_id or run_id
        force = force and following == run_id
        process.services().queue.go_on(job, following, force=force)


@shared_task(name=TICK)
def tick() -> None:
    """Enqueue what is due."""
    ticks.tick(process.services(), process.stopping)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    process.stop()
