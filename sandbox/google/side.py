"""Google, as the sandbox plays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint

from sandbox.faults import Fault
from sandbox.google import calendar, gmail, oauth, userinfo
from sandbox.google.calendar_holding import CalendarHolding
from sandbox.google.calendar_store import CalendarStore
from sandbox.google.call import Answer
from sandbox.google.drive import Drives
from sandbox.google.drive_holding import DriveHolding
from sandbox.google.errors import from_fault
from sandbox.google.gmail_holding import MailHolding
from sandbox.google.youtube import YouTube
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.side import Refusal, Side
from sandbox.world import ALL_SCOPES, World


class GoogleSide(Side):
    """Google's OAuth, userinfo and APIs."""

    id = "google"
    page_parameters = frozenset({"pageToken"})
    scopes = ALL_SCOPES

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.youtube = YouTube(world)
        self.calendars = Lazy(len(world.accounts), self._calendar)
        self._drives = Drives(world)
        self._holdings = Lazy(len(world.accounts), self._held)

    def _calendar(self, account: int) -> CalendarStore:
        world = self.world
        return CalendarStore(world.options, account, world.account(account).person, world.newest)

    def _held(self, account: int) -> dict[str, Holding]:
        drives = self._drives
        return {
            "gmail": MailHolding(self.world.mailbox(account), self.world.renderer),
            "calendar-event": CalendarHolding(self.calendars[account]),
            **self.youtube.holdings(account),
            "google-drive-document": DriveHolding(drives.stores[account], drives.oddities[account]),
        }

    def blueprints(self) -> Iterable[Blueprint]:
        """The routes of all of Google."""
        routes = [module.blueprint(self.world) for module in (oauth, userinfo, gmail)]
        routes.append(calendar.blueprint(self.world, self.calendars))
        routes.append(self._drives.blueprint())
        routes.append(self.youtube.blueprint())
        return routes

    def account_id(self, account: int) -> str:
        """Google's `sub`."""
        return self.world.account(account).person.sub

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return self._holdings[account]

    def canaries(self) -> list[str]:
        """Of the documents' texts; mail has its own."""
        return [
            word
            for store in self._drives.stores
            for entry in store.entries()
            for word in store.canaries(entry)
        ]

    def error(self, fault: Fault) -> Refusal:
        """See `sandbox.google.errors`."""
        error = from_fault(fault.kind, now=self.world.now(), retry_after=fault.retry_after)
        answer = Answer.of(error)
        return Refusal(answer.status, answer.body, answer.headers)
