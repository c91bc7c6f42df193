from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.facebook.errors import (
    EndOfListError,
    NotFoundError,
    RefusedError,
    TooMuchError,
    classify,
)
from connectors.sdk.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)


def made(
    code: int | None, status: int = 400, headers: dict[str, str] | None = None, **fields: Any
) -> ConnectorError | None:
    error = {"message": "quotes the person", "type": "OAuthException", "fbtrace_id": "A1", **fields}
    if code is not None:
        error["code"] = code
    return classify(status, headers or {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (190, TokenExpiredError), (102, TokenExpiredError), (None, TokenExpiredError),
        (2500, TokenExpiredError), (1, TransientError), (2, TransientError),
        (4, RateLimitedError), (17, RateLimitedError), (32, RateLimitedError),
        (341, RateLimitedError), (368, RateLimitedError), (613, RateLimitedError),
        (3, AccessDeniedError), (10, AccessDeniedError), (200, AccessDeniedError),
        (299, AccessDeniedError), (12, RefusedError), (100, RefusedError),
        (101, ConfigurationError), (104, ConfigurationError), (803, NotFoundError),
        (2642, PositionLostError),
    ],
)  # fmt: skip
def test_the_code_decides_and_not_the_status(code: int | None, kind: type[ConnectorError]) -> None:
    for status in (200, 400, 401, 403, 429, 500):
        error = made(code, status)
        assert type(error) is kind
        assert "quotes" not in str(error)


@pytest.mark.parametrize(
    ("code", "fields", "kind"),
    [
        (100, {"error_subcode": 33}, NotFoundError),
        (100, {"message": "Invalid appsecret_proof provided in the API argument"}, ConfigurationError),
        (100, {"message": "(#100) The After Cursor specified exceeds the max limit"}, EndOfListError),
        (1, {"message": "Please reduce the amount of data you're asking for"}, TooMuchError),
        (2500, {"message": "Unknown path components: /me"}, ConnectorError),
        (99999, {"is_transient": True}, TransientError),
        (99999, {}, ConnectorError),
    ],
)  # fmt: skip
def test_subcode_and_words_tell_apart_what_one_code_stands_for(
    code: int, fields: dict[str, Any], kind: type[ConnectorError]
) -> None:
    assert type(made(code, **fields)) is kind


@pytest.mark.parametrize(
    ("subcode", "words"),
    [
        (463, "60 days"),
        (458, "removed"),
        (459, "facebook.com"),
        (460, "password"),
        (467, "sign-in"),
    ],
)
def test_the_person_reads_why_access_has_ended_and_what_to_do(subcode: int, words: str) -> None:
    text = str(made(190, error_subcode=subcode))
    assert words in text
    assert "connect the account again" in text


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7}', b"\xff", b"[" * 9999])
def test_what_is_not_facebooks_never_ends_the_access(body: bytes) -> None:
    for status in (401, 403):
        assert isinstance(classify(status, {}, body), TransientError)
    assert isinstance(classify(429, {"Retry-After": "7"}, body), RateLimitedError)
    assert classify(200, {}, body) is None


def test_an_answer_that_merely_names_an_error_is_none() -> None:
    assert classify(200, {}, b'{"data": [{"error": {"code": 190}}]}') is None


@pytest.mark.parametrize(
    ("code", "headers", "seconds"),
    [
        (17, {}, 900),
        (32, {"X-App-Usage": '{"call_count": 28}'}, 900),
        (4, {"X-App-Usage": '{"call_count": 100, "total_time": 25}'}, 300),
        (4, {"X-App-Usage": '{"call_count": 20, "total_time": 200}'}, 1800),
        (4, {"X-App-Usage": '{"call_count": "many"}'}, 900),
        (613, {}, None),
        (613, {"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 9}]}'}, 540),
        (17, {"X-Business-Use-Case-Usage": '{"1": [7], "2": [{}], "3": null}'}, 900),
        (17, {"X-App-Usage": "[", "Retry-After": "60"}, 60),
    ],
)  # fmt: skip
def test_the_wait_follows_what_the_headers_tell(
    code: int, headers: dict[str, str], seconds: float | None
) -> None:
    error = made(code, headers=headers)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds
    assert error.everyone == (code == 4)
