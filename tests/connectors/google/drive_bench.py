"""One account's Drive handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.google.drive import DriveDocuments
from connectors.google.provider import Google
from connectors.sdk.handler import Context
from connectors.sdk.http import Api, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.options import resolve
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import Account, Batch, Failed, Position, Record
from connectors.sdk.schemas.file import File
from sandbox.faults import Fault
from sandbox.google import drive_documents as kinds
from sandbox.google.drive_holding import DriveHolding
from sandbox.google.drive_store import DriveStore, Entry
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEGABYTE = 1024 * 1024


class MemoryKept:
    """Keeps records in memory as the vault does on disk."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.failed: dict[str, Failed] = {}

    def known(self, source_ids: Collection[str]) -> set[str]:
        return {key for key in source_ids if key in self.records or key in self.failed}

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self) -> Iterator[str]:
        return iter(list(self.records))

    def keep(self, batch: Batch) -> None:
        for record in batch.records:
            File().load(record)
            self.records[record["sourceId"]] = record
            self.failed.pop(record["sourceId"], None)
        for key in batch.deleted:
            self.records.pop(key, None)
        for failed in batch.failed:
            self.failed[failed.source_id] = failed
        assert set(batch.listed) <= {*self.records, *self.failed, *batch.gone}


class Signed:
    """An access token of the sandbox."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self._tokens = Tokens.from_json(sandbox.world.mint())

    def access_token(self) -> str:
        return self._tokens.access_token

    def refresh(self, _rejected: str) -> str:
        self._tokens = Tokens.from_json(self._sandbox.world.mint())
        return self._tokens.access_token


class DriveBench:
    """See the module."""

    def __init__(self, *, config: dict[str, Any] | None = None, **options: Any) -> None:
        self._running = running(SandboxOptions(**{"items": 20, "messages": 0, **options}))
        self.sandbox = self._running.__enter__()
        values = {"base_url": self.sandbox.url, "quota": "none", "drive_page_size": 6}
        self.provider = Google.configured({**values, **(config or {})})
        self.transport = Transport(read_timeout=5)
        self.kept = MemoryKept()
        self.position: Position = {}
        self.options: dict[str, str] = {}
        self.text_limit = 25 * MEGABYTE
        self.batches: list[Batch] = []

    def close(self) -> None:
        self.transport.close()
        self._running.__exit__(None, None, None)

    @property
    def holding(self) -> DriveHolding:
        found = self.sandbox.world.sides["google"].holdings(0)["google-drive-document"]
        assert isinstance(found, DriveHolding)
        return found

    @property
    def store(self) -> DriveStore:
        return self.holding.store

    def file(self, index: int = 0, **wanted: Any) -> Entry:
        """A file that is to be kept, by its place in the list among those like the ones wanted."""
        entries = [self.store.get(key) for key in self.holding.expected({})]
        fitting = [
            entry
            for entry in entries
            if entry and all(getattr(entry, name) == value for name, value in wanted.items())
        ]
        return fitting[index]

    def handler(self) -> DriveDocuments:
        api = Api(
            self.transport,
            tokens=Signed(self.sandbox),
            classify=self.provider.classify,
            budget=Unlimited(time.monotonic),
            base_url=self.sandbox.url,
            backoff=0.001,
        )
        context = Context(
            provider=self.provider,
            account=Account("1234"),
            api=api,
            options=resolve(DriveDocuments.options, self.options),
            kept=self.kept,
            text_limit=self.text_limit,
            now=NOW,
        )
        return DriveDocuments(context)

    def sync(self, *, cut_after: int | None = None) -> list[Batch]:
        """Run the handler; a batch is kept after the next one was made, as the engine does.

        Args:
            cut_after: Stop after so many batches, as a killed run does.
        """
        self.sandbox.world.stats.reset()
        done: list[Batch] = []
        try:
            for batch in self.handler().batches(self.position):
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
        # A position goes through JSON on its way.
        self.position = json.loads(json.dumps(batch.position))

    @property
    def in_sync(self) -> bool:
        wanted = set(self.holding.expected(self.options))
        return set(self.kept.records) == wanted and all(
            self.holding.reflects(record) for record in self.kept.records.values()
        )

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.sandbox.world.faults.add(Fault(kind, path=path, **more))

    @property
    def calls(self) -> dict[str, int]:
        """Calls of the last run, by the method's name."""
        found: dict[str, int] = self.sandbox.world.stats.to_json()["calls"]
        return {name.removeprefix("drive."): count for name, count in found.items()}

    @property
    def readable(self) -> int:
        """Files whose content is worth asking for."""
        silent = (kinds.PICTURE, kinds.LOCKED, kinds.LARGE)
        entries = [self.store.get(key) for key in self.holding.expected(self.options)]
        return sum(entry is not None and entry.kind not in silent for entry in entries)

    @property
    def fetched(self) -> int:
        """Files whose content, or metadata alone, was asked for by the last run."""
        return sum(self.calls.get(name, 0) for name in ("files.get", "files.export"))
