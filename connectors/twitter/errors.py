"""What X's answers mean for a sync: the one table.

An error is a problem with a `type`, whose host may be that of X or of Twitter, so that its last part
alone counts. Three kinds of 429 are not to be confused: a window of 15 minutes or a day that is
used up, whose end a header names; the app's window of a day, for which all accounts wait; and the
app's posts of the month. 402 and an app that is not enrolled are for whoever runs the server, not
for the person. A refusal that is no problem was not X's: a proxy's page says nothing of the access.

https://docs.x.com/x-api/fundamentals/response-codes-and-errors (read 2026-11-24). 402 is not in its
table, and neither is the body of an app that is not enrolled; both are reported:
https://github.com/cursor/plugins/issues/270, https://github.com/xdevplatform/xdk/issues/25
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from requests.structures import CaseInsensitiveDict

from connectors.sdk.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.http import classify_by_status

#: The month's end is not told, and asking too early costs nothing: once a day.
_CAP_SECONDS = 24 * 3600.0
#: No window of X is longer: a header that tells of a later end is wrong.
_LONGEST_WINDOW = 24 * 3600.0
_APP_DAY = "x-app-limit-24hour"
#: Windows: of 15 minutes, of a day for the user and for the app.
_WINDOWS = ("x-rate-limit", "x-user-limit-24hour", _APP_DAY)
#: An answer that has none of these is not in X's form.
_FORM = {"errors", "reason", "title", "type"}
#: What an answer with status 200 has that shows nothing but why.
_HIDDEN = {"resource-not-found", "not-authorized-for-resource", "resource-unavailable"}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer, read.

    Args:
        type: The last part of its type, such as `usage-capped`; "" without one.
        reason: Such as `client-not-enrolled`.
        errors: Its entries.
    """

    type: str = ""
    reason: str = ""
    errors: tuple[Mapping[str, Any], ...] = ()

    def names(self, parameter: str) -> bool:
        """Whether it is about a parameter of the request."""
        return any(
            isinstance(given := entry.get("parameters"), dict) and parameter in given
            for entry in self.errors
        )


def classify(
    status: int, headers: Mapping[str, str], body: bytes, monthly_posts: int
) -> ConnectorError | None:
    """The error that an answer of X stands for; None when it is a success.

    Args:
        status: HTTP status.
        headers: The answer's headers.
        body: The answer's body.
        monthly_posts: What the app may read in a month, for the message.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return _hidden(body)
    problem = read(body)
    if problem is None:
        return _foreign(status, headers, body)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenExpiredError("X no longer accepts the sign-in; connect the account again")
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return ConfigurationError(
            "the X developer account has no credits left; buy some in X's developer console"
        )
    if problem.type == "usage-capped":
        return RateLimitedError(
            f"the X app's quota of the month is used up ({monthly_posts:,} posts); the sync goes "
            "on when X lets it",
            _CAP_SECONDS,
            everyone=True,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(headers)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(problem)
    if status == HTTPStatus.BAD_REQUEST and problem.names("pagination_token"):
        return PositionLostError("X no longer knows this page of the list")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and problem.type:
        return ConnectorError(f"X refused the request ({status}, {problem.type})")
    return classify_by_status(status, headers, body)


def _foreign(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """What an answer means that is not in X's form: somebody in between gave it."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(headers)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(
            f"something between this server and X refused the request with {status}"
        )
    return classify_by_status(status, headers, body)


def _too_many(headers: Mapping[str, str]) -> RateLimitedError:
    waits = _used_up(headers)
    if _APP_DAY in waits:
        words = "X asks to wait: the app's requests of the day are used up"
        return RateLimitedError(words, waits[_APP_DAY], everyone=True)
    return RateLimitedError("X asks to wait", max(waits.values(), default=None))


def _hidden(body: bytes) -> ConnectorError | None:
    """What a success stands for that holds nothing but errors about the person's own account.

    A look-up by ids of which none is there looks alike, and is none.
    """
    if b'"errors"' not in body or b'"data"' in body or b'"meta"' in body:
        return None
    problem = read(body)
    for entry in problem.errors if problem else ():
        about = entry.get("resource_type") == "user" and entry.get("parameter") == "id"
        if about and last_part(entry.get("type")) in _HIDDEN:
            return AccessDeniedError("X does not show this account; it may be suspended")
    return None


def _forbidden(problem: Problem) -> ConnectorError:
    if problem.type == "client-forbidden" or problem.reason.endswith("not-enrolled"):
        return ConfigurationError(
            "the X app has no access to the API: put it into a project, with a plan, in X's "
            "developer console"
        )
    if problem.type == "unsupported-authentication":
        return ConfigurationError("X wants another kind of sign-in: the app must use OAuth 2.0")
    return AccessDeniedError(
        "X denies access to this data: a permission is missing, or the account is suspended or "
        "locked"
    )


def read(body: bytes) -> Problem | None:
    """The problem that a body holds; None where it is not in X's form."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not found.keys() & _FORM:
        return None
    entries = found.get("errors")
    errors = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    reason = found.get("reason")
    return Problem(
        last_part(found.get("type")), reason if isinstance(reason, str) else "", tuple(errors)
    )


def last_part(kind: Any) -> str:
    """The last part of a problem's type; "" for one that says nothing (`about:blank`)."""
    return kind.rpartition("/")[2] if isinstance(kind, str) and "/" in kind else ""


def _used_up(headers: Mapping[str, str]) -> dict[str, float]:
    """Seconds until each window that is used up begins anew, a day at most.

    Args:
        headers: The answer's headers; the times in them are of X's clock.
    """
    found = CaseInsensitiveDict(headers)
    moment = _date(found)
    return {
        window: min(_LONGEST_WINDOW, max(0.0, float(reset) - moment))
        for window in _WINDOWS
        if (reset := found.get(f"{window}-reset", "")).isdecimal()
        and found.get(f"{window}-remaining", "0") == "0"
    }


def _date(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()
