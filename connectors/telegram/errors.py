"""What TDLib's errors mean for a sync and for a sign-in: the one table.

TDLib's texts may hold a path or a number, so an error's text is ours. Of 406 the documentation says
that its message must not be shown or looked at; of these a sign-in tells those apart that the
person can do something about.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1error.html
https://core.telegram.org/api/errors
"""

from __future__ import annotations

import re
from http import HTTPStatus

from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    ConfigurationError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.signin import NotAcceptedError

SIGNED_OUT = "the sign-in at Telegram has ended; connect the account again"
#: Beyond that it passes for an error of ours: TDLib itself names at most 14 days.
_LONGEST_WAIT = 30 * 86_400
_WAIT = re.compile(r"retry after (\d{1,9})|_WAIT_(\d{1,9})", re.IGNORECASE)
_FLOOD = 420
_NOT_ACCEPTABLE = 406
#: The session is no more, whatever the code says.
_ENDED = (
    "AUTH_KEY_DUPLICATED", "AUTH_KEY_INVALID", "AUTH_KEY_UNREGISTERED", "SESSION_EXPIRED",
    "SESSION_REVOKED", "USER_DEACTIVATED", "Wrong database encryption key",
)  # fmt: skip
_APPLICATION = ("API_ID_INVALID", "Valid api_id", "Valid api_hash")
#: Chats and users that cannot be read (any more), or that this client was not told of.
_UNREADABLE = (
    "CHANNEL_INVALID", "CHANNEL_PRIVATE", "CHAT_ID_INVALID", "PEER_ID_INVALID", "Can't access the chat",
    "Chat not found", "Group not found", "Supergroup not found", "User not found",
)  # fmt: skip
#: TDLib's own, which pass.
_PASSING = {
    "Request aborted": "Telegram cannot answer now",
    "Can't lock file": "the account is still in use by another worker",
}
#: Names the kind of an error that nothing else is known of; Telegram's own are of this form.
_KIND = re.compile(r"[A-Z][A-Z0-9_]{2,60}")

_WRONG_APPLICATION = (
    "Telegram does not know the application: set providers.telegram.client_id and client_secret to "
    "the api_id and api_hash of https://my.telegram.org"
)
_SIGN_IN: dict[str, ConnectorError] = {
    "PHONE_NUMBER_INVALID": NotAcceptedError(
        "Telegram does not know this phone number. Give it with the country code, such as "
        "+44 20 7946 0000."
    ),
    "Phone number must be non-empty": NotAcceptedError("Give the phone number of the account."),
    "PHONE_NUMBER_BANNED": ConnectorError(
        "Telegram has banned this phone number. Telegram's support can lift that: "
        "recover@telegram.org"
    ),
    "PHONE_NUMBER_FLOOD": RateLimitedError(
        "Telegram has sent too many codes to this phone number. Try again tomorrow, or scan the "
        "code."
    ),
    "PHONE_PASSWORD_FLOOD": RateLimitedError(
        "There were too many tries to sign in. Telegram wants no more for a while: try again "
        "tomorrow."
    ),
    "PHONE_NUMBER_APP_SIGNUP_FORBIDDEN": ConnectorError(
        "This phone number has no Telegram account. Make one in the app first."
    ),
    "PHONE_NUMBER_UNOCCUPIED": ConnectorError(
        "This phone number has no Telegram account. Make one in the app first."
    ),
    "PHONE_CODE_INVALID": NotAcceptedError("This code is wrong. Look again, and type it once more."),
    "PHONE_CODE_EMPTY": NotAcceptedError("Type the code that Telegram has sent."),
    "PHONE_CODE_EXPIRED": NotAcceptedError(
        "This code is no longer good. It ends after some minutes, and at once when it is sent on in "
        "a Telegram message. Ask for a new one."
    ),
    "SEND_CODE_UNAVAILABLE": NotAcceptedError(
        "Telegram has no other way to send the code. Use the one that was sent, or scan the code."
    ),
    "PASSWORD_HASH_INVALID": NotAcceptedError("This password is wrong."),
    "API_ID_INVALID": ConfigurationError(_WRONG_APPLICATION),
    "API_ID_PUBLISHED_FLOOD": ConfigurationError(
        "Telegram wants another api_id: this one is public. Make one at https://my.telegram.org"
    ),
    "UPDATE_APP_TO_LOGIN": ConfigurationError(
        "Telegram wants a newer TDLib for sign-ins: bring this server up to date"
    ),
}  # fmt: skip


class NotFoundError(ConnectorError):
    """404: what was asked for is not there (any more)."""


class FailedError(TransientError):
    """Telegram failed at this request; those for other chats may go well."""


class UnreadableError(ConnectorError):
    """A chat or user that this client cannot read, whether it is there or not."""


def of(code: int, message: str) -> ConnectorError:
    """The error that TDLib's answer to a request stands for.

    Args:
        code: Its code.
        message: Its text.
    """
    if any(word in message for word in _ENDED):
        return TokenExpiredError(SIGNED_OUT)
    if any(word in message for word in _APPLICATION):
        return ConfigurationError(_WRONG_APPLICATION)
    if code in (HTTPStatus.TOO_MANY_REQUESTS, _FLOOD):
        return RateLimitedError("Telegram asks to wait", _wait(message))
    if code == HTTPStatus.UNAUTHORIZED:
        return AccessRejectedError("Telegram does not accept the sign-in now")
    if code == HTTPStatus.NOT_FOUND:
        return NotFoundError("Telegram does not have what was asked for")
    if message.startswith(_UNREADABLE):
        return UnreadableError("Telegram does not let this be read")
    if code == HTTPStatus.FORBIDDEN:
        return AccessDeniedError("Telegram denies access to this data")
    passing = next((told for words, told in _PASSING.items() if words in message), None)
    if passing is not None:
        return TransientError(passing)
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FailedError(f"Telegram cannot answer now ({code}{_kind(message)})")
    return ConnectorError(f"Telegram refused the request ({code}{_kind(message)})")


def of_sign_in(code: int, message: str, hint: str = "") -> ConnectorError:
    """The error of a step of a sign-in, in words for the person.

    Args:
        code: TDLib's code.
        message: Its text.
        hint: What the person wrote to remember the two-step password by.
    """
    for words, error in _SIGN_IN.items():
        if message.startswith(words):
            told = str(error)
            if words == "PASSWORD_HASH_INVALID" and hint:
                told += f" Your hint: {hint}"
            return type(error)(told)
    if code in (HTTPStatus.TOO_MANY_REQUESTS, _FLOOD):
        seconds = _wait(message)
        return RateLimitedError(f"There were too many tries. Try again {_when(seconds)}.", seconds)
    if code == _NOT_ACCEPTABLE:
        return ConnectorError("Telegram does not let this sign-in go on. Begin again.")
    found = of(code, message)
    if isinstance(found, TransientError | TokenExpiredError):
        return ConnectorError("Telegram has broken off the sign-in. Begin again.")
    return found


def _wait(message: str) -> float | None:
    """Seconds to wait, of "Too Many Requests: retry after N" or FLOOD_WAIT_N."""
    found = _WAIT.search(message)
    return min(float(found[1] or found[2]), _LONGEST_WAIT) if found else None


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "later"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds > size:
            count = -(-int(seconds) // size)
            return f"in {count} {name}{'s' if count > 1 else ''}"
    return f"in {int(seconds)} seconds"


def _kind(message: str) -> str:
    return f" {message}" if _KIND.fullmatch(message) else ""
