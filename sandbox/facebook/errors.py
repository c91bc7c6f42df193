"""Facebook's errors, in its own form.

https://developers.facebook.com/docs/graph-api/guides/error-handling documents the form and the
codes; with which HTTP status a code comes is not documented, and the words are those that are
commonly seen.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import Any

from sandbox.faults import Fault
from sandbox.side import Refusal

Headers = tuple[tuple[str, str], ...]


class GraphError(Exception):
    """A refusal.

    Args:
        code: Facebook's code.
        message: Its words.
        status: HTTP status.
        kind: The error's `type`.
        subcode: Its subcode, if any.
        transient: Whether it says of itself that it passes.
        headers: Further HTTP headers.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "OAuthException",
        subcode: int | None = None,
        transient: bool = False,
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self._status = int(status)
        self._headers = headers
        self._error: dict[str, Any] = {"message": message, "type": kind, "code": code}
        if subcode is not None:
            self._error["error_subcode"] = subcode
        if transient:
            self._error["is_transient"] = True

    def refusal(self) -> Refusal:
        """The answer."""
        body = {"error": {**self._error, "fbtrace_id": "A" + secrets.token_urlsafe(16)}}
        return Refusal(self._status, json.dumps(body).encode(), self._headers)


def invalid_parameter(message: str) -> GraphError:
    """Code 100."""
    return GraphError(100, f"(#100) {message}")


def no_such_object(ident: str) -> GraphError:
    """Code 100 with subcode 33: gone, hidden, or never there."""
    return GraphError(
        100,
        f"Unsupported get request. Object with ID '{ident}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation. Please read the Graph API "
        "documentation at https://developers.facebook.com/docs/graph-api",
        kind="GraphMethodException",
        subcode=33,
    )


def expired(status: int = HTTPStatus.BAD_REQUEST) -> GraphError:
    """Code 190 of a token whose time is over."""
    message = (
        "Error validating access token: Session has expired on Monday, 23-Nov-26 10:00:00 PST."
    )
    return GraphError(190, message, status=status, subcode=463)


def from_fault(fault: Fault) -> Refusal:
    """A fault in Facebook's form.

    Facebook has neither a date nor seconds to wait: minutes stand in `X-Business-Use-Case-Usage`.
    What lasts less than a minute is therefore not told at all.
    """
    match fault.kind:
        case "401":
            return expired(HTTPStatus.UNAUTHORIZED).refusal()
        case "403-scope":
            message = "(#200) Requires a permission that the user has not granted."
            return GraphError(200, message, status=HTTPStatus.FORBIDDEN).refusal()
        case "403-daily":
            usage = {"call_count": 130, "total_time": 40, "total_cputime": 38}
            return GraphError(
                4,
                "(#4) Application request limit reached",
                status=HTTPStatus.FORBIDDEN,
                transient=True,
                headers=(("X-App-Usage", json.dumps(usage)),),
            ).refusal()
        case "403-quota" | "429":
            return _too_many(())
        case "429-date" | "429-seconds":
            minutes = int((fault.retry_after or 1) // 60)
            entry = {"type": "pages", "call_count": 100, "total_cputime": 25, "total_time": 25}
            entry["estimated_time_to_regain_access"] = minutes
            usage = json.dumps({"100200300": [entry]})  # type: ignore[assignment]
            return _too_many((("X-Business-Use-Case-Usage", str(usage)),))
        case "503":
            message = "Service temporarily unavailable"
            return GraphError(2, message, status=503, transient=True).refusal()
    message = "An unknown error has occurred."
    return GraphError(1, message, status=HTTPStatus.INTERNAL_SERVER_ERROR).refusal()


def _too_many(headers: Headers) -> Refusal:
    message = "(#613) Calls to this api have exceeded the rate limit."
    return GraphError(613, message, status=HTTPStatus.FORBIDDEN, headers=headers).refusal()
