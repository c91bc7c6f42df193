"""What Google's error answers mean for a sync: the one table.

Google's messages may name the project or the person, so an error's text is ours and carries no
more of the answer than its reason code.

https://developers.google.com/workspace/gmail/api/guides/handle-errors
https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
)
from connectors.sdk.http import classify_by_status, retry_after
from connectors.sdk.quota import until_midnight

_RATE = {"ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded", "resource_exhausted"}
_DAILY = {"dailylimitexceeded", "dailylimitexceededunreg"}
#: The day's quota where YouTube says it; Calendar's (domain `usageLimits`) is a limit of the person
#: that fills up again at a time that is not told.
#: https://developers.google.com/youtube/v3/docs/errors
#: https://developers.google.com/workspace/calendar/api/guides/errors
_QUOTA, _YOUTUBE = "quotaexceeded", "youtube.quota"
_SCOPE = {"insufficientpermissions", "access_token_scope_insufficient", "insufficientscopes"}
_DISABLED_API = {"accessnotconfigured", "service_disabled"}
#: What is refused of one item, not of the whole API.
_ITEM = {
    "appnotauthorizedtofile",
    "cannotdownloadabusivefile",
    "cannotdownloadfile",
    "cannotexportfile",
    "downloadquotaexceeded",
    "exportsizelimitexceeded",
    "filenotdownloadable",
    "filenotexportable",
    "fileneverwritable",
    "insufficientfilepermissions",
}
#: A delta's cursor that is too old, or a page's token.
_LOST = {"fullsyncrequired", "invalidpagetoken", "updatedmintoolongago"}
#: Midnight here brings a day's quota back.
_PACIFIC = "America/Los_Angeles"
_AUTH = "https://www.googleapis.com/auth/"
#: The permission that a service's data needs, to name it to the person.
_PERMISSIONS = {
    "gmail.googleapis.com": f"{_AUTH}gmail.readonly",
    "calendar-json.googleapis.com": f"{_AUTH}calendar.readonly",
    "calendar.googleapis.com": f"{_AUTH}calendar.readonly",
    "drive.googleapis.com": f"{_AUTH}drive.readonly",
    "youtube.googleapis.com": f"{_AUTH}youtube.readonly",
}

_RETRY_AFTER = re.compile(
    r"retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))", re.IGNORECASE
)
_CODE = re.compile(r"[A-Za-z][A-Za-z_]{0,60}")


class NotFoundError(ConnectorError):
    """404: what was asked for is not there (any more)."""


class ItemRefusedError(ConnectorError):
    """One item cannot be had though the API answers for others.

    Args:
        message: What a person reads.
        reason: Google's reason code, in lower case.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ForbiddenError(AccessDeniedError):
    """403 with a reason that is none of the known ones: it may be one item's, or the account's."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """An error answer, read.

    Args:
        reasons: Its reason codes, in lower case.
        message: Google's words; for matching, never for showing.
        service: The API that answered, when told.
        places: What its reasons point at, such as the name of a parameter, in lower case.
        domains: Whose reasons they are, in lower case.
    """

    reasons: frozenset[str] = frozenset()
    message: str = ""
    service: str = ""
    places: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()


def classify(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """The error that an answer of Google stands for; None when it is a success.

    Args:
        status: HTTP status.
        headers: The answer's headers.
        body: The answer's body; its form of errors is Google's, or OAuth's, or none at all.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return None
    problem = _read(body)
    if "youtubesignuprequired" in problem.reasons:
        # Said with 401 though the token is good: the account never had a channel.
        # https://developers.google.com/youtube/v3/docs/errors
        return NotFoundError("the account has no YouTube channel")
    if status == HTTPStatus.UNAUTHORIZED or "invalid_grant" in problem.reasons:
        return TokenExpiredError("Google no longer accepts the sign-in; connect the account again")
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.FORBIDDEN and problem.reasons & _RATE
    ):
        return RateLimitedError("Google asks to wait", _wait(headers, problem.message))
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(headers, problem)
    if status == HTTPStatus.GONE or problem.reasons & _LOST:
        return PositionLostError("Google no longer knows this point of the changes")
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError("Google does not have what was asked for")
    if status == HTTPStatus.BAD_REQUEST:
        return _bad_request(problem)
    return classify_by_status(status, headers, body)


def _forbidden(headers: Mapping[str, str], problem: _Problem) -> ConnectorError:
    quota = _QUOTA in problem.reasons
    if problem.reasons & _DAILY or (quota and _YOUTUBE in problem.domains):
        wait = _wait(headers, problem.message)
        return RateLimitedError(
            "the Google project's quota for today is used up; the sync goes on after midnight "
            "Pacific time",
            until_midnight(_PACIFIC) + 1.0 if wait is None else wait,
        )
    if quota:
        return RateLimitedError("Google asks to wait", _wait(headers, problem.message))
    if refused := problem.reasons & _ITEM:
        return ItemRefusedError("Google does not hand out this item", min(refused))
    if problem.reasons & _SCOPE:
        permission = _PERMISSIONS.get(problem.service)
        which = f"the permission {permission}" if permission else "a permission"
        return AccessDeniedError(f"{which} was not granted; connect the account again and allow it")
    if problem.reasons & _DISABLED_API:
        which = problem.service or "this API"
        return AccessDeniedError(
            f"{which} is not enabled in the Google Cloud project; enable it in the Cloud console "
            "(APIs & Services, Library)"
        )
    if "domainpolicy" in problem.reasons:
        return AccessDeniedError("the administrator of the account's domain does not allow this")
    return ForbiddenError(f"Google denies access to this data{_codes(problem)}")


def _bad_request(problem: _Problem) -> ConnectorError:
    words = problem.message.lower()
    # Drive says "Invalid Value" and names the parameter.
    if ("token" in words and "page" in words) or "pagetoken" in problem.places:
        return PositionLostError("Google no longer knows this page of the list")
    if "starthistoryid" in words.replace(" ", ""):
        return PositionLostError("Google no longer knows this point of the mailbox's history")
    if "mail service not enabled" in words:
        return AccessDeniedError("the Google account has no Gmail mailbox")
    return ConnectorError(f"Google refused the request{_codes(problem)}")


def _wait(headers: Mapping[str, str], message: str) -> float | None:
    """Seconds to wait: of the header, or of the time that the message's text names."""
    told = [seconds for seconds in (retry_after(headers), _named_wait(message)) if seconds]
    return max(told, default=None)


def _named_wait(message: str) -> float | None:
    match = _RETRY_AFTER.search(message)
    if not match:
        return None
    try:
        moment = datetime.fromisoformat(match[1])
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _codes(problem: _Problem) -> str:
    codes = sorted(reason for reason in problem.reasons if _CODE.fullmatch(reason))
    return f" ({', '.join(codes)})" if codes else ""


def _read(body: bytes) -> _Problem:
    """Read an error body, whatever it is: a proxy's page gives no reasons and no message."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _Problem()
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str):
        return _Problem(frozenset({error.lower()}))
    if not isinstance(error, dict):
        return _Problem()
    entries = [*_dicts(error.get("errors")), *_dicts(error.get("details"))]
    reasons = {entry.get("reason") for entry in entries} | {error.get("status")}
    services = (_dicts([entry.get("metadata")]) for entry in entries)
    service = next((m[0]["service"] for m in services if m and "service" in m[0]), "")
    return _Problem(
        frozenset(reason.lower() for reason in reasons if isinstance(reason, str)),
        str(error.get("message", "")),
        service if isinstance(service, str) and re.fullmatch(r"[a-z.-]{1,60}", service) else "",
        frozenset(str(entry.get("location", "")).lower() for entry in entries),
        frozenset(str(entry.get("domain", "")).lower() for entry in entries),
    )


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []
