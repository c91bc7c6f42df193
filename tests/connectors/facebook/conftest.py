"""A sandbox with a connected Facebook account, and the real engine over it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Record
from sandbox.facebook.store import Kind, Timeline
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import HandlerState
from worker import connections
from worker.engine import Engine
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services, open_services

NAME = "facebook"
LISTS: dict[str, Kind] = {"following": "likes", "post": "posts"}


@dataclass
class Bench:
    """One sandbox and one server, with the account connected."""

    sandbox: RunningSandbox
    services: Services
    job: Job

    @property
    def side(self) -> Any:
        return self.sandbox.world.sides[NAME]

    @property
    def kind(self) -> Kind:
        return LISTS[self.job.handler]

    @property
    def timeline(self) -> Timeline:
        found: Timeline = self.side.timelines[0]
        return found

    @property
    def holding(self) -> Any:
        return self.side.holdings(0)[self.job.handler]

    def slice(self, *, batches: int | None = None) -> Outcome:
        """One time slice; of one batch, where that is asked for."""
        services = self.services
        if batches == 1:
            worker = services.settings.worker.model_copy(update={"slice_seconds": 0.0})
            settings = services.settings.model_copy(update={"worker": worker})
            services = dataclasses.replace(services, settings=settings)
        run = services.schedule.run_of(self.job)
        return Engine(services).run(self.job.person, self.job.connection, self.job.handler, run)

    def sync(self) -> Outcome:
        """Sync until there is nothing more to do for now."""
        while (outcome := self.slice()).next == "continue":
            pass
        return outcome

    def kept(self) -> dict[str, Record]:
        found = self.services.vaults.open(self.job.person).kept(
            self.job.connection, self.job.handler
        )
        return {key: record for key in found.source_ids() if (record := found.get(key))}

    def state(self) -> HandlerState:
        vault = self.services.vaults.open(self.job.person)
        return vault.handler(self.job.connection, self.job.handler)

    def requests(self) -> dict[str, int]:
        """Requests since the last look, by kind."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["requests"]
        self.sandbox.world.stats.reset()
        return found

    def expect_in_sync(self) -> None:
        """What is kept is what there is, and says what it says."""
        kept = self.kept()
        assert set(kept) == set(self.holding.expected({}))
        assert all(self.holding.reflects(record) for record in kept.values())


Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path, redis_server: Any) -> Iterator[Start]:
    """Start a sandbox and a server, and connect the account."""
    client = redis_server.client()
    client.flushall()
    client.close()
    with ExitStack() as stack:

        def begin(handler: str = "post", *, size: int = 5, **options: Any) -> Bench:
            sandbox = stack.enter_context(
                running(SandboxOptions(**{"items": 12, "messages": 0, "seed": 3, **options}))
            )
            services = open_services(_settings(tmp_path, sandbox, size), redis_server.url)
            stack.callback(services.close)
            side = sandbox.world.sides[NAME]
            minted = side.tokens(sandbox.world.tokens.mint(0, side.scopes))
            made = connections.connect(services, "owner", NAME, Tokens.from_json(minted))
            sandbox.world.stats.reset()
            return Bench(sandbox, services, Job("owner", made.id, handler))

        yield begin


def _settings(folder: Path, sandbox: RunningSandbox, size: int) -> Any:
    options = sandbox.world.options
    return load(
        home=folder / "home",
        http={"backoff": 0.01},
        worker={"retry_seconds": 0.01},
        providers={
            NAME: {
                "client_id": options.client_id,
                "client_secret": options.client_secret,
                "base_url": sandbox.url + sandbox.world.sides[NAME].prefix,
                "page_size": size,
            }
        },
    )
