"""Tries quarantined items again, after the mapping was mended or the provider has recovered."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

from redis import RedisError

from connectors.sdk.errors import (
    ConnectorError,
    GoneError,
    InUseError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.handler import Handler
from connectors.sdk.records import Failed, Record
from vault.errors import NotFoundError, UnwritableError, VaultError
from vault.model import QuarantineItem
from vault.vault import Vault
from worker.batches import Preparer
from worker.handlers import open_handler
from worker.keys import Job
from worker.services import Services
from worker.stopping import StoppedError

#: How an item left quarantine: its record is kept now, or it has gone at the provider.
Left = Literal["kept", "gone"]

#: Items tried again by themselves in one run, and how often each: what does not mend is a
#: matter for a person.
_MOST_ITEMS = 50
_MOST_TRIES = 5
#: Passing faults in a row after which the rest is left for the next run.
_MOST_FAULTS = 3


def retry(services: Services, person_id: str, item_id: int) -> str | None:
    """Map the item again and keep its record.

    Returns:
        None when it is in quarantine no more: kept now, or gone at the provider. Else why not; the
        item then stays, with one more try counted.
    """
    vault = services.vaults.open(person_id)
    item = next((found for found in vault.quarantine() if found.id == item_id), None)
    if item is None:
        return "there is no such item"
    job = Job(person_id, item.connection_id, item.handler_id)
    handler = open_handler(services, vault, job)
    try:
        try:
            return _retry(vault, handler, item)[1]
        except InUseError:
            # Says nothing about the item, so it is no try.
            return "it is being synced just now, and a second session would end the first"
        except ConnectorError as error:
            vault.quarantine_failed(item.id, str(error))
            return str(error)
    except NotFoundError:
        # A run at work was faster.
        return None


def repair(
    vault: Vault, job: Job, handler: Handler, fence: int
) -> Generator[Left | None, None, None]:
    """Try a handler's quarantined items again, as each run does, one with each step.

    Args:
        vault: The person's vault.
        job: Whose quarantine.
        handler: The job's handler.
        fence: Of the run's lease.

    Yields:
        How the item has left quarantine; None where it has not. Whoever iterates looks after each
        whether to go on.

    Raises:
        ConnectorError: The provider asks to wait, or lets nobody in.
        FencedError: Another worker has the job by now.
        StoppedError: A wait was ended.
    """
    waiting = vault.quarantine(job.connection, job.handler)
    faults = 0
    with handler.retrying():
        for item in [item for item in waiting if item.tries < _MOST_TRIES][:_MOST_ITEMS]:
            try:
                left, passing = _tried(vault, handler, item, fence)
            except NotFoundError:
                # A person's own retry was faster.
                continue
            faults = faults + 1 if passing else 0
            yield left
            if faults >= _MOST_FAULTS:
                break


def _tried(
    vault: Vault, handler: Handler, item: QuarantineItem, fence: int
) -> tuple[Left | None, bool]:
    """How the item has left quarantine, and whether it was a passing fault that kept it there."""
    try:
        return _retry(vault, handler, item, fence)[0], False
    except TransientError as error:
        vault.quarantine_failed(item.id, str(error), fence=fence)
        return None, True


def _retry(
    vault: Vault, handler: Handler, item: QuarantineItem, fence: int | None = None
) -> tuple[Left | None, str | None]:
    """How the item has left quarantine, or why it has not.

    Raises:
        ConnectorError: It says nothing about this item, or the fault may pass.
        FencedError: Another worker has the job by now.
        NotFoundError: The item has left quarantine meanwhile.
    """
    gone = False
    try:
        record: Record | None = handler.retry(Failed(item.source_id, item.source, item.reason))
    except GoneError as error:
        record, gone = error.record, True
    except _OF_ALL:
        raise
    except Exception as error:
        # Whatever a mapping does wrong, the item must stay.
        known = isinstance(error, ConnectorError)
        reason = str(error) if known else f"cannot be mapped ({type(error).__name__})"
        vault.quarantine_failed(item.id, reason, fence=fence)
        return None, reason
    problem = Preparer(handler, handler.kept).check(record) if record else None
    if record and not problem:
        try:
            schema = handler.schemas()[record["schema"]]
            vault.release(item.id, record, schema, deleted=gone, fence=fence)
        except UnwritableError as error:
            problem = str(error)
        else:
            return "gone" if gone else "kept", None
    if problem and not gone:
        vault.quarantine_failed(item.id, problem, fence=fence)
        return None, problem
    # Gone, and what was found of it before cannot be kept; what is kept of it is so no more.
    vault.release(item.id, deleted=gone, fence=fence)
    return "gone", None


#: Errors that are not the item's.
_OF_ALL = (
    TransientError, RateLimitedError, TokenExpiredError, RedisError, VaultError, StoppedError,
)  # fmt: skip
