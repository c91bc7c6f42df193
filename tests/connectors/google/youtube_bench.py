"""One YouTube handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.google.provider import Google
from connectors.sdk.handler import Context
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from sandbox.google.youtube_holding import _Holding
from sandbox.google.youtube_store import Studio
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class MemoryKept:
    """Keeps records in memory as the vault does on disk."""

    schema: Any
    records: dict[str, Record] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def known(self, source_ids: Collection[str]) -> set[str]:
        return {key for key in source_ids if key in self.records or key in self.failed}

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self) -> Iterator[str]:
        return iter(sorted(self.records))

    def keep(self, batch: Batch) -> None:
        for record in batch.records:
            self.schema().load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
        for key in batch.deleted:
            self.records.pop(key, None)
            self.deleted.append(key)
        self.failed |= {failed.source_id: failed for failed in batch.failed}
        assert set(batch.listed) <= {*self.records, *self.failed}


class MintedTokens:
    def __init__(self, sandbox: RunningSandbox, account: int) -> None:
        self._tokens = Tokens.from_json(sandbox.world.mint(account))

    def access_token(self) -> str:
        return self._tokens.access_token

    def refresh(self, rejected: str) -> str:
        raise AssertionError("the token was rejected")


Start = Callable[..., "Bench"]


@contextmanager
def benches(accounts: int) -> Iterator[Start]:
    """Make benches, each of an account of its own, with 22 items, in one sandbox."""
    options = SandboxOptions(items=22, messages=0, seed=5, remember_sent=True, accounts=accounts)
    numbers = itertools.count()
    with running(options) as sandbox, ExitStack() as stack:

        def begin(handler_id: str, size: int = 5) -> Bench:
            sandbox.world.faults.clear()
            bench = Bench(sandbox, handler_id, next(numbers), size)
            bench.project.daily_units = None
            bench.project.spent = 0
            stack.callback(bench.close)
            return bench

        yield begin


class Bench:
    """One account's handler.

    Args:
        sandbox: Plays YouTube.
        handler_id: Which handler.
        account: Number of the account.
        size: Items on a page.
    """

    def __init__(
        self, sandbox: RunningSandbox, handler_id: str, account: int = 0, size: int = 5
    ) -> None:
        self.sandbox = sandbox
        self._account = account
        self.provider = Google.configured(
            {"base_url": sandbox.url, "quota": "none", "youtube_page_size": size}
        )
        self.handler_class = self.provider.handler(handler_id)
        side: Any = sandbox.world.sides["google"]
        self.project = side.youtube.project
        self.studio: Studio = side.youtube.studios[account]
        self.holding: _Holding = side.holdings(account)[handler_id]
        self.kept = MemoryKept(self.handler_class.schema)
        self.position: Position = {}
        self.now = NOW
        self.transport = Transport(read_timeout=5)
        self.end_waits()

    def end_waits(self) -> None:
        """Forget that YouTube asked to wait."""
        self.api = Api(
            self.transport,
            tokens=MintedTokens(self.sandbox, self._account),
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            base_url=self.sandbox.url,
            backoff=0.001,
            inline_wait=0.1,
        )

    def sync(self, *, cut_after: int | None = None, meanwhile: Any = None) -> list[Batch]:
        """Run the handler, keeping each batch; stop after so many, as a killed run does.

        A batch is kept after the next one was made, as the engine does, which fetches ahead.

        Args:
            cut_after: Batches that are kept.
            meanwhile: Called after the first batch was made.
        """
        context = Context(self.provider, Account("1"), self.api, {}, self.kept, 1_000_000, self.now)
        self.sandbox.world.stats.reset()
        done: list[Batch] = []
        for batch in self.handler_class(context).batches(self.position):
            if done:
                self._keep(done[-1])
            done.append(batch)
            if len(done) == 1 and meanwhile:
                meanwhile()
            if cut_after is not None and len(done) >= cut_after:
                break
        if done:
            self._keep(done[-1])
        return done

    def sync_in_slices(self, most: int = 60) -> int:
        """Run slices of one batch until there is nothing more to do; how many it took."""
        for number in range(most):
            if not self.sync(cut_after=1):
                return number
        raise AssertionError("goes round for ever")

    def _keep(self, batch: Batch) -> None:
        self.kept.keep(batch)
        self.position = json.loads(json.dumps(batch.position))

    def calls(self) -> dict[str, int]:
        """Calls since the last run began, by the method's name."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["calls"]
        return {name.removeprefix("youtube."): count for name, count in found.items()}

    def requests(self) -> int:
        return sum(self.calls().values())

    def expect_in_sync(self) -> None:
        wanted = set(self.holding.expected({})) - set(self.kept.failed)
        assert set(self.kept.records) == wanted
        assert all(self.kept.records[key]["sourceId"] == key for key in wanted)

    def expect_current(self) -> None:
        self.expect_in_sync()
        assert all(self.holding.reflects(record) for record in self.kept.records.values())

    def close(self) -> None:
        self.transport.close()
