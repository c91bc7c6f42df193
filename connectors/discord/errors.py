"""What Discord's error answers mean for a sync: the one table, and the limits in its headers.

Discord counts requests for each user and route, and asks to follow what its headers say. Besides,
whoever sends 10,000 requests that are answered 401, 403 or 429 within ten minutes is shut out by
its address. That comes from Cloudflare, which stands before Discord, and not in Discord's form: it
is told by what is missing from it. Then no account may call for a while.

Read on 2026-11-24:
https://docs.discord.com/developers/topics/rate-limits
https://docs.discord.com/developers/topics/opcodes-and-status-codes

How shutting out looks is not documented. It is reported with a code 1015 of Cloudflare, or with
JSON that says so and names no time: https://github.com/discord/discord-api-docs/issues/5810,
https://github.com/discord/discord-api-docs/issues/4395 ("an hour or a day").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.http import classify_by_status, retry_after

#: Seconds for which all accounts keep still once the address is shut out, at least.
SHUT_OUT = 3600.0
#: No wait is longer, whatever an answer says: a day.
_LONGEST = 86_400.0
_NO_SCOPE = 50026
_UNVERIFIED = 40002
_CLOUDFLARE = 40333
#: What only an answer says that shuts the address out; in lower case.
_SHUT_OUT_WORDS = (b"error code: 10", b"cloudflare", b"blocked from accessing our api")


def classify(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """The error that an answer of Discord stands for; None when it is a success.

    Args:
        status: HTTP status.
        headers: The answer's headers.
        body: The answer's body.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return None
    answer = _read(body)
    problem: Mapping[str, Any] = answer or {}
    if status == HTTPStatus.UNAUTHORIZED:
        if answer is None:
            return _between()
        return TokenExpiredError("Discord no longer accepts the sign-in; connect the account again")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(headers, problem)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(headers, answer, body)
    if status == HTTPStatus.BAD_REQUEST and "after" in _parameters(problem):
        return PositionLostError("Discord does not know this place in the list")
    return classify_by_status(status, headers, body)


def wait_after(headers: Mapping[str, str]) -> float:
    """Seconds until the next call may go out, by a success's headers; 0 where one is left.

    The headers are of one limit (`X-RateLimit-Bucket`), which is the route's for this user. We call
    one route for an account again and again, so the account's next call is the one to hold back.
    """
    remaining = _seconds(headers.get("X-RateLimit-Remaining"))
    reset = _seconds(headers.get("X-RateLimit-Reset-After"))
    return reset if remaining == 0 and reset is not None else 0.0


def _limited(headers: Mapping[str, str], problem: Mapping[str, Any]) -> RateLimitedError:
    """429: a limit that names its end, or the address is shut out."""
    told = _seconds(problem.get("retry_after"))
    if told is None and any(name.lower().startswith("x-ratelimit-") for name in headers):
        told = _seconds(retry_after(headers))
    if told is None:
        return _shut_out(headers)
    # Of one user, of all of a user's requests or of what is asked for (`X-RateLimit-Scope`): in
    # each case this account's calls are held back for as long as was told.
    return RateLimitedError("Discord asks to wait", told)


def _forbidden(
    headers: Mapping[str, str], answer: Mapping[str, Any] | None, body: bytes
) -> ConnectorError:
    code, words = (answer or {}).get("code"), body.lower()
    if code == _CLOUDFLARE or (not code and any(word in words for word in _SHUT_OUT_WORDS)):
        return _shut_out(headers)
    if answer is None:
        return _between()
    if code == _NO_SCOPE:
        return AccessDeniedError(
            "the permission to see the servers (guilds) was not granted; connect the account "
            "again and allow it"
        )
    if code == _UNVERIFIED:
        return AccessDeniedError("Discord wants the account to be verified first")
    told = f" ({code})" if isinstance(code, int) and code else ""
    return AccessDeniedError(f"Discord denies access to this data{told}")


def _between() -> TransientError:
    """A proxy on the way answered, or a firewall: it knows nothing of the person's access."""
    return TransientError("something between this server and Discord refused the request")


def _shut_out(headers: Mapping[str, str]) -> RateLimitedError:
    return RateLimitedError(
        "Discord blocks this server's requests for a while, as it does after too many refused "
        "ones; all accounts wait for an hour or longer",
        max(SHUT_OUT, _seconds(retry_after(headers)) or 0.0),
        everyone=True,
    )


def _read(body: bytes) -> Mapping[str, Any] | None:
    """The answer's JSON; None where it is none, as when a proxy answers."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _parameters(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters that are wrong (code 50035), by name."""
    found = problem.get("errors")
    return found if isinstance(found, dict) else {}


def _seconds(value: Any) -> float | None:
    """A number of JSON or of a header, no less than 0; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return min(number, _LONGEST) if math.isfinite(number) and number >= 0 else None
