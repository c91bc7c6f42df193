"""One YouTube handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from connectors.google.provider import Google
from sandbox.google.youtube_holding import _Holding
from sandbox.google.youtube_store import Studio
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.connectors.google.syncing import SyncBench

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


class Bench(SyncBench):
    """One account's handler.

    Args:
        sandbox: Plays YouTube.
        handler_id: Which handler.
        account: Number of the account.
        size: Items on a page.
    """

    prefix = "youtube."
    holding: _Holding

    def __init__(
        self, sandbox: RunningSandbox, handler_id: str, account: int = 0, size: int = 5
    ) -> None:
        self.handler_class = Google.configured({}).handler(handler_id)
        super().__init__(sandbox, account, youtube_page_size=size)
        self.project = self.side.youtube.project
        self.studio: Studio = self.side.youtube.studios[account]

    def requests(self) -> int:
        return sum(self.calls().values())

    def expected(self) -> set[str]:
        return super().expected() - set(self.kept.failed)
