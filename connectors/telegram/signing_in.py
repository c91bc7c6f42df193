"""Signing in at Telegram: scan a code, or give phone number, code and two-step password.

The client stays open between the steps: the code to scan changes every half a minute, and TDLib
shows the next one by itself.

https://core.telegram.org/tdlib/getting-started#user-authorization
https://core.telegram.org/api/qr-login
"""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Classify, Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.signin import Kind, NotAcceptedError, SignIn, Step
from connectors.telegram import calls
from connectors.telegram.calls import Json
from connectors.telegram.client import Client, library, open_session
from connectors.telegram.config import TelegramConfig
from connectors.telegram.session import Session

#: Seconds for an answer of a step, for what a step leads to, and for a look whether anything came.
_PATIENCE = 30.0
_LOOK = 0.1
#: Seconds for each answer where a session that nobody keeps is ended: somebody is waiting.
_LAST_PATIENCE = 10.0
_NEVER = "Telegram cannot be reached now. Try again."
_BROKEN = "Telegram has ended this sign-in. Begin again."
#: States from which this sign-in does not go on, and what the person can do.
_ELSEWHERE = {
    "WaitRegistration": "This phone number has no Telegram account. Make one in the app first.",
    "WaitEmailAddress": "Telegram wants an e-mail address for this account first. Give it in the "
    "app (Settings, Privacy and Security, Login Email), then sign in here.",
    "WaitEmailCode": "Telegram sends the code of this account by e-mail, which cannot be used "
    "here. Scan the code instead.",
    "WaitPremiumPurchase": "Telegram sends no codes to this phone number without Telegram Premium. "
    "Scan the code instead.",
}
#: Where the code went; official apps alone get it in some of these ways.
_SENT = {
    "TelegramMessage": "in the Telegram app, on your other devices",
    "Sms": "by SMS",
    "SmsWord": "by SMS: it is a word",
    "SmsPhrase": "by SMS: it is a phrase",
    "Call": "by a phone call that tells it",
    "FlashCall": "by a phone call: the code is the number that calls",
    "MissedCall": "by a phone call: the code is the end of the number that calls",
    "Fragment": "on fragment.com",
}


class TelegramSignIn(SignIn):
    """A sign-in under way.

    Args:
        config: The provider's.
        transport: Shared by all calls.
        classify: The provider's table for answers over HTTP.

    Raises:
        ConfigurationError: The library, the api_id or the api_hash is missing.
    """

    def __init__(self, config: TelegramConfig, transport: Transport, classify: Classify) -> None:
        self._config = config
        self._transport = transport
        self._classify = classify
        self._stack = ExitStack()
        self._client: Client | None = None
        self._directory = Path()
        self._session = Session.new()
        #: Whether the person chose to give the number rather than to scan.
        self._by_phone = False
        self._asks_number = False
        self._open()

    def step(self) -> Step:
        """See `SignIn`."""
        client = self._alive()
        try:
            client.listen(_LOOK)
            if client.standing == "WaitPhoneNumber" and not self._by_phone:
                client.try_step(calls.request_qr_code())
                client.await_state("WaitPhoneNumber")
        except TransientError:
            raise ConnectorError(_NEVER) from None
        if self._asks_number or client.standing == "WaitPhoneNumber":
            text = "Give the phone number of your Telegram account, with the country code."
            return Step("phone", text, ways=("scan",))
        return self._step_of(client.standing, client.state)

    def choose(self, way: Kind) -> None:
        """See `SignIn`; `code` at that step has the code sent again."""
        standing = self._alive().standing
        current = self.step()
        if way not in current.ways:
            raise NotAcceptedError("There is no such way from here.")
        if way == "code":
            self._do(calls.resend_code())
            return
        self._by_phone = way == "phone"
        self._asks_number = self._by_phone and standing in ("WaitCode", "WaitPassword")
        if not self._asks_number:
            # From a code that is shown no other way leads on.
            self._let_go()
            self._open()

    def answer(self, text: str) -> None:
        """See `SignIn`."""
        client = self._alive()
        kind = self.step().kind
        match kind:
            case "phone":
                self._do(calls.set_phone_number(re.sub(r"[\s().-]", "", text)), "WaitPhoneNumber")
                self._asks_number = False
            case "code":
                self._do(calls.check_code(re.sub(r"[\s-]", "", text)), "WaitCode")
            case "password":
                hint = str(client.state.get("password_hint") or "")
                self._do(calls.check_password(text), "WaitPassword", hint)
            case _:
                raise NotAcceptedError("There is nothing to type at this step.")

    def finish(self) -> Tokens:
        """See `SignIn`."""
        client = self._alive()
        if client.standing != "Ready":
            raise ConnectorError("The sign-in is not done.")
        if not client.close():
            raise ConnectorError(_BROKEN)
        session = self._session.read(self._directory)
        self._client = None
        self._stack.close()
        if not session.files:
            raise ConnectorError(_BROKEN)
        return Tokens(access_token=session.packed())

    def abandon(self, tokens: Tokens) -> None:
        """See `SignIn`."""
        with suppress(ConnectorError, OSError):
            session = Session.unpacked(tokens.access_token)
            with session.directory() as directory:
                td = library(self._config, self._transport, self._classify)
                client = Client(td, patience=_LAST_PATIENCE)
                try:
                    open_session(client, self._config, session, str(directory))
                    if client.standing == "Ready":
                        client.try_step(calls.log_out())
                finally:
                    client.close()

    def close(self) -> None:
        """See `SignIn`; one that is done but was not fetched is ended at Telegram, too."""
        if self._client is not None and self._client.standing == "Ready":
            with suppress(ConnectorError):
                self._client.try_step(calls.log_out())
        self._let_go()

    def _open(self) -> None:
        self._session = Session.new()
        self._stack = ExitStack()
        try:
            self._directory = self._stack.enter_context(self._session.directory())
            td = library(self._config, self._transport, self._classify)
            self._client = Client(td, patience=_PATIENCE)
            open_session(self._client, self._config, self._session, str(self._directory))
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._stack.close()

    def _alive(self) -> Client:
        if self._client is None:
            raise ConnectorError(_BROKEN)
        return self._client

    def _do(self, request: Json, leaves: str | None = None, hint: str = "") -> None:
        """Send a step's request, and wait until the state is another than `leaves`."""
        client = self._alive()
        try:
            client.try_step(request, hint)
            if leaves:
                client.await_state(leaves)
        except TransientError:
            raise ConnectorError(_NEVER) from None

    def _step_of(self, standing: str, state: Json) -> Step:
        match standing:
            case "WaitOtherDeviceConfirmation":
                text = (
                    "Open Telegram on your phone: Settings, Devices, Link Desktop Device. Point it "
                    "at this code."
                )
                return Step("scan", text, str(state["link"]), ways=("phone",))
            case "WaitCode":
                return _code_step(state.get("code_info") or {})
            case "WaitPassword":
                hint = str(state.get("password_hint") or "")
                text = "This account has a two-step password. Type it."
                return Step(
                    "password", text + (f" Your hint: {hint}" if hint else ""), ways=("scan",)
                )
            case "Ready":
                return Step("done", "You are signed in.")
            case "WaitTdlibParameters":
                return Step("wait", "Telegram is being asked.")
        raise ConnectorError(_ELSEWHERE.get(standing, _BROKEN))


def _code_step(info: dict[str, Any]) -> Step:
    kind = str((info.get("type") or {}).get("@type", "")).removeprefix("authenticationCodeType")
    where = _SENT.get(kind)
    text = f"Telegram has sent a code {where}." if where else "Telegram has sent a code."
    text += " Type it here; never send it to anyone, or it ends."
    again: tuple[Kind, ...] = ("code",) if info.get("next_type") else ()
    return Step("code", text, ways=(*again, "phone", "scan"))
