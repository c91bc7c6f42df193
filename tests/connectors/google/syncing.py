"""What the tests of Google's handlers share: real transport, a sandbox, and a small vault."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from connectors.google.provider import Google
from connectors.sdk.handler import Context, Handler
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.options import resolve
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from connectors.sdk.schemas.base import RecordSchema
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEGABYTE = 1024 * 1024


class MemoryKept:
    """Keeps records in memory as the vault does on disk.

    Args:
        schemas: Those of the handler, by URI; each record is checked by its own.
        vanishing: Whether a batch may tell of listed ids that had vanished.
    """

    def __init__(
        self, schemas: Mapping[str, type[RecordSchema]], *, vanishing: bool = False
    ) -> None:
        self._schemas = schemas
        self._vanishing = vanishing
        self.records: dict[str, Record] = {}
        self.failed: dict[str, Failed] = {}
        self.deleted: list[str] = []

    def known(self, source_ids: Collection[str]) -> set[str]:
        return {key for key in source_ids if key in self.records or key in self.failed}

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self) -> Iterator[str]:
        return iter(sorted(self.records))

    def keep(self, batch: Batch) -> None:
        for record in batch.records:
            self._schemas[record["schema"]]().load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
        for key in batch.deleted:
            self.records.pop(key, None)
            self.deleted.append(key)
        self.failed |= {failed.source_id: failed for failed in batch.failed}
        accounted = {*self.records, *self.failed, *(batch.gone if self._vanishing else ())}
        assert set(batch.listed) <= accounted


class MintedTokens:
    """Tokens of the sandbox, without any dance.

    Args:
        sandbox: Mints them.
        account: Number of the account.
        renewed: Whether a rejected one is replaced; else that fails the test.
    """

    def __init__(self, sandbox: RunningSandbox, account: int = 0, *, renewed: bool = False) -> None:
        self._sandbox = sandbox
        self._account = account
        self._renewed = renewed
        self.refreshed = 0
        self._tokens = self._mint()

    def _mint(self) -> Tokens:
        return Tokens.from_json(self._sandbox.world.mint(self._account))

    def access_token(self) -> str:
        return self._tokens.access_token

    def refresh(self, rejected: str) -> str:
        assert self._renewed, "the token was rejected"
        self.refreshed += 1
        self._tokens = self._mint()
        return self._tokens.access_token


class SyncBench:
    """One account's handler over a sandbox, with what it keeps and where it stands.

    A subclass sets the class attributes.

    Args:
        sandbox: Plays Google.
        account: Number of the account.
        config: The connector's settings.
    """

    handler_class: type[Handler]
    #: What the names of the API's methods begin with.
    prefix: str
    #: See `MintedTokens`.
    renewed = False
    #: See `MemoryKept`.
    vanishing = False
    inline_wait = 0.1
    text_limit = MEGABYTE

    def __init__(self, sandbox: RunningSandbox, account: int = 0, **config: Any) -> None:
        self.sandbox = sandbox
        self._account = account
        self.provider = Google.configured({"base_url": sandbox.url, "quota": "none", **config})
        self.side: Any = sandbox.world.sides["google"]
        self.holding: Any = self.side.holdings(account)[self.handler_class.id]
        self.options: dict[str, str] = {}
        self.now = NOW
        self.batches: list[Batch] = []
        self.forget()
        self.transport = Transport(read_timeout=5)
        self.make_api()

    def forget(self) -> None:
        """Keep nothing and stand at the start."""
        self.kept = MemoryKept(self.handler_class.schemas(), vanishing=self.vanishing)
        self.position: Position = {}

    def make_api(self) -> None:
        """Sign in anew, and forget that Google asked to wait."""
        self.tokens = MintedTokens(self.sandbox, self._account, renewed=self.renewed)
        self.api = Api(
            self.transport,
            tokens=self.tokens,
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            base_url=self.provider.config.base_url,
            backoff=0.001,
            inline_wait=self.inline_wait,
        )

    def account(self) -> Account:
        return Account("1")

    def handler(self) -> Any:
        return self.handler_class(
            Context(
                provider=self.provider,
                account=self.account(),
                api=self.api,
                options=resolve(self.handler_class.options, self.options),
                kept=self.kept,
                text_limit=self.text_limit,
                now=self.now,
            )
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
        handler = self.handler()
        self.sandbox.world.stats.reset()
        done: list[Batch] = []
        try:
            for batch in handler.batches(self.position):
                if done:
                    self.keep(done[-1])
                done.append(replace(batch, records=list(batch.records)))
                if meanwhile:
                    meanwhile(len(done))
                if cut_after is not None and len(done) >= cut_after:
                    break
        finally:
            if done:
                self.keep(done[-1])
            self.batches += done
        return done

    def sync_in_slices(self, most: int = 200) -> int:
        """Run slices of one batch until there is nothing more to do; how many it took."""
        for number in range(most):
            if not self.sync(cut_after=1):
                return number
        raise AssertionError("goes round for ever")

    def keep(self, batch: Batch) -> None:
        self.kept.keep(batch)
        # A position goes through JSON on its way.
        self.position = json.loads(json.dumps(batch.position))

    def calls(self) -> dict[str, int]:
        """Calls since the last run began, by the method's name."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["calls"]
        return {name.removeprefix(self.prefix): count for name, count in found.items()}

    def expected(self) -> set[str]:
        """The ids of all that is to be kept."""
        return set(self.holding.expected(self.options))

    def expect_in_sync(self) -> None:
        """What is kept is what there is, and says what it says."""
        kept, wanted = set(self.kept.records), self.expected()
        assert kept == wanted, f"kept or wanted alone: {kept ^ wanted}"
        for key, record in self.kept.records.items():
            assert record["sourceId"] == key
            assert self.holding.reflects(record), key

    def close(self) -> None:
        self.transport.close()


AnyBench = TypeVar("AnyBench", bound=SyncBench)


@contextmanager
def starting(bench: type[AnyBench], **defaults: Any) -> Iterator[Callable[..., AnyBench]]:
    """Start sandboxes with the given options, each with a bench; `config` is the connector's.

    Args:
        bench: Its class.
        defaults: Options of the sandbox that hold where no others are given.
    """
    with ExitStack() as stack:

        def begin(config: dict[str, Any] | None = None, **options: Any) -> AnyBench:
            sandbox = stack.enter_context(running(SandboxOptions(**{**defaults, **options})))
            made = bench(sandbox, **(config or {}))
            stack.callback(made.close)
            return made

        yield begin
