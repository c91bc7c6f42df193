"""One time slice of a run: pulls, commits, counts, and tells how it goes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redis.client import Pipeline

from connectors.sdk.handler import Handler
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed
from connectors.sdk.stats import Stats
from vault.model import Begun, Commit, Ending, Run
from vault.vault import Vault
from worker.batches import NOT_DELIVERED, Prepared, Preparer, Timings
from worker.checkpoints import Checkpoint
from worker.handlers import open_handler, tokens_of
from worker.leases import Lease
from worker.metrics import SliceCounts
from worker.progress import ProgressView, Status
from worker.pull import Puller
from worker.quarantine import repair
from worker.stopping import StoppedError

if TYPE_CHECKING:
    from worker.outcomes import Outcome
    from worker.services import Services
    from worker.tokens import ConnectionTokens

log = logging.getLogger(__name__)

#: How often a wait looks whether to end early, in seconds.
_LOOK = 0.2


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
        #: What the slice began with; None before that.
        self.begun: Begun | None = None
        #: The access that the slice begins with, and what gives its calls a newer one.
        self._access: Tokens | None = None
        self._tokens: ConnectionTokens | None = None
        #: Ids that this slice's commits answered for.
        self._listed: set[str] = set()
        self._services = services
        self._vault = vault
        self._lease = lease
        self._job = lease.job
        self._stopping = stopping
        self._parent = os.getppid()
        self._started = time.monotonic()
        self._timings = Timings()
        self._stats = Stats()
        self._counts = SliceCounts(self._job)
        # A run's earlier slices have counted already; go on from there.
        seen = services.progress.view(self._job)
        same = seen is not None and seen.run_id == run_id
        self._before = seen if same and seen else ProgressView(*self._ids(), "queued")
        self._kept = self._before.kept
        self._inserted = self._updated = 0
        self._deleted = self._before.deleted
        self._quarantined = self._before.quarantined
        self._total = self._before.total

    def begin(self) -> Begun:
        """Claim the fence, load the position and say that the sync has begun."""
        job = self._job
        run = Run(self.run_id, job.connection, job.handler, datetime.now(UTC))
        self._access = self._vault.tokens(job.connection)
        unwritten = self._services.schedule.unwritten(job)
        begun = self._vault.begin(run, self._lease.fence, alive=unwritten)
        self.begun = begun
        self._position, self._seq = begun.position, begun.seq
        self._services.checkpoints.agree(job, self._seq, self._lease.fence, self._position)
        if unwritten:
            self._services.schedule.written(job)
        self._publish("syncing", None, None)
        return begun

    def pull(self) -> str | None:
        """Fetch and commit until there is no more or a reason to stop; returns that reason."""
        tokens = self._tokens = tokens_of(self._services, self._vault, self._job)
        handler = open_handler(self._services, self._vault, self._job, self.wait, tokens)
        self._stats = handler.api.stats
        self._schemas = handler.schemas()
        self._repair(handler)
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
        self._seq += 1
        self._services.checkpoints.forget(self._job)

    def reconcile(self) -> None:
        """Compare what was listed in this slice with what is kept; a gap goes to quarantine.

        Each batch has been looked at before its commit; this looks at what the vault then holds.
        """
        job = self._job
        missing = self._listed - self._vault.accounted(job.connection, job.handler, self._listed)
        if missing:
            log.error("%d items were listed and are not kept", len(missing))
            failed = [Failed(key, {"id": key}, NOT_DELIVERED) for key in sorted(missing)]
            self._commit(Prepared(self._position, [], failed, [], None))

    def save(self, outcome: Outcome) -> None:
        """Write the outcome's states and the sync log into the vault.

        Raises:
            AccessRenewedError: The access that the outcome says has ended is held no more: the
                person has connected again. Nothing is written.
            FencedError: Another worker has the job by now.
            NotFoundError: The connection was removed.
        """
        job = self._job
        self._vault.finish(
            Ending(
                connection_id=job.connection,
                handler_id=job.handler,
                fence=self._lease.fence,
                run_id=self.run_id if self.begun else None,
                seq=self._seq if self.begun else None,
                # A refusal may be some seconds old: whoever has connected again since has another.
                access=(self._tokens and self._tokens.used) or self._access,
                outcome=_status(outcome),
                message=outcome.message,
                handler=outcome.handler,
                connection=outcome.connection,
                complete=outcome.next == "rest" and outcome.handler == "enabled",
                ended=outcome.next in ("rest", "off"),
                failures=outcome.failures,
                attempts=outcome.attempts,
                unfinished=outcome.unfinished,
                set_aside=outcome.set_aside,
                setback=outcome.setback,
                counts={
                    "inserted": self._inserted,
                    "updated": self._updated,
                    "deleted": self._deleted - self._before.deleted,
                    "quarantined": self._quarantined - self._before.quarantined,
                    "requests": self._stats.requests,
                },
            )
        )
        self._counts.ended(outcome.next, _status(outcome))

    def told(self, outcome: Outcome) -> str:
        """How the run stands and what it has done, over all its slices; for the log."""
        costs = self._costs()
        return (
            f"{_status(outcome)}: {self._kept} kept, {self._deleted} deleted, {self._quarantined} quarantined,"
            f" {costs['requests']:.0f} requests, {costs['seconds']:.1f} s"
        )

    def publish(self, outcome: Outcome) -> None:
        """Tell those who watch how the slice ended."""
        not_before = time.time() + outcome.delay if outcome.next == "wait" else None
        self._publish(_status(outcome), outcome.message, not_before)

    def _repair(self, handler: Handler) -> None:
        """Try what is in quarantine again, once a run: a gap must not stay one by itself."""
        if self.begun is None or not (self.begun.first and self.begun.quarantined):
            return
        # What it holds open is let go before the slice goes on, however it ends.
        with closing(repair(self._vault, self._job, handler, self._lease.fence)) as tries:
            for left in tries:
                self.committed += left is not None
                # What has gone at the provider is no record kept.
                self._kept += left == "kept"
                self._inserted += left == "kept"
                if reason := self._stop():
                    raise StoppedError(reason)

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
                seq=self._seq,
            )
        )
        seconds = time.perf_counter() - started
        self._timings.vault += seconds
        self._counts.committed(done, seconds)
        # A position alone is no progress: something else may fail each time.
        self.committed += bool(done.inserted + done.updated)
        self._listed.update(batch.listed)
        self._position, self._seq = batch.position, done.seq
        self._kept += done.inserted + done.updated
        self._inserted += done.inserted
        self._updated += done.updated
        self._deleted += done.deleted
        self._quarantined += done.quarantined
        # Only now: the checkpoint must never be ahead of the records.
        pipe = self._services.redis.pipeline(transaction=False)
        saved = Checkpoint(done.seq, self._lease.fence, batch.position)
        self._services.checkpoints.save(job, saved, pipe)
        self._publish("syncing", None, None, pipe)

    def _stop(self) -> str | None:
        reason = self._interrupted()
        if reason:
            return reason
        worker = self._services.settings.worker
        first = self.begun is not None and self.begun.first
        longest = worker.slice_seconds
        longest = min(longest, worker.first_slice_seconds) if first else longest
        return "slice" if time.monotonic() - self._started >= longest else None

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

    def _publish(
        self,
        status: Status,
        message: str | None,
        not_before: float | None,
        pipe: Pipeline | None = None,
    ) -> None:
        if self._lease.lost:
            # Another worker tells of the job by now.
            return
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
        self._counts.spent(self._stats)
        self._services.progress.publish(self._job, view, self._counts, pipe)

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
