"""Signing a client in: by a code to scan, or by phone number, code and two-step password.

States and which request leads from which are those that the documentation names; a request that
is not expected is refused as measured.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_authorization_state.html
https://core.telegram.org/method/auth.sendCode, https://core.telegram.org/method/auth.signIn
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.telegram.network import CODE, HINT
from sandbox.telegram.parse import TdError

if TYPE_CHECKING:
    from sandbox.telegram.client import Client

Json = dict[str, Any]

#: Numbers that are refused, besides those that nobody here has.
FLOODED, BANNED = "9996690001", "9996690002"
_ANEW = ("WaitPhoneNumber", "WaitCode", "WaitPassword")


class SignIn:
    """How far a client has come.

    Args:
        client: The client.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._network = client.network
        self._account = 0
        self._sent_at = 0.0
        self._link_until = 0.0
        self._may_resend = False
        self.requests: dict[str, Callable[[Json], None]] = {
            "checkAuthenticationCode": self._check_code,
            "checkAuthenticationPassword": self._check_password,
            "requestQrCodeAuthentication": self._show_code,
            "resendAuthenticationCode": self._resend,
            "setAuthenticationPhoneNumber": self._phone,
        }
        self._expected = {
            "checkAuthenticationCode": ("WaitCode",),
            "checkAuthenticationPassword": ("WaitPassword",),
            "requestQrCodeAuthentication": _ANEW,
            "resendAuthenticationCode": ("WaitCode",),
            "setAuthenticationPhoneNumber": _ANEW,
        }

    def answer(self, name: str, fields: Json) -> Json:
        """Take a step.

        Raises:
            TdError: It is not expected, or what was given is not accepted.
        """
        if self._client.state not in self._expected[name]:
            raise TdError(400, f"Call to {name} unexpected")
        self.requests[name](fields)
        return {"@type": "ok"}

    def tick(self) -> None:
        """Show another code where the time of the one that is shown has passed."""
        is_shown = self._client.state == "WaitOtherDeviceConfirmation"
        if is_shown and time.monotonic() >= self._link_until:
            self._show_code({})

    def scanned(self, account: int) -> None:
        """A person has scanned the code that is shown."""
        self._network.unlink(self._client)
        self._account = account
        self._ask_password()

    def _show_code(self, _: Json) -> None:
        self._link_until = time.monotonic() + self._network.qr_seconds
        link = f"tg://login?token={self._network.link(self._client)}"
        self._client.turn("WaitOtherDeviceConfirmation", link=link)

    def _phone(self, fields: Json) -> None:
        given = fields["phone_number"]
        if not given:
            raise TdError(400, "Phone number must be non-empty")
        digits = "".join(filter(str.isdigit, given))
        if digits == FLOODED:
            raise TdError(400, "PHONE_NUMBER_FLOOD")
        if digits == BANNED:
            raise TdError(400, "PHONE_NUMBER_BANNED")
        account = self._network.by_phone(digits)
        if account is None:
            raise TdError(406, "PHONE_NUMBER_INVALID")
        self._account = account
        self._send("TelegramMessage", digits, may_resend=True)

    def _send(self, way: str, digits: str, *, may_resend: bool) -> None:
        self._sent_at, self._may_resend = time.monotonic(), may_resend
        sms = {"@type": "authenticationCodeTypeSms", "length": len(CODE)}
        info = {
            "@type": "authenticationCodeInfo",
            "phone_number": digits,
            "type": {"@type": f"authenticationCodeType{way}", "length": len(CODE)},
            **({"next_type": sms} if may_resend else {}),
            "timeout": 0,
        }
        self._digits = digits
        self._client.turn("WaitCode", code_info=info)

    def _resend(self, _: Json) -> None:
        if not self._may_resend:
            raise TdError(400, "Authentication code can't be resend")
        self._send("Sms", self._digits, may_resend=False)

    def _check_code(self, fields: Json) -> None:
        if time.monotonic() >= self._sent_at + self._network.code_seconds:
            raise TdError(400, "PHONE_CODE_EXPIRED")
        if not fields["code"]:
            raise TdError(400, "PHONE_CODE_EMPTY")
        if fields["code"] != CODE:
            raise TdError(400, "PHONE_CODE_INVALID")
        self._ask_password()

    def _ask_password(self) -> None:
        if self._account not in self._network.passwords:
            self._done()
            return
        self._client.turn(
            "WaitPassword",
            password_hint=HINT,
            has_recovery_email_address=False,
            has_passport_data=False,
            recovery_email_address_pattern="",
        )

    def _check_password(self, fields: Json) -> None:
        if fields["password"] != self._network.passwords.get(self._account):
            raise TdError(400, "PASSWORD_HASH_INVALID")
        self._done()

    def _done(self) -> None:
        session = self._network.sign_in(self._account, self._client.key)
        self._client.enter(self._account, session, is_new=True)
