"""The Gmail handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.google.gmail import Gmail
from connectors.sdk.records import Account
from sandbox.google.mailbox import Mailbox
from tests.connectors.google.syncing import SyncBench, starting


class Bench(SyncBench):
    """One account's Gmail handler."""

    handler_class = Gmail
    prefix = "gmail.users."
    renewed = True
    vanishing = True
    inline_wait = 5.0

    def account(self) -> Account:
        return self.provider.account(self.api)

    @property
    def mailbox(self) -> Mailbox:
        return self.sandbox.world.mailbox()

    def expected(self) -> set[str]:
        return set(self.mailbox.ids())


Start = Callable[..., Bench]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sandbox with the given options; `config` is the connector's."""
    with starting(Bench) as begin:
        yield begin
