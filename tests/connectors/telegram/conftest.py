"""What the tests of Telegram share: the handler over a sandbox, and what it keeps."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.sdk.handler import Context
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Right, Tokens, Unshared
from connectors.sdk.options import resolve
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from connectors.telegram.chat_message import ChatMessages
from connectors.telegram.provider import Telegram
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

SCHEMAS = {uri: schema() for uri, schema in ChatMessages.schemas().items()}


class Recorder(Transport):
    """The transport, which notes the requests to TDLib that go through it."""

    def __init__(self) -> None:
        super().__init__(read_timeout=15)
        self.requests: list[dict[str, Any]] = []

    def send(self, method: str, url: str, **given: Any) -> Any:
        body = json.loads(given["data"])
        if "client" in body and "request" in body:
            self.requests.append(body["request"])
        return super().send(method, url, **given)

    def counts(self) -> Counter[str]:
        """How often each kind was sent."""
        return Counter(request["@type"] for request in self.requests)


class Held:
    """The token of a connection."""

    def __init__(self, token: str) -> None:
        self.token = token

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        return self.token

    def keep(self, old: str, new: str) -> None:
        assert old == self.token
        self.token = new

    def exclusive(self) -> AbstractContextManager[Right]:
        return nullcontext(Unshared())


class Kept:
    """Keeps records in memory as the vault does on disk."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.failed: dict[str, Failed] = {}
        self.deleted: list[str] = []
        self.written: list[str] = []
        self._order: list[str] | None = None

    def known(self, source_ids: Collection[str]) -> set[str]:
        return {key for key in source_ids if key in self.records or key in self.failed}

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self, after: str = "") -> Iterator[str]:
        if self._order is None:
            self._order = sorted(self.records)
        return iter(self._order[bisect_right(self._order, after) :])

    def keep(self, batch: Batch) -> None:
        self._order = None
        for record in batch.records:
            SCHEMAS[record["schema"]].load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
            self.written.append(record["sourceId"])
        for key in batch.deleted:
            self.deleted += [key] if self.records.pop(key, None) else []
        self.failed |= {failed.source_id: failed for failed in batch.failed}
        assert set(batch.listed) <= {*self.records, *self.failed}


class Bench:
    """One account's handler.

    Args:
        sandbox: Plays Telegram.
        account: Number of the account.
        config: The provider's settings.
    """

    def __init__(self, sandbox: RunningSandbox, account: int = 0, **config: Any) -> None:
        self.sandbox = sandbox
        self.side: Any = sandbox.world.sides["telegram"]
        self.holding: Any = self.side.holding(account)
        self.store = self.holding.store
        base_url = sandbox.url + self.side.prefix
        values = {"client_id": "1", "client_secret": "hash", "base_url": base_url}
        self.provider = Telegram.configured({**values, **config})
        minted = self.side.tokens(sandbox.world.tokens.mint(account, ()))
        self.held = Held(Tokens.from_json(minted).access_token)
        self.transport = Recorder()
        self.options: dict[str, str] = {}
        self.kept = Kept()
        self.position: Position = {}
        #: How much later than the clock says it is for the handler.
        self.later = timedelta()
        self.make_api()
        self.me = Account(self.side.account_id(account))

    def make_api(self) -> None:
        """Forget that Telegram asked to wait."""
        self.api = Api(
            self.transport,
            tokens=self.held,
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            inline_wait=2.0,
        )

    def handler(self) -> ChatMessages:
        options = resolve(ChatMessages.options, self.options)
        now = datetime.now(UTC) + self.later
        return ChatMessages(
            Context(self.provider, self.me, self.api, options, self.kept, 1000, now)
        )

    def sync(
        self, *, cut_after: int | None = None, meanwhile: Callable[[int], object] | None = None
    ) -> int:
        """Run the handler; a batch is kept after the next one was made, as the engine does.

        Args:
            cut_after: Batches that are kept before it is cut.
            meanwhile: Called after each batch was made, with their number so far.

        Returns:
            How many batches came.
        """
        self.transport.requests.clear()
        self.kept.written.clear()
        waiting: Batch | None = None
        count = 0
        batches = self.handler().batches(self.position)
        try:
            for batch in batches:
                if waiting is not None:
                    self.keep(waiting)
                waiting, count = batch, count + 1
                if meanwhile:
                    meanwhile(count)
                if count == cut_after:
                    break
        finally:
            if waiting is not None:
                self.keep(waiting)
            batches.close()  # type: ignore[attr-defined]
        return count

    def keep(self, batch: Batch) -> None:
        self.kept.keep(batch)
        # A position goes through JSON on its way.
        self.position = json.loads(json.dumps(batch.position))

    def expect_in_sync(self) -> None:
        """What is kept is what there is, and says what it says."""
        kept, wanted = set(self.kept.records), set(self.holding.expected(self.options))
        assert kept == wanted, f"kept or wanted alone: {sorted(kept ^ wanted)[:5]}"
        for key, record in self.kept.records.items():
            assert self.holding.reflects(record), key

    def messages(self, chat: Any) -> list[Record]:
        """What is kept of a chat, oldest first."""
        found = [r for key, r in self.kept.records.items() if key.startswith(f"{chat.id}:")]
        return sorted(found, key=lambda record: int(record["sourceData"]["id"]))

    def group(self, chat: Any) -> Record:
        """The record of a chat."""
        return self.kept.records[str(chat.id)]

    def pages(self, chat: Any) -> list[int]:
        """Where the pages of a chat began that the last sync asked for."""
        return [
            request["from_message_id"]
            for request in self.transport.requests
            if request["@type"] == "getChatHistory" and request["chat_id"] == chat.id
        ]


Start = Callable[..., Bench]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sandbox with the given options; `config` is the connector's."""
    with ExitStack() as stack:

        def begin(config: dict[str, Any] | None = None, **options: Any) -> Bench:
            chosen = {"items": 22, "messages": 3, "seed": 5, "accounts": 1, **options}
            sandbox = stack.enter_context(running(SandboxOptions(**chosen)))
            made = Bench(sandbox, **(config or {}))
            stack.callback(made.transport.close)
            return made

        yield begin
