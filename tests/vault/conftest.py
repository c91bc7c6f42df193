"""A vault on a real SQLCipher file, with one connection and made-up mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import Settings
from connectors.sdk.records import Record, record_id
from connectors.sdk.schemas.email import Email
from vault.model import Commit, Connection
from vault.vault import Vault
from vault.vaults import Vaults

ACCOUNT = "google:1"
Make = Callable[..., Any]


def make_email(n: int | str, *, account: str = "1", **fields: Any) -> Record:
    return {
        "_id": record_id("google", account, str(n)),
        "schema": Email.uri,
        "name": f"Subject {n}",
        "sourceApplication": "https://google.com/",
        "sourceAccountId": account,
        "sourceId": str(n),
        "sourceData": {"id": str(n), "raw": f"raw {n}"},
        "insertedAt": "2024-01-01T00:00:00.000Z",
        "type": "receive",
        "fromEmail": "ada@example.com",
        "toEmail": "me@example.com",
        "messageText": f"Body of {n}",
        "sentAt": "2024-01-01T00:00:00.000Z",
        **fields,
    }


def make_connection(number: str = "1") -> Connection:
    now = datetime.now(UTC)
    return Connection(
        id=f"google:{number}",
        provider="google",
        account_id=number,
        profile={"name": "Ada"},
        status="connected",
        message=None,
        created_at=now,
        updated_at=now,
    )


def make_commit(*records: Record, **fields: Any) -> Commit:
    given: dict[str, Any] = {
        "connection_id": ACCOUNT,
        "handler_id": "gmail",
        "fence": 1,
        "schemas": {Email.uri: Email},
        "position": {"n": len(records)},
        **fields,
    }
    return Commit(records=records, **given)


@pytest.fixture
def email() -> Make:
    return make_email


@pytest.fixture
def connection() -> Make:
    return make_connection


@pytest.fixture
def batch() -> Make:
    return make_commit


@pytest.fixture
def vaults(settings: Settings) -> Iterator[Vaults]:
    opened = Vaults(settings)
    yield opened
    opened.close()


@pytest.fixture
def vault(vaults: Vaults) -> Vault:
    opened = vaults.open("owner", create=True)
    opened.save_connection(make_connection())
    opened.ensure_handler(ACCOUNT, "gmail")
    opened.claim(ACCOUNT, "gmail", 1)
    return opened
