"""The calendar handler over a sandbox, with what it keeps and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from connectors.google.calendar import CalendarEvents
from sandbox.google.calendar_holding import CalendarHolding
from sandbox.google.calendar_store import CalendarStore, Stored
from sandbox.server import RunningSandbox
from tests.connectors.google.syncing import SyncBench, starting


class Bench(SyncBench):
    """One account's calendar handler.

    Args:
        sandbox: Plays Google.
        config: The connector's settings.
    """

    handler_class = CalendarEvents
    prefix = "calendar."
    holding: CalendarHolding

    def __init__(self, sandbox: RunningSandbox, **config: Any) -> None:
        super().__init__(sandbox, **config)
        self.store: CalendarStore = self.side.calendars[0]
        # As the sandbox's side counts what it expects.
        self.now = datetime.now(UTC)

    def calendar(self, name: str = "primary") -> Stored:
        """A calendar by its id, or by a part of its id."""
        found = self.store.calendar(name)
        return found or next(c for c in self.store.calendars.values() if name in c.id)

    def events(self, calendar: Stored) -> list[str]:
        """The kept events of a calendar."""
        return [key for key in self.kept.records if key.startswith(f"{calendar.id}/")]


def benches() -> AbstractContextManager[Callable[..., Bench]]:
    """See `starting`; there is no mail."""
    return starting(Bench, messages=0)
