"""Telegram's side.

What a person needs to sign in: the account of number n has the phone number `999662` followed by n
in four digits, the code is always `22222` (`network.CODE`), and the account of number 1 has a
two-step password (`network.PASSWORD`; `TelegramSide.network.passwords` gives others one). The
numbers of `signin.FLOODED` and `signin.BANNED` are refused as their names say, all others as
`PHONE_NUMBER_INVALID`. A code that is shown is "scanned" on the page `/telegram/scan?token=...`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint

from sandbox.faults import Fault
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.options import SandboxOptions
from sandbox.side import Refusal, Side
from sandbox.telegram import api
from sandbox.telegram.holding import TelegramHolding
from sandbox.telegram.network import Network
from sandbox.world import World

#: Faults in Telegram's words (https://core.telegram.org/api/errors). There is no quota of a day: a
#: wait of so long is what comes nearest. A server that is overloaded says so with another 500.
_WORDS = {
    "401": (401, "Unauthorized"),
    "403-scope": (403, "CHAT_FORBIDDEN"),
    "500": (500, "RPC_CALL_FAIL"),
    "503": (500, "WORKER_BUSY_TOO_LONG_RETRY"),
}
_DAY = 86_400
#: An application's number (https://core.telegram.org/api/obtaining_api_id).
API_ID = "94575"


class TelegramSide(Side):
    """Telegram by way of TDLib."""

    id = "telegram"
    prefix = api.PREFIX
    #: There is no OAuth: whoever is signed in may read everything.
    scopes = ()

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.network = Network(world)
        self._holdings = Lazy(len(world.accounts), self._holding)

    def _holding(self, account: int) -> TelegramHolding:
        return TelegramHolding(self.network.accounts[account])

    def blueprints(self) -> Iterable[Blueprint]:
        """TDLib's interface, and the page for codes."""
        return [api.blueprint(self.network)]

    def account_id(self, account: int) -> str:
        """The user's id."""
        return str(self.network.accounts[account].store.me.id)

    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""
        return {"chat-message": self._holdings[account]}

    def holding(self, account: int = 0) -> TelegramHolding:
        """The same, with all that tests can do to it."""
        return self._holdings[account]

    @classmethod
    def client(cls, options: SandboxOptions) -> tuple[str, str]:
        """An `api_id`, which is a number, and the `api_hash`."""
        return API_ID, options.client_secret

    def scan(self, account: int) -> bool:
        """See `Side.scan`."""
        shown = self.network.shown()
        return shown is not None and self.network.scan(shown, account)

    def tokens(self, minted: Mapping[str, Any]) -> dict[str, Any]:
        """What a connection holds: TDLib's session in place of a token."""
        return {"access_token": self.network.packed(minted["refresh_token"])}

    def canaries(self) -> list[str]:
        """Words of the messages, sessions, codes to scan, phone numbers and passwords."""
        words = [word for known in self.network.accounts for word in known.store.words()]
        return [*words, *self.network.secrets()]

    def error(self, fault: Fault) -> Refusal:
        """A fault as TDLib tells of it: in the answer, which HTTP knows nothing of."""
        code, message = _WORDS.get(fault.kind, (429, ""))
        if code == 429:
            seconds = _DAY if fault.kind == "403-daily" else math.ceil(fault.retry_after or 1)
            message = f"Too Many Requests: retry after {seconds}"
        body = {"@type": "error", "code": code, "message": message}
        return Refusal(200, json.dumps(body).encode())
