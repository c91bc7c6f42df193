"""X's handlers over the sandbox, the real engine and a real vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from connectors.sdk.handler import Handler
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Position, Record
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from sandbox.twitter.side import TwitterSide
from sandbox.twitter.store import Store
from worker import connections
from worker.engine import Engine
from worker.handlers import open_handler
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services, open_services

NAME = "twitter"


@dataclass
class Bench:
    """One handler of one account."""

    sandbox: RunningSandbox
    services: Services
    job: Job

    @property
    def side(self) -> TwitterSide:
        side = self.sandbox.world.sides[NAME]
        assert isinstance(side, TwitterSide)
        return side

    @property
    def store(self) -> Store:
        return self.side.stores[0]

    @property
    def holding(self) -> Any:
        return self.side.holdings(0)[self.job.handler]

    def sync(self) -> Outcome:
        """Sync once; what it was billed for is in `billed`."""
        self.store.sent.update(posts=0, users=0)
        run = self.services.schedule.run_of(self.job)
        return Engine(self.services).run(
            self.job.person, self.job.connection, self.job.handler, run
        )

    def sync_one_batch(self) -> None:
        """Sync, and be cut after the first batch."""
        worker = self.services.settings.worker.model_copy(update={"slice_seconds": 0.0})
        settings = self.services.settings.model_copy(update={"worker": worker})
        services = replace(self.services, settings=settings)
        run = services.schedule.run_of(self.job)
        outcome = Engine(services).run(self.job.person, self.job.connection, self.job.handler, run)
        assert outcome.next == "continue", outcome.message

    def choose(self, **options: str) -> None:
        """Choose the handler's options, as the person does."""
        connections.set_handler_options(
            self.services, self.job.person, self.job.connection, self.job.handler, options
        )

    def tokens(self) -> Tokens:
        found = self.services.vaults.open(self.job.person).tokens(self.job.connection)
        assert found
        return found

    def sync_well(self) -> dict[str, int]:
        """Sync, which must end well; how many posts and users were billed."""
        outcome = self.sync()
        assert (outcome.next, outcome.handler) == ("rest", "enabled"), outcome.message
        return dict(self.store.sent)

    def kept(self) -> dict[str, Record]:
        """All kept records by id."""
        found = self.services.vaults.open("owner").kept(self.job.connection, self.job.handler)
        return {key: record for key in found.source_ids() if (record := found.get(key))}

    def position(self) -> Position:
        return (
            self.services.vaults.open("owner")
            .handler(self.job.connection, self.job.handler)
            .position
        )

    def handler(self, *, days: int = 0) -> Handler:
        """The handler, as it would be opened so many days from now."""
        made = open_handler(self.services, self.services.vaults.open("owner"), self.job)
        later = made.context.now + timedelta(days=days)
        return type(made)(replace(made.context, now=later))


Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path, redis_server: Any) -> Iterator[Start]:
    """Start a sandbox with an account connected; keywords are the connector's settings."""
    with ExitStack() as stack:

        def begin(handler: str, *, items: int = 12, **config: Any) -> Bench:
            client = redis_server.client()
            client.flushall()
            client.close()
            sandbox = stack.enter_context(running(SandboxOptions(items=items, seed=3)))
            options, side = sandbox.world.options, sandbox.world.sides[NAME]
            settings = load(
                home=tmp_path / "home",
                http={"backoff": 0.01},
                providers={
                    NAME: {
                        "client_id": options.client_id,
                        "client_secret": options.client_secret,
                        "base_url": sandbox.url + side.prefix,
                        **config,
                    }
                },
            )
            services = open_services(settings, redis_server.url)
            stack.callback(services.close)
            tokens = Tokens.from_json(sandbox.world.tokens.mint(0, side.scopes))
            made = connections.connect(services, "owner", NAME, tokens)
            return Bench(sandbox, services, Job("owner", made.id, handler))

        yield begin
