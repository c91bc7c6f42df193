"""Tries quarantined items again, after the mapping was mended or the provider has recovered."""

from __future__ import annotations

from redis import RedisError

from connectors.sdk.errors import (
    ConnectorError,
    GoneError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.handler import Handler
from connectors.sdk.records import Failed, Record
from vault.errors import NotFoundError, VaultError
from vault.model import QuarantineItem
from vault.vault import Vault
from worker.batches import Preparer
from worker.handlers import open_handler
from worker.keys import Job
from worker.services import Services

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
    handler = open_handler(services, vault, Job(person_id, item.connection_id, item.handler_id))
    try:
        return _retry(vault, handler, item)
    except ConnectorError as error:
        vault.quarantine_failed(item.id, str(error))
        return str(error)


def repair(vault: Vault, job: Job, handler: Handler) -> int:
    """Try a handler's quarantined items again, as each run does; how many are kept now.

    Raises:
        ConnectorError: The provider asks to wait, or lets nobody in.
    """
    waiting = vault.quarantine(job.connection, job.handler)
    kept = faults = 0
    for item in [item for item in waiting if item.tries < _MOST_TRIES][:_MOST_ITEMS]:
        try:
            kept += _retry(vault, handler, item) is None
            faults = 0
        except NotFoundError:
            # A person's own retry was faster.
            continue
        except TransientError as error:
            vault.quarantine_failed(item.id, str(error))
            faults += 1
        if faults >= _MOST_FAULTS:
            break
    return kept


def _retry(vault: Vault, handler: Handler, item: QuarantineItem) -> str | None:
    """None when the item has left quarantine, else why not.

    Raises:
        ConnectorError: It says nothing about this item, or the fault may pass.
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
        vault.quarantine_failed(item.id, reason)
        return reason
    problem = Preparer(handler, handler.kept).check(record) if record else None
    if problem and not gone:
        vault.quarantine_failed(item.id, problem)
        return problem
    if record is None or problem:
        vault.release(item.id)
    else:
        schema = handler.schemas()[record["schema"]]
        vault.release(item.id, record, schema, deleted=gone)
    return None


#: Errors that are not the item's.
_OF_ALL = (TransientError, RateLimitedError, TokenExpiredError, RedisError, VaultError)
