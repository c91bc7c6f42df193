"""What beat makes happen every second or so: enqueue what is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from connectors.sdk.errors import ConfigurationError
from vault.errors import VaultError
from vault.model import HandlerState
from worker.ending import end_run
from worker.keys import Job
from worker.schedule import COMPARE_SECONDS, SECONDS
from worker.services import Services

log = logging.getLogger(__name__)

#: After this, in seconds, the vaults are looked at again where one could not be opened.
LOOK_AGAIN_SECONDS = 60.0
#: A comparison rests at least so many times as long as it took.
LEAST_REST = 20


def tick(services: Services, stopping: Callable[[], bool] = lambda: False) -> int:
    """Enqueue the handlers that are due; returns how many.

    Args:
        services: What the tiers share.
        stopping: Whether this process is about to end.
    """
    schedule = services.schedule
    if not schedule.built():
        rebuild(services, stopping)
    room = min(services.settings.worker.tick_limit, services.queue.room())
    # What does not fit stays due: queues hold messages, the schedule holds the work.
    jobs = schedule.pop(room) if room else []
    known = services.queue.names()
    for job in jobs:
        if job.provider not in known:
            # No worker takes from its queue: its provider has gone from this server.
            schedule.put(job, services.settings.worker.error_retry_seconds)
    sent = [job for job in jobs if job.provider in known]
    services.queue.send_all(sent)
    return len(sent)


def rebuild(services: Services, stopping: Callable[[], bool] = lambda: False) -> None:
    """Put into the schedule what the vaults say should be in it, as after Redis lost its data.

    Nothing that is planned is changed. One process at a time does so, and the others' ticks go on
    meanwhile. How often it is done keeps it below a twentieth of that process's time, however many
    vaults there are.

    Args:
        services: What the tiers share.
        stopping: Whether this process is about to end; another then begins anew.
    """
    comparison = services.schedule.compare()
    if comparison is None:
        return
    started = time.monotonic()
    people = services.vaults.people()
    # None at all may be a folder that is not mounted.
    whole = bool(people)
    for person_id in people:
        if stopping():
            comparison.give_up()
            return
        try:
            planned = list(_planned(services, person_id))
        except Exception as error:
            # Whatever ails one vault, it must not keep the others from being synced.
            whole = False
            known = isinstance(error, VaultError | OSError)
            reason = str(error) if known else type(error).__name__
            log.warning("vault of %s left out of the schedule: %s", person_id, reason)
            planned = []
        if not comparison.add(planned):
            # Redis was wiped meanwhile: what has been added so far may be lost.
            log.warning("the schedule was lost while it was compared with the vaults")
            return
    seconds = COMPARE_SECONDS if whole else LOOK_AGAIN_SECONDS
    comparison.done(max(seconds, LEAST_REST * (time.monotonic() - started)))


def _planned(services: Services, person_id: str) -> Iterator[tuple[Job, float]]:
    """A vault's jobs, each with the seconds until it should be due."""
    vault = services.vaults.open(person_id)
    for connection in vault.connections():
        under_way = vault.under_way(connection.id)
        off = connection.status in ("paused", "invalid-auth")
        for state in vault.handlers(connection.id):
            job = Job(person_id, connection.id, state.handler_id)
            if not off and state.status not in ("disabled", "invalid-auth"):
                yield job, _delay(services, state, under_way=state.handler_id in under_way)
            elif state.handler_id in under_way and _is_left(services, job):
                end_run(services, vault, job)


def _is_left(services: Services, job: Job) -> bool:
    """Whether nobody works on a job and nothing brings it: its worker died after it was stopped.

    One that runs by force has its place in the schedule.
    """
    return services.schedule.due_at(job) is None and not services.redis.exists(job.lease())


def _delay(services: Services, state: HandlerState, *, under_way: bool) -> float:
    """Seconds until the handler's next sync; none when its last run did not come to its end."""
    # Without a position there is nothing fetched, as after a reset.
    if state.last_sync_at is None or under_way or not state.position:
        return 0.0
    job_provider = state.connection_id.partition(":")[0]
    try:
        handler = services.provider(job_provider).handler(state.handler_id)
    except ConfigurationError:
        return services.settings.worker.error_retry_seconds
    seconds = SECONDS[state.frequency or handler.frequency]
    if state.status == "error":
        seconds = min(seconds, services.settings.worker.error_retry_seconds)
    return max(0.0, seconds - (datetime.now(UTC) - state.last_sync_at).total_seconds())
