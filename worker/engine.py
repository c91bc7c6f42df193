"""The engine: brings one handler up to date, for one time slice. Knows neither Celery nor Flask.

The order that nothing may change: the lease, the claim, then for each batch the vault's commit
before the checkpoint. See docs/architecture.md, "How a batch travels".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import redis

from config.logs import bind, message_of
from connectors.sdk.errors import ConnectorError
from vault.errors import AccessRenewedError, FencedError, NotFoundError, VaultError
from vault.vault import Vault
from worker.ending import STOPPED, end_run
from worker.keys import Job
from worker.outcomes import NO_QUEUE, Outcome, of_error, poisoned, renewed
from worker.progress import ProgressView
from worker.schedule import SECONDS, spread
from worker.services import Services
from worker.slices import Slice
from worker.stopping import StoppedError

log = logging.getLogger(__name__)

#: Seconds between tries to reach Redis at the end of a slice.
_REDIS_PAUSE = 0.5

#: Said at the end of a run that has come to its end but for these items.
QUARANTINED = "items that were listed and could not be kept: {}; see `dcs quarantine list`"

#: Why a slice stopped between two batches, and what follows.
_STOPS = {
    "slice": Outcome("continue"),
    "shutdown": Outcome("wait", 0.0, message="interrupted; goes on by itself"),
    "cancelled": Outcome("off", message=STOPPED),
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
        ticket: int = 0,
    ) -> Outcome:
        """Bring a handler up to date, as far as one time slice goes.

        Args:
            person_id: The vault's owner.
            connection_id: Which connection.
            handler_id: Which handler of it.
            run_id: The run that this slice is part of; one that has ended is left alone.
            force: Run even when the connection is paused or the handler disabled; so does a run
                that was forced by another message.
            ticket: Number of the message that brings this; one that a later slice has answered is
                left alone.
        """
        job = Job(person_id, connection_id, handler_id)
        with bind(connection=connection_id, handler=handler_id, run=run_id):
            try:
                return self._entered(job, run_id, ticket, force=force)
            except redis.RedisError as error:
                return self._without_redis(job, error)

    def _entered(self, job: Job, run_id: str, ticket: int, *, force: bool) -> Outcome:
        entry = self._services.schedule.in_run(job, run_id, ticket)
        if entry is None:
            return Outcome("leave")
        try:
            return self._leased(job, run_id, force=force or entry.forced)
        except NotFoundError:
            # Disconnected since it was enqueued, or while it ran.
            self._take_out([job])
            return Outcome("off")
        except (VaultError, OSError) as error:
            return self._without_vault(job, run_id, error)

    def _leased(self, job: Job, run_id: str, *, force: bool) -> Outcome:
        vault = self._services.vaults.open(job.person)
        floor = vault.last_fence(job.connection, job.handler)
        lease = self._services.leases.acquire(job, floor)
        if lease is None:
            # Its holder moves the due time on while it lives; should it be dead, we look again.
            self._services.schedule.put(job, self._services.settings.worker.lease_seconds)
            return Outcome("leave")
        # Asked for by force since the message was taken: this slice answers that, too.
        force = force or lease.forced
        with lease:
            work = Slice(self._services, vault, lease, run_id, self._stopping)
            try:
                outcome = self._slice(vault, job, work, force=force)
            except (VaultError, OSError):
                self._leave_unwritten(job, work)
                raise
            if outcome.next == "leave":
                self._leave_unwritten(job, work)
        if outcome.next in ("continue", "wait") and _refusal(vault, job) is not None:
            # Switched off since the slice's last look: nobody was there to hear of it.
            self._end_idle(vault, [job], STOPPED)
        return outcome

    def _leave_unwritten(self, job: Job, work: Slice) -> None:
        """This process lives: what it could not write must not be taken for its death."""
        if work.begun is not None:
            self._services.schedule.leave_unwritten(job)

    def _without_redis(self, job: Job, error: redis.RedisError) -> Outcome:
        """Redis went away before the slice, or for longer than its end waits: come back soon.

        Raises:
            RedisError: It is not back within a lease's life. The job then comes due by what was
                planned last: its lease's end, or `worker.queued_seconds`.
        """
        log.warning("Redis does not answer as it should (%s)", type(error).__name__)
        delay = spread(self._services.settings.worker.retry_seconds)
        self._insist(lambda: self._services.schedule.put(job, delay))
        return Outcome("wait", delay, message=NO_QUEUE)

    def _insist(self, act: Callable[[], object]) -> None:
        """Do something in Redis; a restart of it takes a moment."""
        until = time.monotonic() + self._services.settings.worker.lease_seconds
        while True:
            try:
                act()
                return
            except redis.RedisError:
                if time.monotonic() > until:
                    raise
                time.sleep(_REDIS_PAUSE)

    def _without_vault(self, job: Job, run_id: str, error: Exception) -> Outcome:
        """The vault cannot even take a state: say so where people look, and come back."""
        message = message_of(error)
        log.error("the vault cannot be used: %s", message)
        delay = self._services.settings.worker.vault_retry_seconds
        self._services.schedule.put(job, delay)
        seen = self._services.progress.view(job)
        view = seen if seen and seen.run_id == run_id else None
        view = view or ProgressView(job.connection, job.handler, run_id, "waiting")
        self._services.progress.publish(job, replace(view, status="waiting", message=message))
        return Outcome("wait", delay, message=message)

    def _slice(self, vault: Vault, job: Job, work: Slice, *, force: bool) -> Outcome:
        refusal = None if force else _refusal(vault, job)
        if refusal:
            return self._settled(vault, job, work, Outcome("off", message=refusal))
        try:
            begun = work.begin()
            log.info("run begins" if begun.first else "run goes on")
            aside = poisoned(begun, self._services.settings.worker)
            if aside is not None:
                outcome = aside
                log.error("set aside: %s", aside.message)
            else:
                reason = work.pull()
                work.reconcile()
                outcome = _STOPS[reason] if reason else self._done(vault, job)
        except StoppedError as stop:
            outcome = _STOPS[stop.reason]
        except Exception as error:
            # The one place where every error ends: the table decides what happens next.
            before = work.begun or vault.handler(job.connection, job.handler)
            failures = (0 if work.committed else before.failures) + 1
            settings = self._services.settings.worker
            outcome = of_error(error, failures, settings, work.run_id, before.setbacks + 1)
            self._note(error, outcome)
        if outcome.next != "leave":
            outcome = self._settled(vault, job, work, outcome)
        if outcome.next != "leave":
            over = outcome.next in ("rest", "off")
            log.info("%s, %s", "run ends" if over else "slice ends", work.told(outcome))
        return outcome

    def _done(self, vault: Vault, job: Job) -> Outcome:
        state = vault.handler(job.connection, job.handler)
        provider = self._services.provider(job.provider)
        frequency = state.frequency or provider.handler(job.handler).frequency
        message = QUARANTINED.format(state.quarantined) if state.quarantined else None
        return Outcome("rest", spread(SECONDS[frequency]), handler="enabled", message=message)

    def _settled(self, vault: Vault, job: Job, work: Slice, outcome: Outcome) -> Outcome:
        """Write down the end of the slice: states in the vault, then the schedule, then progress.

        Returns:
            The outcome as it was written: another where the person has connected again since the
            slice found its access ended, and none where another worker has the job by now.
        """
        try:
            if outcome.lost_position:
                work.start_again()
            try:
                work.save(outcome)
            except AccessRenewedError:
                setbacks = work.begun.setbacks if work.begun else 0
                outcome = renewed(setbacks + 1, self._services.settings.worker)
                work.save(outcome)
        except FencedError:
            return Outcome("leave")
        planned: list[str | None] = []
        self._insist(lambda: planned.append(self._plan(vault, job, work, outcome)))
        other = planned[-1]
        if other is None or outcome.next in ("rest", "off"):
            return outcome
        return replace(outcome, run_id=other)

    def _plan(self, vault: Vault, job: Job, work: Slice, outcome: Outcome) -> str | None:
        """When the job is due next; may be repeated.

        Returns:
            The run that the job is in, where it is another by now: the slice's own was ended, by a
            pause say, and a new one asked for.
        """
        schedule = self._services.schedule
        over = outcome.next in ("rest", "off")
        if over:
            # Switched off meanwhile, or run by force: to be looked at no more. A run with more to
            # do keeps its place: its next slice looks for itself, and a forced one must come to
            # its end.
            off = outcome.next == "off" or _refusal(vault, job) is not None
            other = schedule.rest(job, work.run_id, None if off else outcome.delay)
            if outcome.connection == "invalid-auth":
                others = [state.handler_id for state in vault.handlers(job.connection)]
                jobs = [replace(job, handler=other) for other in others if other != job.handler]
                self._take_out(jobs)
                self._end_idle(vault, jobs, outcome.message or STOPPED)
        else:
            held = schedule.keep_run(job, work.run_id)
            other = held if held != work.run_id else None
            delay = spread(outcome.delay) if outcome.failures else outcome.delay
            schedule.put(job, 0.0 if other else delay)
        if other is not None and not over:
            with suppress(NotFoundError):
                vault.end_run(work.run_id, "paused", STOPPED)
            outcome = Outcome("off", message=STOPPED)
        work.publish(outcome)
        if other is not None:
            queued = ProgressView(job.connection, job.handler, other, "queued")
            self._services.progress.publish(job, queued)
        return other

    def _take_out(self, jobs: Sequence[Job]) -> None:
        """Take jobs out of the schedule: their connection has gone, or its access has ended."""
        for job in jobs:
            self._services.schedule.remove(job)
        # Connected again just now? What was asked for then may have been taken out, too.
        for job in jobs:
            with suppress(VaultError, OSError):
                if _refusal(self._services.vaults.open(job.person), job) is None:
                    self._services.schedule.put_new(job, 0.0)

    def _end_idle(self, vault: Vault, jobs: Sequence[Job], message: str) -> None:
        """End the runs of jobs that were taken out, but for those that a slice is at work on."""
        for job in jobs:
            at_work = self._services.redis.exists(job.lease())
            if not at_work and self._services.schedule.due_at(job) is None:
                with suppress(NotFoundError):
                    end_run(self._services, vault, job, message)

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
