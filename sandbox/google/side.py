"""Google, as the sandbox plays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint

from sandbox.faults import Fault
from sandbox.google import gmail, oauth, userinfo
from sandbox.google.call import Answer
from sandbox.google.errors import from_fault
from sandbox.google.gmail_holding import MailHolding
from sandbox.holding import Holding
from sandbox.side import Refusal, Side
from sandbox.world import ALL_SCOPES, World


class GoogleSide(Side):
    """Google's OAuth, userinfo and APIs."""

    id = "google"
    scopes = ALL_SCOPES

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._holdings: list[dict[str, Holding]] = [
            {"gmail": MailHolding(account.mailbox, world.renderer)} for account in world.accounts
        ]

    def blueprints(self) -> Iterable[Blueprint]:
        """The routes of all of Google."""
        return [module.blueprint(self.world) for module in (oauth, userinfo, gmail)]

    def account_id(self, account: int) -> str:
        """Google's `sub`."""
        return self.world.account(account).person.sub

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return self._holdings[account]

    def error(self, fault: Fault) -> Refusal:
        """See `sandbox.google.errors`."""
        error = from_fault(fault.kind, now=self.world.now(), retry_after=fault.retry_after)
        answer = Answer.of(error)
        return Refusal(answer.status, answer.body, answer.headers)
