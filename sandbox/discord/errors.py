"""Discord's refusals, in its forms.

An error is `{"code": NUMBER, "message": TEXT}`, with `errors` by parameter where a parameter is
wrong. A refusal for too many requests names the wait in body and headers; one of Cloudflare, which
stands before Discord and shuts out addresses, does not. Its form is not documented; here it is the
one that is reported most.

https://docs.discord.com/developers/topics/opcodes-and-status-codes
https://docs.discord.com/developers/topics/rate-limits
https://github.com/discord/discord-api-docs/issues/5810
"""

from __future__ import annotations

import json
import math
from typing import Any, Literal

from sandbox.faults import Fault
from sandbox.side import Refusal

#: What a 429 is of: one user's calls of a route, one user's calls of any, or what is asked for.
Scope = Literal["user", "global", "shared"]
_LIMITED = "You are being rate limited."
_LIMITED_SHARED = "The resource is being rate limited."
#: Wait of a refusal that names none, in seconds.
_SHORT = 0.1
_INVALID_FORM = 50035


class RefusedError(Exception):
    """A request that is refused.

    Args:
        refusal: The answer.
        counts: Whether it counts towards shutting the address out.
    """

    def __init__(self, refusal: Refusal, *, counts: bool = False) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal
        self.counts = counts


def plain(status: int, message: str, code: int = 0) -> RefusedError:
    """A refusal with a code, or with 0 for none."""
    body = {"message": message, "code": code}
    return RefusedError(_json(status, body), counts=status in (401, 403))


def bad_parameter(name: str, code: str, message: str) -> RefusedError:
    """A parameter that is wrong."""
    errors = {name: {"_errors": [{"code": code, "message": message}]}}
    body = {"message": "Invalid Form Body", "code": _INVALID_FORM, "errors": errors}
    return RefusedError(_json(400, body))


def limited(
    seconds: float, scope: Scope = "user", headers: tuple[tuple[str, str], ...] = ()
) -> RefusedError:
    """Too many requests.

    Args:
        seconds: To wait.
        scope: What the limit is of.
        headers: Those of the route's limit, which a global one does not have.
    """
    message = _LIMITED_SHARED if scope == "shared" else _LIMITED
    body = {"message": message, "retry_after": seconds, "global": scope == "global"}
    sent = [*headers, ("Retry-After", str(math.ceil(seconds))), ("X-RateLimit-Scope", scope)]
    if scope == "global":
        sent.append(("X-RateLimit-Global", "true"))
    return RefusedError(_json(429, body, *sent), counts=scope != "shared")


def shut_out() -> RefusedError:
    """What an address that was shut out is told, by Cloudflare."""
    return RefusedError(Refusal(429, b"error code: 1015", (("Content-Type", "text/plain"),)))


def of_fault(fault: Fault) -> Refusal:
    """A fault in Discord's form. Discord names waits in seconds alone, never by a date."""
    wait = fault.retry_after
    match fault.kind:
        case "401":
            error = plain(401, "401: Unauthorized")
        case "403-scope":
            error = plain(403, "Missing required OAuth2 scope", 50026)
        case "403-quota":
            error = limited(wait or _SHORT, "shared")
        case "403-daily":
            error = shut_out()
        case "429":
            error = limited(wait or _SHORT)
        case "429-seconds":
            error = limited(wait or 1.0)
        case "429-date":
            error = limited(wait or 1.0, "global")
        case "503":
            error = plain(503, "503: Service Unavailable")
        case _:
            error = plain(500, "500: Internal Server Error")
    return error.refusal


def _json(status: int, body: dict[str, Any], *headers: tuple[str, str]) -> Refusal:
    return Refusal(status, json.dumps(body).encode(), headers)
