"""One account's Drive handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from connectors.google.drive import DriveDocuments
from sandbox.faults import Fault
from sandbox.google import drive_documents as kinds
from sandbox.google.drive_holding import DriveHolding
from sandbox.google.drive_store import DriveStore, Entry
from sandbox.server import RunningSandbox
from tests.connectors.google.syncing import MEGABYTE, SyncBench, starting


class DriveBench(SyncBench):
    """One account's Drive handler.

    Args:
        sandbox: Plays Google.
        config: The connector's settings.
    """

    handler_class = DriveDocuments
    prefix = "drive."
    renewed = True
    vanishing = True
    inline_wait = 5.0
    text_limit = 25 * MEGABYTE
    holding: DriveHolding

    def __init__(self, sandbox: RunningSandbox, **config: Any) -> None:
        super().__init__(sandbox, **{"drive_page_size": 6, **config})
        assert isinstance(self.holding, DriveHolding)

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
        """A handler that is signed in anew and that waits for nothing."""
        self.make_api()
        made: DriveDocuments = super().handler()
        return made

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.sandbox.world.faults.add(Fault(kind, path=path, **more))

    @property
    def readable(self) -> int:
        """Files whose content is worth asking for."""
        silent = (kinds.PICTURE, kinds.LOCKED, kinds.LARGE)
        entries = [self.store.get(key) for key in self.holding.expected(self.options)]
        return sum(entry is not None and entry.kind not in silent for entry in entries)

    @property
    def fetched(self) -> int:
        """Files whose content, or metadata alone, was asked for by the last run."""
        calls = self.calls()
        return sum(calls.get(name, 0) for name in ("files.get", "files.export"))


def benches() -> AbstractContextManager[Callable[..., DriveBench]]:
    """See `starting`; there are 20 files and no mail."""
    return starting(DriveBench, items=20, messages=0)
