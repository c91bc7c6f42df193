"""TDLib's errors, by what happens next, and in a sign-in's own words."""

from __future__ import annotations

import pytest

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
from connectors.telegram.errors import FailedError, NotFoundError, UnreadableError, of, of_sign_in

CASES = [
    (429, "Too Many Requests: retry after 31", RateLimitedError),
    (420, "FLOOD_WAIT_25", RateLimitedError),
    (420, "FLOOD_PREMIUM_WAIT_3", RateLimitedError),
    (429, "Too Many Requests", RateLimitedError),
    (401, "Unauthorized", AccessRejectedError),
    (401, "Wrong database encryption key", TokenExpiredError),
    (401, "AUTH_KEY_UNREGISTERED", TokenExpiredError),
    (401, "SESSION_REVOKED", TokenExpiredError),
    (401, "USER_DEACTIVATED_BAN", TokenExpiredError),
    (406, "AUTH_KEY_DUPLICATED", TokenExpiredError),
    (403, "CHAT_FORBIDDEN", AccessDeniedError),
    (404, "Not Found", NotFoundError),
    (400, "Chat not found", UnreadableError),
    (400, "CHANNEL_PRIVATE", UnreadableError),
    (400, "Can't access the chat", UnreadableError),
    (500, "Request aborted", TransientError),
    (500, "RPC_CALL_FAIL", FailedError),
    (400, 'Can\'t lock file "/ada/td.binlog", because it is already in use', TransientError),
    (400, "API_ID_INVALID", ConfigurationError),
    (
        400,
        "Valid api_hash must be provided. Can be obtained at https://my.telegram.org",
        ConfigurationError,
    ),
    (400, "MESSAGE_ID_INVALID", ConnectorError),
    (400, "Something of ada's: 49301234", ConnectorError),
]


@pytest.mark.parametrize(("code", "message", "kind"), CASES)
def test_each_error_leads_to_what_it_deserves(
    code: int, message: str, kind: type[ConnectorError]
) -> None:
    error = of(code, message)
    assert type(error) is kind
    assert "ada" not in str(error)
    assert "49301234" not in str(error)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Too Many Requests: retry after 31", 31.0),
        ("FLOOD_WAIT_25", 25.0),
        ("SLOWMODE_WAIT_7", 7.0),
        ("Too Many Requests: retry after 1209600", 1209600.0),
        ("Too Many Requests: retry after 999999999", 30 * 86_400.0),
        ("Too Many Requests", None),
    ],
)
def test_the_time_to_wait_is_read(message: str, seconds: float | None) -> None:
    error = of(429, message)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("code", "message", "kind", "words"),
    [
        (400, "PHONE_NUMBER_INVALID", NotAcceptedError, "country code"),
        (406, "PHONE_NUMBER_INVALID", NotAcceptedError, "country code"),
        (400, "PHONE_CODE_INVALID", NotAcceptedError, "wrong"),
        (400, "PHONE_CODE_EXPIRED", NotAcceptedError, "sent on"),
        (400, "PASSWORD_HASH_INVALID", NotAcceptedError, "wrong. Your hint: the cat"),
        (406, "PHONE_PASSWORD_FLOOD", RateLimitedError, "too many tries"),
        (400, "PHONE_NUMBER_FLOOD", RateLimitedError, "too many codes"),
        (400, "PHONE_NUMBER_BANNED", ConnectorError, "banned"),
        (400, "PHONE_NUMBER_UNOCCUPIED", ConnectorError, "no Telegram account"),
        (400, "API_ID_PUBLISHED_FLOOD", ConfigurationError, "api_id"),
        (406, "UPDATE_APP_TO_LOGIN", ConfigurationError, "newer TDLib"),
        (406, "SOMETHING_ELSE", ConnectorError, "Begin again"),
        (500, "Request aborted", ConnectorError, "broken off"),
        (429, "Too Many Requests: retry after 30", RateLimitedError, "in 30 seconds"),
        (429, "Too Many Requests: retry after 90", RateLimitedError, "in 2 minutes"),
        (429, "Too Many Requests: retry after 86401", RateLimitedError, "in 2 days"),
        (429, "Too Many Requests", RateLimitedError, "later"),
    ],
)
def test_a_sign_ins_errors_are_plain_words(
    code: int, message: str, kind: type[ConnectorError], words: str
) -> None:
    error = of_sign_in(code, message, hint="the cat")
    assert type(error) is kind
    assert words in str(error)
    assert "_" not in str(error).replace("api_id", "")
