"""Tries quarantined items again, after the mapping was mended or the provider has recovered."""

from __future__ import annotations

from connectors.sdk.errors import ConnectorError
from connectors.sdk.handler import Handler
from connectors.sdk.records import Failed
from vault.model import QuarantineItem
from vault.vault import Vault
from worker.batches import Preparer
from worker.handlers import open_handler
from worker.keys import Job
from worker.services import Services


def retry(services: Services, person_id: str, item_id: int) -> str | None:
    """Map the item again and keep its record.

    Returns:
        None when it is kept now; else why not. The item then stays, with one more try counted.
    """
    vault = services.vaults.open(person_id)
    item = next((found for found in vault.quarantine() if found.id == item_id), None)
    if item is None:
        return "there is no such item"
    handler = open_handler(services, vault, Job(person_id, item.connection_id, item.handler_id))
    reason = _retry(vault, handler, item)
    if reason:
        vault.quarantine_failed(item.id, reason)
    return reason


def _retry(vault: Vault, handler: Handler, item: QuarantineItem) -> str | None:
    try:
        record = handler.retry(Failed(item.source_id, item.source, item.reason))
    except ConnectorError as error:
        return str(error)
    except Exception as error:
        # Whatever a mapping does wrong, the item must stay.
        return f"cannot be mapped ({type(error).__name__})"
    problem = Preparer(handler, handler.kept).check(record)
    if problem:
        return problem
    vault.release(item.id, record, handler.schemas()[record["schema"]])
    return None
