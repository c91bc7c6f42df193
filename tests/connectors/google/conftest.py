"""What the tests of Google's connector share: real transport, a sandbox, and a small vault."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.google.gmail import Gmail
from connectors.google.provider import Google
from connectors.sdk.handler import Context
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.options import resolve
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from connectors.sdk.schemas.email import Email
from sandbox.google.mailbox import Mailbox
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEGABYTE = 1024 * 1024


@dataclass
class MemoryKept:
    """Keeps records in memory as the vault does on disk."""

    records: dict[str, Record] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    failed: dict[str, Failed] = field(default_factory=dict)

    def known(self, source_ids: Collection[str]) -> set[str]:
        return {key for key in source_ids if key in self.records or key in self.failed}

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self) -> Iterator[str]:
        return iter(list(self.records))

    def keep(self, batch: Batch) -> None:
        for record in batch.records:
            Email().load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
        for key in batch.deleted:
            self.records.pop(key, None)
            self.deleted.add(key)
        for failed in batch.failed:
            self.failed[failed.source_id] = failed
        accounted = {*self.records, *self.failed, *batch.gone}
        assert set(batch.listed) <= accounted


class SandboxTokens:
    """Tokens of the sandbox, refreshed at its token endpoint by minting new ones."""

    def __init__(self, sandbox: RunningSandbox, scopes: Collection[str] | None = None) -> None:
        self._sandbox = sandbox
        self._scopes = scopes
        self.refreshed = 0
        self._tokens = self._mint()

    def _mint(self) -> Tokens:
        world = self._sandbox.world
        given = world.mint() if self._scopes is None else world.mint(0, self._scopes)
        return Tokens.from_json(given)

    def access_token(self) -> str:
        return self._tokens.access_token

    def refresh(self, rejected: str) -> str:
        self.refreshed += 1
        self._tokens = self._mint()
        return self._tokens.access_token


class Bench:
    """One account's Gmail handler over a sandbox, with what it keeps and where it stands."""

    def __init__(self, sandbox: RunningSandbox, **config: Any) -> None:
        self.sandbox = sandbox
        values = {"base_url": sandbox.url, "quota": "none", **config}
        self.provider = Google.configured(values)
        self.tokens = SandboxTokens(sandbox)
        self.kept = MemoryKept()
        self.position: Position = {}
        self.options: dict[str, str] = {}
        self.now = NOW
        self.batches: list[Batch] = []
        self.waits: list[float] = []
        self.text_limit = MEGABYTE
        self.inline_wait = 5.0
        self.transport = Transport(read_timeout=5)
        self.api = self.make_api()

    def make_api(self) -> Api:
        self.api = Api(
            self.transport,
            tokens=self.tokens,
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            base_url=self.provider.config.base_url,
            backoff=0.001,
            inline_wait=self.inline_wait,
        )
        return self.api

    def account(self) -> Account:
        return self.provider.account(self.api)

    def handler(self) -> Gmail:
        context = Context(
            provider=self.provider,
            account=self.account(),
            api=self.api,
            options=resolve(Gmail.options, self.options),
            kept=self.kept,
            text_limit=self.text_limit,
            now=self.now,
        )
        return Gmail(context)

    def sync(self, *, cut_after: int | None = None) -> list[Batch]:
        """Run the handler, keeping each batch; stop after so many of them, as a killed run does.

        A batch is kept after the next one was made, as the engine does, which fetches ahead.
        """
        handler = self.handler()
        self.sandbox.world.stats.reset()
        done: list[Batch] = []
        try:
            for batch in handler.batches(self.position):
                if done:
                    self._keep(done[-1])
                done.append(batch)
                if cut_after is not None and len(done) >= cut_after:
                    break
        finally:
            if done:
                self._keep(done[-1])
            self.batches += done
        return done

    def _keep(self, batch: Batch) -> None:
        self.kept.keep(batch)
        self.position = batch.position

    @property
    def mailbox(self) -> Mailbox:
        return self.sandbox.world.mailbox()

    @property
    def in_sync(self) -> bool:
        return set(self.kept.records) == set(self.mailbox.ids())

    def calls(self) -> dict[str, int]:
        """Calls since the last run began, by the method's name."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["calls"]
        return {name.removeprefix("gmail.users."): count for name, count in found.items()}

    def close(self) -> None:
        self.transport.close()


Start = Callable[..., Bench]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sandbox with the given options; `config` is the connector's."""
    with ExitStack() as stack:

        def begin(config: dict[str, Any] | None = None, **options: Any) -> Bench:
            sandbox = stack.enter_context(running(SandboxOptions(**options)))
            bench = Bench(sandbox, **(config or {}))
            stack.callback(bench.close)
            return bench

        yield begin
