"""Errors in X's forms.

An error is a problem (RFC 9457): `title`, `detail`, `type`, mostly `status`
(https://docs.x.com/x-api/fundamentals/response-codes-and-errors). Refused parameters are listed in
`errors`. What the pages do not show is as it is commonly met: 402, the two bodies of 429, the 403 of
an app that is not enrolled.
"""

from __future__ import annotations

import json
import math
from typing import Any

from sandbox.faults import Fault
from sandbox.side import Refusal

_TYPES = "https://api.x.com/2/problems/"
#: Commonly met still, in the place of the above.
_OLD_TYPES = "https://api.twitter.com/2/problems/"


class RefusedError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        body: The answer's JSON.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("title", "refused"))
        self.status = status
        self.body = body


def plain(status: int, title: str) -> RefusedError:
    """A problem that its status says all about."""
    body = {"title": title, "type": "about:blank", "status": status, "detail": title}
    return RefusedError(status, body)


def invalid(name: str, value: str, message: str) -> RefusedError:
    """400: a parameter is not as it must be."""
    return RefusedError(
        400,
        {
            "errors": [{"parameters": {name: [value]}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{_OLD_TYPES}invalid-request",
        },
    )


def missing(kind: str, ident: str, parameter: str) -> dict[str, Any]:
    """An entry of `errors` in an answer with status 200: one thing is not there."""
    return {
        "value": ident,
        "detail": f"Could not find {kind} with {parameter}: [{ident}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": ident,
        "type": f"{_TYPES}resource-not-found",
    }


def credits_depleted() -> RefusedError:
    """402: the developer account has nothing left."""
    return RefusedError(
        402,
        {
            "title": "Payment Required",
            "detail": "credits depleted",
            "status": 402,
            "type": f"{_TYPES}credits-depleted",
        },
    )


def not_enrolled() -> RefusedError:
    """403: the app has no access to this API."""
    return RefusedError(
        403,
        {
            "client_id": "1",
            "detail": "When authenticating requests to the X API v2 endpoints, you must use keys "
            "and tokens from a developer App that is attached to a Project.",
            "registration_url": "https://developer.x.com/en/docs/projects/overview",
            "title": "Client Forbidden",
            "required_enrollment": "Appropriate Level of API Access",
            "reason": "client-not-enrolled",
            "type": f"{_OLD_TYPES}client-forbidden",
        },
    )


def too_many() -> RefusedError:
    """429: the window of an endpoint is used up."""
    return plain(429, "Too Many Requests")


def cap_reached() -> RefusedError:
    """429: the posts of the month are used up; other headers may say that calls are left."""
    return RefusedError(
        429,
        {
            "account_id": 1,
            "product_name": "standard-basic",
            "title": "UsageCapExceeded",
            "period": "Monthly",
            "scope": "Product",
            "detail": "Usage cap exceeded: Monthly product cap",
            "type": f"{_OLD_TYPES}usage-capped",
        },
    )


def of_fault(fault: Fault, now: float) -> Refusal:
    """A fault in X's own form.

    Args:
        fault: What goes wrong. A wait is told by `x-rate-limit-reset`: X sends no `Retry-After`.
        now: Unix time in seconds.
    """
    headers: tuple[tuple[str, str], ...] = ()
    match fault.kind:
        case "401":
            error = plain(401, "Unauthorized")
        case "403-scope":
            error = plain(403, "Forbidden")
        case "403-daily":
            error = cap_reached()
            headers = limits(900, 812, now + 600)
        case "429-date" | "429-seconds":
            error = too_many()
            headers = limits(900, 0, now + (fault.retry_after or 1))
        case "429" if fault.retry_after is not None:
            error = too_many()
            headers = limits(900, 0, now + fault.retry_after)
        case "429" | "403-quota":
            body = {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}
            error = RefusedError(429, body)
        case "503":
            error = plain(503, "Service Unavailable")
        case _:
            error = plain(500, "Internal Server Error")
    return Refusal(error.status, json.dumps(error.body).encode(), headers)


def limits(most: int, left: int, reset: float) -> tuple[tuple[str, str], ...]:
    """The headers that tell of an endpoint's window; `reset` in Unix seconds."""
    return (
        ("x-rate-limit-limit", str(most)),
        ("x-rate-limit-remaining", str(left)),
        ("x-rate-limit-reset", str(math.ceil(reset))),
    )
