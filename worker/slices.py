"""One time slice of a run: pulls, commits, counts, and tells how it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.sdk.http import Stats
from vault.model import Commit, Run
from vault.vault import Vault
from worker.batches import Prepared, Preparer, Timings
from worker.checkpoints import Checkpoint
from worker.handlers import open_handler
from worker.leases import Lease
from worker.progress import ProgressView, Status
from worker.pull import Puller

if TYPE_CHECKING:
    from worker.outcomes import Outcome
    from worker.services import Services

#: How often a wait looks whether to end early, in seconds.
_LOOK = 0.2


class StoppedError(Exception):
    """A wait within a call was ended: shutdown, cancel or a lost lease."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Slice:
    """What happens between taking a lease and giving it back.

    Args:
        services: What the tiers share.
        vault: The person's vault.
        lease: The lease that is held.
        run_id: The run that this slice is part of.
        stopping: Whether this process is about to end.
    """

    def __init__(
        self,
        services: Services,
        vault: Vault,
        lease: Lease,
        run_id: str,
        stopping: Callable[[], bool],
    ) -> None:
        self.run_id = run_id
        self.committed = 0
        self._begun = False
        self._services = services
        self._vault = vault
        self._lease = lease
        self._job = lease.job
        self._stopping = stopping
        self._parent = os.getppid()
        self._started = time.monotonic()
        self._timings = Timings()
        self._stats = Stats()
        # A run's earlier slices have counted already; go on from there.
        seen = services.progress.view(self._job)
        same = seen is not None and seen.run_id == run_id
        self._before = seen if same and seen else ProgressView(*self._ids(), "queued")
        self._kept = self._before.kept
        self._inserted = self._updated = 0
        self._deleted = self._before.deleted
        self._quarantined = self._before.quarantined
        self._total = self._before.total

    def begin(self) -> None:
        """Claim the fence, load the position and say that the sync has begun."""
        job = self._job
        self._vault.start_run(Run(self.run_id, job.connection, job.handler, datetime.now(UTC)))
        self._begun = True
        self._position, self._seq = self._vault.claim(
            job.connection, job.handler, self._lease.fence
        )
        self._services.checkpoints.agree(job, self._seq, self._lease.fence, self._position)
        self._services.schedule.asked_again(job)
        # A handler that was switched off and is run by force stays off.
        off = self._vault.handler(job.connection, job.handler).status == "disabled"
        status = "disabled" if off else "syncing"
        self._vault.update_handler(
            job.connection, job.handler, status=status, last_run_id=self.run_id
        )
        if self._vault.connection(job.connection).status == "connected":
            self._vault.set_connection_status(job.connection, "active")
        self._publish("syncing", None, None)

    def pull(self) -> str | None:
        """Fetch and commit until there is no more or a reason to stop; returns that reason."""
        handler = open_handler(self._services, self._vault, self._job, self.wait)
        self._stats = handler.api.stats
        self._schemas = handler.schemas()
        preparer = Preparer(handler, handler.kept, self._timings)
        return Puller(handler.batches(self._position), preparer, handler.api).pull(
            self._commit, self._stop
        )

    def wait(self, seconds: float) -> None:
        """Sleep, but not through a shutdown, a cancel or a lost lease.

        Raises:
            StoppedError: One of these happened.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            reason = self._interrupted()
            if reason:
                raise StoppedError(reason)
            time.sleep(min(left, _LOOK))

    def start_again(self) -> None:
        """Set the handler back to an empty position; its records stay."""
        self._vault.reset(
            self._job.connection, self._job.handler, delete_data=False, fence=self._lease.fence
        )
        self._services.checkpoints.forget(self._job)

    def save(self, outcome: Outcome) -> None:
        """Write the outcome's states and the sync log into the vault."""
        job = self._job
        done = outcome.next == "rest" and outcome.handler == "enabled"
        now = datetime.now(UTC)
        before = self._vault.handler(job.connection, job.handler).status
        status = outcome.handler or ("enabled" if before == "syncing" else before)
        # Switched off meanwhile: the person's word is the last.
        status = "disabled" if before == "disabled" else status
        changes = {"status": status, "message": outcome.message}
        self._vault.update_handler(
            job.connection,
            job.handler,
            **changes,
            failures=outcome.failures,
            **({"last_sync_at": now} if done else {}),
        )
        self._save_connection(outcome, done=done)
        if self._begun:
            self._vault.finish_run(
                self.run_id,
                _status(outcome),
                outcome.message,
                ended=outcome.next in ("rest", "off"),
                inserted=self._inserted,
                updated=self._updated,
                deleted=self._deleted - self._before.deleted,
                quarantined=self._quarantined - self._before.quarantined,
                requests=self._stats.requests,
            )

    def publish(self, outcome: Outcome) -> None:
        """Tell those who watch how the slice ended."""
        not_before = time.time() + outcome.delay if outcome.next == "wait" else None
        self._publish(_status(outcome), outcome.message, not_before)

    def _save_connection(self, outcome: Outcome, *, done: bool) -> None:
        current = self._vault.connection(self._job.connection).status
        if outcome.connection:
            self._vault.set_connection_status(
                self._job.connection, outcome.connection, outcome.message
            )
        elif outcome.handler == "error" and current in ("connected", "active"):
            self._vault.set_connection_status(self._job.connection, "error", outcome.message)
        elif done and current == "error":
            self._vault.set_connection_status(self._job.connection, "active")

    def _commit(self, batch: Prepared) -> None:
        job = self._job
        changed = batch.records or batch.failed or batch.deleted
        if batch.total is not None:
            self._total = batch.total
        if not changed and batch.position == self._position and batch.total is None:
            return
        started = time.perf_counter()
        done = self._vault.commit(
            Commit(
                connection_id=job.connection,
                handler_id=job.handler,
                fence=self._lease.fence,
                schemas=self._schemas,
                position=batch.position,
                records=batch.records,
                deleted=batch.deleted,
                quarantined=batch.failed,
                total=self._total,
            )
        )
        self._timings.vault += time.perf_counter() - started
        self.committed += 1
        self._position, self._seq = batch.position, done.seq
        self._kept += done.inserted + done.updated
        self._inserted += done.inserted
        self._updated += done.updated
        self._deleted += done.deleted
        self._quarantined += done.quarantined
        # Only now: the checkpoint must never be ahead of the records.
        self._services.checkpoints.save(
            job, Checkpoint(done.seq, self._lease.fence, batch.position)
        )
        self._publish("syncing", None, None)

    def _stop(self) -> str | None:
        reason = self._interrupted()
        if reason:
            return reason
        worker = self._services.settings.worker
        return "slice" if time.monotonic() - self._started >= worker.slice_seconds else None

    def _interrupted(self) -> str | None:
        if self._lease.lost:
            return "lost"
        # A worker process whose parent was killed goes on as an orphan: let it end.
        if self._stopping() or os.getppid() != self._parent:
            return "shutdown"
        if self._services.redis.get(self._job.cancel()) == self.run_id.encode():
            self._services.redis.delete(self._job.cancel())
            return "cancelled"
        return None

    def _ids(self) -> tuple[str, str, str]:
        return self._job.connection, self._job.handler, self.run_id

    def _publish(self, status: Status, message: str | None, not_before: float | None) -> None:
        view = ProgressView(
            *self._ids(),
            status,
            kept=self._kept,
            deleted=self._deleted,
            quarantined=self._quarantined,
            total=self._total,
            message=message,
            not_before=not_before,
            stats=self._costs(),
        )
        self._services.progress.publish(self._job, view)

    def _costs(self) -> dict[str, float]:
        now = {
            "requests": self._stats.requests,
            "refused": self._stats.refused,
            "seconds": time.monotonic() - self._started,
            "network": self._stats.network_seconds,
            "waited": self._stats.waited_seconds,
            "mapping": self._timings.mapping,
            "schema": self._timings.schema,
            "vault": self._timings.vault,
        }
        before = self._before.stats or {}
        return {key: round(value + before.get(key, 0), 4) for key, value in now.items()}


def _status(outcome: Outcome) -> Status:
    if outcome.next == "continue":
        return "syncing"
    if outcome.next == "wait":
        return "waiting"
    if outcome.handler == "enabled":
        return "done"
    if outcome.handler or outcome.connection:
        return "error"
    return "paused"
