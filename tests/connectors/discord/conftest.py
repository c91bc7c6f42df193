"""A sandbox with a connected Discord account, and the real engine over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, load
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Record
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from worker import connections
from worker.engine import Engine
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services, open_services

NAME = "discord"


@dataclass
class Bench:
    """One sandbox and one server."""

    sandbox: RunningSandbox
    services: Services

    @property
    def side(self) -> Any:
        return self.sandbox.world.sides[NAME]

    def holding(self, account: int = 0) -> Any:
        return self.side.guilds[account]

    def connect(self, account: int = 0) -> Job:
        minted = self.sandbox.world.tokens.mint(account, self.side.scopes)
        made = connections.connect(self.services, "owner", NAME, Tokens.from_json(minted))
        return Job("owner", made.id, "following")

    def sync(self, job: Job) -> Outcome:
        """One slice."""
        run = self.services.schedule.run_of(job)
        return Engine(self.services).run(job.person, job.connection, job.handler, run)

    def kept(self, job: Job) -> dict[str, Record]:
        found = self.services.vaults.open(job.person).kept(job.connection, job.handler)
        records = {key: found.get(key) for key in found.source_ids()}
        return {key: record for key, record in records.items() if record}

    def requests(self) -> dict[str, int]:
        """Requests since the last look, by kind."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["requests"]
        self.sandbox.world.stats.reset()
        return found


Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path, redis_server: Any) -> Iterator[Start]:
    """Start a sandbox and a server; `config` is the connector's."""
    client = redis_server.client()
    client.flushall()
    client.close()
    with ExitStack() as stack:

        def begin(config: dict[str, Any] | None = None, **options: Any) -> Bench:
            sandbox = stack.enter_context(
                running(SandboxOptions(**{"items": 12, "messages": 0, **options}))
            )
            services = open_services(_settings(tmp_path, sandbox, config or {}), redis_server.url)
            stack.callback(services.close)
            return Bench(sandbox, services)

        yield begin


def _settings(folder: Path, sandbox: RunningSandbox, config: dict[str, Any]) -> Settings:
    options = sandbox.world.options
    given = {
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        "base_url": sandbox.url + sandbox.world.sides[NAME].prefix,
        **config,
    }
    return load(
        home=folder / "home",
        http={"backoff": 0.01},
        worker={"retry_seconds": 0.01},
        providers={NAME: given},
    )
