"""The engine: brings one handler up to date, for one time slice. Knows neither Celery nor Flask.

The order that nothing may change: the lease, the claim, then for each batch the vault's commit
before the checkpoint. See docs/architecture.md, "How a batch travels".
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from config.logs import bind
from connectors.sdk.errors import ConnectorError
from vault.errors import VaultError
from vault.vault import Vault
from worker.keys import Job
from worker.leases import Lease
from worker.outcomes import Outcome, of_error
from worker.schedule import SECONDS, spread
from worker.services import Services
from worker.slices import Slice, StoppedError

log = logging.getLogger(__name__)

#: Why a slice stopped between two batches, and what follows.
_STOPS = {
    "slice": Outcome("continue"),
    "shutdown": Outcome("wait", 0.0, message="interrupted; goes on by itself"),
    "cancelled": Outcome("rest", message="stopped on request"),
    "lost": Outcome("leave"),
}


class Engine:
    """Runs handlers.

    Args:
        services: What the tiers share.
        stopping: Whether this process is about to end.
    """

    def __init__(self, services: Services, stopping: Callable[[], bool] = lambda: False) -> None:
        self._services = services
        self._stopping = stopping

    def run(
        self,
        person_id: str,
        connection_id: str,
        handler_id: str,
        run_id: str,
        *,
        force: bool = False,
    ) -> Outcome:
        """Bring a handler up to date, as far as one time slice goes.

        Args:
            person_id: The vault's owner.
            connection_id: Which connection.
            handler_id: Which handler of it.
            run_id: The run that this slice is part of; one that has ended is left alone.
            force: Run even when the connection is paused or the handler disabled.
        """
        job = Job(person_id, connection_id, handler_id)
        with bind(connection=connection_id, handler=handler_id, run=run_id):
            if not self._services.schedule.in_run(job, run_id):
                return Outcome("leave")
            vault = self._services.vaults.open(person_id)
            floor = vault.last_fence(connection_id, handler_id)
            lease = self._services.leases.acquire(job, floor)
            if lease is None:
                # Its holder moves the due time on while it lives; should it be dead, we look again.
                self._services.schedule.put(job, self._services.settings.worker.lease_seconds)
                return Outcome("leave")
            with lease:
                return self._slice(vault, lease, run_id, force=force)

    def _slice(self, vault: Vault, lease: Lease, run_id: str, *, force: bool) -> Outcome:
        job = lease.job
        work = Slice(self._services, vault, lease, run_id, self._stopping)
        refusal = None if force else _refusal(vault, job)
        if refusal:
            outcome = Outcome(
                "rest", self._services.settings.worker.error_retry_seconds, message=refusal
            )
            self._settle(vault, job, work, outcome)
            return outcome
        try:
            work.begin()
            reason = work.pull()
            outcome = _STOPS[reason] if reason else self._done(vault, job)
        except StoppedError as stop:
            outcome = _STOPS[stop.reason]
        except Exception as error:
            # The one place where every error ends: the table decides what happens next.
            failures = (
                0 if work.committed else vault.handler(job.connection, job.handler).failures
            ) + 1
            outcome = of_error(error, failures, self._services.settings.worker, run_id)
            self._note(error, outcome)
        if outcome.next != "leave":
            self._settle(vault, job, work, outcome)
        return outcome

    def _done(self, vault: Vault, job: Job) -> Outcome:
        state = vault.handler(job.connection, job.handler)
        provider = self._services.provider(job.provider)
        frequency = state.frequency or provider.handler(job.handler).frequency
        return Outcome("rest", spread(SECONDS[frequency]), handler="enabled")

    def _settle(self, vault: Vault, job: Job, work: Slice, outcome: Outcome) -> None:
        """Write down the end of the slice: states in the vault, then the schedule, then progress."""
        if outcome.lost_position:
            work.start_again()
        work.save(outcome)
        schedule = self._services.schedule
        if outcome.connection == "invalid-auth":
            for state in vault.handlers(job.connection):
                schedule.remove(Job(job.person, job.connection, state.handler_id))
        elif outcome.next == "rest":
            schedule.put(job, outcome.delay)
            schedule.end_run(job)
        else:
            schedule.keep_run(job, work.run_id)
            schedule.put(job, spread(outcome.delay) if outcome.failures else outcome.delay)
        work.publish(outcome)

    def _note(self, error: Exception, outcome: Outcome) -> None:
        if outcome.bug:
            # Reported in full by the reporting's hook on error records; the line has no message.
            log.error("run failed", exc_info=error)
        elif isinstance(error, ConnectorError | VaultError):
            log.warning("run ended with %s: %s", type(error).__name__, error)


def _refusal(vault: Vault, job: Job) -> str | None:
    """Why the handler is not to be run now; None when it is."""
    connection = vault.connection(job.connection)
    if connection.status == "paused":
        return "the connection is paused"
    if connection.status == "invalid-auth":
        return connection.message or "connect the account again"
    state = vault.handler(job.connection, job.handler)
    if state.status in ("disabled", "invalid-auth"):
        return state.message or f"the handler is {state.status}"
    return None
