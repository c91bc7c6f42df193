"""Ends a run that nobody works on: in Redis, in the vault's sync log, and for those who watch."""

from __future__ import annotations

from dataclasses import replace

from vault.vault import Vault
from worker.keys import Job
from worker.services import Services

#: Said of a run that was ended from outside.
STOPPED = "stopped on request"


def end_run(services: Services, vault: Vault, job: Job, message: str = STOPPED) -> None:
    """End the run that the job is in; its messages are void.

    Args:
        services: What the tiers share.
        vault: The person's vault.
        job: Whose run; no slice of it may be at work.
        message: Why, for people.
    """
    services.schedule.end_run(job)
    # The vault knows best what has not ended: Redis may have forgotten the run.
    vault.end_last_run(job.connection, job.handler, "paused", message)
    view = services.progress.view(job)
    if view is not None and view.status in ("queued", "syncing", "waiting"):
        paused = replace(view, status="paused", message=message, not_before=None)
        services.progress.publish(job, paused)
