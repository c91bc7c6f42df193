from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.google.errors import ForbiddenError, NotFoundError, classify
from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)


def body(code: int, message: str = "secret words", reason: str = "", **more: Any) -> bytes:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return json.dumps(
        {"error": {"code": code, "message": message, "errors": errors, **more}}
    ).encode()


CASES: list[tuple[int, bytes, type[ConnectorError]]] = [
    (401, body(401, reason="authError"), TokenExpiredError),
    (400, b'{"error": "invalid_grant", "error_description": "gone"}', TokenExpiredError),
    (403, body(403, reason="rateLimitExceeded"), RateLimitedError),
    (403, body(403, reason="userRateLimitExceeded"), RateLimitedError),
    (403, body(403, reason="dailyLimitExceeded"), RateLimitedError),
    (403, body(403, status="RESOURCE_EXHAUSTED"), RateLimitedError),
    (
        429,
        body(429, "Too many concurrent requests for user.", "rateLimitExceeded"),
        RateLimitedError,
    ),
    (429, b"<html>slow down</html>", RateLimitedError),
    (403, body(403, reason="insufficientPermissions"), AccessDeniedError),
    (403, body(403, reason="domainPolicy"), AccessDeniedError),
    (403, b"not json", ForbiddenError),
    (400, body(400, "Mail service not enabled", "failedPrecondition"), AccessDeniedError),
    (400, body(400, "Invalid pageToken", "invalidArgument"), PositionLostError),
    (400, body(400, "Invalid startHistoryId", "invalidArgument"), PositionLostError),
    (404, body(404, reason="notFound"), NotFoundError),
    (408, b"", TransientError),
    (500, body(500, reason="backendError"), TransientError),
    (503, b"\xff\xfe", TransientError),
    (400, b"[]", ConnectorError),
    (400, b'{"error": [1]}', ConnectorError),
    (418, b"[" * 100_000, ConnectorError),
]


@pytest.mark.parametrize(("status", "content", "kind"), CASES)
def test_the_table_says_what_happens_next(
    status: int, content: bytes, kind: type[ConnectorError]
) -> None:
    error = classify(status, {}, content)
    assert type(error) is kind
    assert "secret" not in str(error)


def test_a_success_is_no_error() -> None:
    assert classify(200, {}, b"{}") is None


def test_the_wait_stands_in_the_message() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    words = f"User-rate limit exceeded.  Retry after {moment.isoformat().replace('+00:00', 'Z')}"
    error = classify(429, {}, body(429, words, "rateLimitExceeded"))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == pytest.approx(90, abs=5)


def test_the_longer_of_two_waits_counts() -> None:
    error = classify(
        403,
        {"retry-after": "30"},
        body(403, "Retry after 2020-01-01T00:00:00Z", "rateLimitExceeded"),
    )
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 30


def test_a_missing_permission_is_named() -> None:
    detail = {
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "metadata": {"service": "gmail.googleapis.com"},
    }
    error = classify(403, {}, body(403, details=[detail]))
    assert "gmail.readonly" in str(error)


def test_an_api_that_is_off_is_named() -> None:
    detail = {"reason": "SERVICE_DISABLED", "metadata": {"service": "gmail.googleapis.com"}}
    error = classify(403, {}, body(403, reason="accessNotConfigured", details=[detail]))
    assert isinstance(error, AccessDeniedError)
    assert "gmail.googleapis.com is not enabled" in str(error)


def test_an_account_without_a_channel_is_no_ended_sign_in() -> None:
    error = classify(401, {}, body(401, reason="youtubeSignupRequired"))
    assert isinstance(error, NotFoundError)


def quota(domain: str, reason: str) -> float | None:
    errors = [{"domain": domain, "reason": reason, "message": "secret words"}]
    content = {"error": {"code": 403, "message": "secret words", "errors": errors}}
    error = classify(403, {}, json.dumps(content).encode())
    assert isinstance(error, RateLimitedError)
    return error.retry_after


def test_a_spent_day_waits_for_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.google.errors.until_midnight", lambda zone: 7200.0)
    assert quota("youtube.quota", "quotaExceeded") == 7201
    assert quota("usageLimits", "dailyLimitExceeded") == 7201


def test_a_limit_of_calendar_is_no_spent_day() -> None:
    assert quota("usageLimits", "quotaExceeded") is None
    assert quota("global", "quotaExceeded") is None
