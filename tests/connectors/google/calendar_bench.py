"""The calendar handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.google.calendar import CalendarEvents
from connectors.google.provider import Google
from connectors.sdk.handler import Context
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.options import resolve
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from sandbox.google.calendar_holding import CalendarHolding
from sandbox.google.calendar_store import CalendarStore, Stored
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running


@dataclass
class MemoryKept:
    """Keeps records in memory as the vault does on disk."""

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
            CalendarEvents.schemas()[record["schema"]]().load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
        for key in batch.deleted:
            self.records.pop(key, None)
            self.deleted.append(key)
        self.failed |= {failed.source_id: failed for failed in batch.failed}
        assert set(batch.listed) <= {*self.records, *self.failed}


class _Tokens:
    def __init__(self, sandbox: RunningSandbox) -> None:
        self._tokens = Tokens.from_json(sandbox.world.mint())

    def access_token(self) -> str:
        return self._tokens.access_token

    def refresh(self, rejected: str) -> str:
        raise AssertionError("the token was rejected")


class Bench:
    """One account's calendar handler.

    Args:
        sandbox: Plays Google.
        config: The connector's settings.
    """

    def __init__(self, sandbox: RunningSandbox, **config: Any) -> None:
        self.sandbox = sandbox
        values = {"base_url": sandbox.url, "quota": "none", **config}
        self.provider = Google.configured(values)
        side: Any = sandbox.world.sides["google"]
        self.store: CalendarStore = side.calendars[0]
        self.holding: CalendarHolding = side.holdings(0)["calendar-event"]
        self.kept = MemoryKept()
        self.position: Position = {}
        self.options: dict[str, str] = {}
        # As the sandbox's side counts what it expects.
        self.now = datetime.now(UTC)
        self.transport = Transport(read_timeout=5)
        self.api = Api(
            self.transport,
            tokens=_Tokens(sandbox),
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            base_url=sandbox.url,
            backoff=0.001,
            inline_wait=0.1,
        )

    def handler(self) -> CalendarEvents:
        options = resolve(CalendarEvents.options, self.options)
        return CalendarEvents(
            Context(self.provider, Account("1"), self.api, options, self.kept, 1_000, self.now)
        )

    def sync(
        self, *, cut_after: int | None = None, meanwhile: Callable[[int], object] | None = None
    ) -> list[Batch]:
        """Run the handler, keeping each batch; stop after so many, as a killed run does.

        A batch is kept after the next one was made, as the engine does, which fetches ahead.

        Args:
            cut_after: Batches that are kept.
            meanwhile: Called after each batch was made, with their number so far.
        """
        self.sandbox.world.stats.reset()
        done: list[Batch] = []
        for batch in self.handler().batches(self.position):
            if done:
                self._keep(done[-1])
            done.append(batch)
            if meanwhile:
                meanwhile(len(done))
            if cut_after is not None and len(done) >= cut_after:
                break
        if done:
            self._keep(done[-1])
        return done

    def sync_in_slices(self, most: int = 200) -> int:
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
        return {name.removeprefix("calendar."): count for name, count in found.items()}

    def calendar(self, name: str = "primary") -> Stored:
        """A calendar by its id, or by a part of its id."""
        found = self.store.calendar(name)
        return found or next(c for c in self.store.calendars.values() if name in c.id)

    def events(self, calendar: Stored) -> list[str]:
        """The kept events of a calendar."""
        return [key for key in self.kept.records if key.startswith(f"{calendar.id}/")]

    def expect_in_sync(self) -> None:
        """What is kept is what there is, and says what it says."""
        assert set(self.kept.records) == set(self.holding.expected(self.options))
        assert all(map(self.holding.reflects, self.kept.records.values()))


@contextmanager
def benches() -> Iterator[Callable[..., Bench]]:
    """Start sandboxes with the given options; `config` is the connector's."""
    with ExitStack() as stack:

        def begin(config: dict[str, Any] | None = None, **options: Any) -> Bench:
            settings = {"messages": 0, **options}
            sandbox = stack.enter_context(running(SandboxOptions(**settings)))
            bench = Bench(sandbox, **(config or {}))
            stack.callback(bench.transport.close)
            return bench

        yield begin
