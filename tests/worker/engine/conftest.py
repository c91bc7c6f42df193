"""The engine on the real vault, the real embedded server and the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings, load
from connectors.sdk.oauth import Tokens
from sandbox.server import RunningSandbox, running
from tests.worker.engine.steps import OPTIONS
from vault.vault import Vault
from worker import connections
from worker.keys import Job
from worker.services import Services


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """One account with a mailbox."""
    with running(OPTIONS) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    """Settings that lead to the sandbox, with short waits."""
    client = {"client_id": OPTIONS.client_id, "client_secret": OPTIONS.client_secret}
    return load(
        home=tmp_path / "home",
        http={"backoff": 0.01},
        worker={"inline_wait_seconds": 0.5, "lease_seconds": 2, "max_deaths": 3},
        providers={"google": client | {"base_url": sandbox.url}},
    )


@pytest.fixture
def tokens(sandbox: RunningSandbox) -> Tokens:
    """What the account's consent gives."""
    return Tokens.from_json(sandbox.world.tokens.mint(0, sandbox.world.sides["google"].scopes))


@pytest.fixture
def job(services: Services, tokens: Tokens) -> Job:
    """The mailbox of a new connection."""
    made = connections.connect(services, "owner", "google", tokens)
    return Job("owner", made.id, "gmail")


@pytest.fixture
def vault(services: Services, job: Job) -> Vault:
    """The person's vault."""
    return services.vaults.open(job.person)
