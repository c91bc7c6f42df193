"""Errors in Google's JSON form.

https://developers.google.com/gmail/api/guides/handle-errors gives codes, reasons and samples;
`status` and `details` follow https://google.aip.dev/193. Where the two levels disagree in
practice (quota errors come as 403 and as 429), both are here under names of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    410: "FAILED_PRECONDITION",
    405: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_AUTH_HEADER = {"location": "Authorization", "locationType": "header"}


@dataclass(eq=False)
class GoogleError(Exception):
    """An error as the API answers it.

    Args:
        code: HTTP status.
        message: What it says at the top.
        reason: `errors[0].reason`.
        domain: `errors[0].domain`.
        item_message: `errors[0].message`, where it differs from the one at the top.
        extra: Further members of `errors[0]`.
        info: `google.rpc.ErrorInfo` of `details`: reason and metadata.
        headers: Further HTTP headers.
    """

    code: int
    message: str
    reason: str
    domain: str = "global"
    item_message: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    info: tuple[str, Mapping[str, str]] | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """The answer's JSON."""
        item = {
            "message": self.item_message or self.message,
            "domain": self.domain,
            "reason": self.reason,
            **self.extra,
        }
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [item]}
        error["status"] = _STATUS.get(self.code, "UNKNOWN")
        if self.info is not None:
            reason, metadata = self.info
            detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
            error["details"] = [{**detail, "domain": "googleapis.com", "metadata": dict(metadata)}]
        return json.dumps({"error": error}, indent=2).encode()


def invalid_argument(message: str) -> GoogleError:
    """400: a parameter is missing or has a bad value."""
    return GoogleError(400, message, "invalidArgument")


def failed_precondition(message: str) -> GoogleError:
    """400 of a request that is refused for what it asks."""
    return GoogleError(400, message, "badRequest")


def unauthenticated() -> GoogleError:
    """401: no token, or one that is expired, revoked or unknown."""
    return GoogleError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        "authError",
        item_message="Invalid Credentials",
        extra=_AUTH_HEADER,
        headers=(("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/"'),),
    )


def insufficient_scope(
    method: str, scopes: tuple[str, ...] = (), host: str = "gmail.googleapis.com"
) -> GoogleError:
    """403: the person did not grant a scope that the method needs."""
    challenge = (
        'Bearer realm="https://accounts.google.com/", error="insufficient_scope", '
        f'scope="{" ".join(scopes)}"'
    )
    return GoogleError(
        403,
        "Request had insufficient authentication scopes.",
        "insufficientPermissions",
        item_message="Insufficient Permission",
        info=(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            {"service": host, "method": method},
        ),
        headers=(("WWW-Authenticate", challenge),),
    )


def metadata_scope(message: str) -> GoogleError:
    """403: the gmail.metadata scope allows the method, but not with these parameters."""
    return GoogleError(403, message, "forbidden")


def delegation_denied(user: str) -> GoogleError:
    """403: the path names another user than the token's."""
    return GoogleError(403, f"Delegation denied for {user}", "forbidden")


def not_found() -> GoogleError:
    """404: no such message or attachment, or a history id that is too old."""
    return GoogleError(404, "Requested entity was not found.", "notFound")


def no_such_method() -> GoogleError:
    """404 of a path that the sandbox does not play."""
    return GoogleError(404, "Method not found.", "notFound")


def quota_exceeded() -> GoogleError:
    """403: the user's units of this window are spent."""
    return GoogleError(
        403,
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of "
        "service 'gmail.googleapis.com' for consumer 'project_number:123456789012'.",
        "rateLimitExceeded",
        domain="usageLimits",
        info=(
            "RATE_LIMIT_EXCEEDED",
            {
                "service": "gmail.googleapis.com",
                "consumer": "projects/123456789012",
                "quota_metric": "gmail.googleapis.com/default",
                "quota_limit": "defaultPerMinutePerUser",
            },
        ),
    )


def too_many_concurrent() -> GoogleError:
    """429: too many of one user's requests at once."""
    return GoogleError(429, "Too many concurrent requests for user.", "rateLimitExceeded")


def user_rate_limit(now: float, retry_after: float) -> GoogleError:
    """429 that says in its text when to come back.

    Args:
        now: Unix time in seconds.
        retry_after: Seconds from now.
    """
    until = datetime.fromtimestamp(now + retry_after, UTC).isoformat(timespec="milliseconds")
    stamp = until.replace("+00:00", "Z")
    message = f"User-rate limit exceeded.  Retry after {stamp}"
    return GoogleError(429, message, "userRateLimitExceeded", domain="usageLimits")


def backend_error(code: int = 500) -> GoogleError:
    """500 or 503: Google's own fault."""
    if code == 503:
        return GoogleError(503, "The service is currently unavailable.", "backendError")
    return GoogleError(500, "Internal error encountered.", "backendError")


def daily_quota_exceeded() -> GoogleError:
    """403: the project's units of this day are spent."""
    return GoogleError(
        403,
        'The request cannot be completed because you have exceeded your <a href="/youtube/v3/'
        'getting-started#quota">quota</a>.',
        "quotaExceeded",
        domain="youtube.quota",
    )


def gone() -> GoogleError:
    """410: a sync token that is too old."""
    return GoogleError(
        410,
        "Sync token is no longer valid, a full sync is required.",
        "fullSyncRequired",
        domain="calendar",
        extra={"locationType": "parameter", "location": "syncToken"},
    )


def with_header(error: GoogleError, value: str) -> GoogleError:
    """The error with a `Retry-After` header, in seconds or as a date (RFC 9110, 10.2.3)."""
    error.headers = (*error.headers, ("Retry-After", value))
    return error


def from_fault(kind: str, *, now: float, retry_after: float | None) -> GoogleError:
    """The error of a fault's kind (`faults.ERROR_KINDS`)."""
    match kind:
        case "401":
            return unauthenticated()
        case "403-quota":
            return quota_exceeded()
        case "403-scope":
            return insufficient_scope("injected")
        case "403-daily":
            return daily_quota_exceeded()
        case "429-seconds":
            return with_header(too_many_concurrent(), str(int(retry_after or 1)))
        case "429-date":
            # Dates count whole seconds: one more, so that it is never in the past.
            date = formatdate(now + (retry_after or 1) + 1, usegmt=True)
            return with_header(too_many_concurrent(), date)
        case "429" if retry_after is not None:
            return user_rate_limit(now, retry_after)
        case "429":
            return too_many_concurrent()
        case "503":
            return backend_error(503)
    return backend_error()
