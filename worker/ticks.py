"""What beat makes happen every second or so: enqueue what is due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from connectors.sdk.errors import ConfigurationError
from vault.errors import VaultError
from vault.model import HandlerState
from vault.vault import Vault
from worker.keys import Job
from worker.schedule import SECONDS
from worker.services import Services

log = logging.getLogger(__name__)


def tick(services: Services) -> int:
    """Enqueue the handlers that are due; returns how many."""
    schedule = services.schedule
    if not schedule.built():
        rebuild(services)
    room = min(services.settings.worker.tick_limit, services.queue.room())
    # What does not fit stays due: queues hold messages, the schedule holds the work.
    jobs = schedule.pop(room) if room else []
    services.queue.send_all(jobs)
    return len(jobs)


def rebuild(services: Services) -> None:
    """Put every handler of every vault into the schedule, as after Redis lost its data."""
    whole = True
    for person_id in services.vaults.people():
        try:
            _schedule(services, person_id, services.vaults.open(person_id))
        except (VaultError, OSError) as error:
            # One vault that cannot be opened must not keep the others from being synced.
            whole = False
            log.warning("vault of %s left out of the schedule: %s", person_id, error)
    services.schedule.set_built(whole=whole)


def _schedule(services: Services, person_id: str, vault: Vault) -> None:
    for connection in vault.connections():
        if connection.status in ("paused", "invalid-auth"):
            continue
        for state in vault.handlers(connection.id):
            if state.status in ("disabled", "invalid-auth"):
                continue
            job = Job(person_id, connection.id, state.handler_id)
            services.schedule.put_new(job, _delay(services, state))


def _delay(services: Services, state: HandlerState) -> float:
    """Seconds until the handler's next sync; none when its last run did not come to its end."""
    if state.last_sync_at is None or state.status == "syncing":
        return 0.0
    job_provider = state.connection_id.partition(":")[0]
    try:
        handler = services.provider(job_provider).handler(state.handler_id)
    except ConfigurationError:
        return services.settings.worker.error_retry_seconds
    seconds = SECONDS[state.frequency or handler.frequency]
    return max(0.0, seconds - (datetime.now(UTC) - state.last_sync_at).total_seconds())
