"""What Facebook's error answers mean for a sync: the one table.

The code decides, not the HTTP status: the same code comes with several of them. Facebook's words
may quote what was asked for, so an error's text is ours and carries no more of the answer than its
codes. Where one code stands for several things, its subcode or its words tell them apart.

Documented (read on 2026-11-24):
https://developers.facebook.com/docs/graph-api/guides/error-handling
https://developers.facebook.com/docs/graph-api/overview/rate-limiting/
https://developers.facebook.com/docs/graph-api/guides/secure-requests

Reported, not documented: codes 12 (https://github.com/strohne/Facepager/issues/147), 101, 104,
803, 2500, 2642 (https://github.com/facebook/facebook-java-business-sdk/issues/292), that code 1
may ask for less (https://github.com/singer-io/tap-facebook/issues/65), and the words of a refused
`appsecret_proof`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from connectors.facebook.usage import wait
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

_AGAIN = "connect the account again"
#: Subcodes of 102 and 190.
_ENDED = {
    458: f"this server was removed from the account's apps at Facebook; {_AGAIN}",
    459: f"Facebook asks for a sign-in at facebook.com first; sign in there, then {_AGAIN}",
    460: f"the password at Facebook was changed; {_AGAIN}",
    463: f"Facebook ends each access after about 60 days; {_AGAIN}",
    464: f"the account must be confirmed at facebook.com first; do that, then {_AGAIN}",
}
_ENDED_ELSE = f"Facebook no longer accepts the sign-in; {_AGAIN}"
#: Too many calls: of the app, of the person, of an app by another name, and two of other kinds.
_LIMITS = frozenset({4, 17, 32, 341, 613})
#: Those that are the app's: all accounts of this server are to wait.
_APP_LIMITS = frozenset({4, 341})
_DENIED = frozenset({3, 10, *range(200, 300)})
#: Facebook blocks a person or an app for a while and does not tell for how long.
_BLOCKED_SECONDS = 3600.0
_GONE_SUBCODE = 33


class NotFoundError(ConnectorError):
    """What was asked for is gone, or hidden from this app: Facebook tells them apart for nobody."""


class RefusedError(ConnectorError):
    """A parameter was refused: a field, or a cursor."""


class EndOfListError(ConnectorError):
    """The list goes on, but Facebook hands out no more of it."""


class TooMuchError(ConnectorError):
    """Fewer items, or fewer of their fields, must be asked for at once."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """An error answer, read.

    Args:
        code: Facebook's code.
        subcode: Its subcode; 0 without one.
        words: Facebook's message in lower case; for matching, never for showing.
        passing: Whether it says of itself that it passes.
    """

    code: int
    subcode: int = 0
    words: str = ""
    passing: bool = False


def classify(status: int, headers: Mapping[str, str], body: bytes) -> ConnectorError | None:
    """The error that an answer of Facebook stands for; None when it is a success.

    Args:
        status: HTTP status.
        headers: The answer's headers.
        body: The answer's body; a proxy's, where it is not in Facebook's form.
    """
    problem = _read(status, body)
    if problem is not None:
        return _meaning(status, headers, problem)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        # Facebook would have said why: whoever answered here knows nothing of the person's access.
        return TransientError("something between this server and Facebook refused the request")
    return classify_by_status(status, headers, body)


def _meaning(status: int, headers: Mapping[str, str], problem: _Problem) -> ConnectorError:
    code = problem.code
    if code in _MEANINGS:
        return _MEANINGS[code](problem)
    if code in _LIMITS:
        asks = "Facebook asks to wait: too many calls"
        return RateLimitedError(asks, wait(code, headers), everyone=code in _APP_LIMITS)
    if code in _DENIED:
        return AccessDeniedError(
            f"Facebook denies access to this data (code {code}): a permission is missing, or the "
            f"app has not passed Facebook's review for it; {_AGAIN} and allow it"
        )
    if problem.passing or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _down(problem)
    return ConnectorError(f"Facebook refused the request (code {code})")


def _ended(problem: _Problem) -> ConnectorError:
    return TokenExpiredError(_ENDED.get(problem.subcode, _ENDED_ELSE))


def _unknown_path(problem: _Problem) -> ConnectorError:
    if "path components" in problem.words or "syntax error" in problem.words:
        return ConnectorError("Facebook refused the request (code 2500); check api_version")
    return _ended(problem)


def _down(problem: _Problem) -> ConnectorError:
    if problem.code == 1 and "reduce the amount" in problem.words:
        return TooMuchError("Facebook wants to be asked for less at once")
    return TransientError(f"Facebook could not answer (code {problem.code})")


def _blocked(_: _Problem) -> ConnectorError:
    blocked = "Facebook has blocked this for a while; the sync waits and goes on by itself"
    return RateLimitedError(blocked, _BLOCKED_SECONDS)


def _gone(_: _Problem) -> ConnectorError:
    return NotFoundError("Facebook does not have what was asked for")


def _deprecated(_: _Problem) -> ConnectorError:
    return RefusedError("Facebook no longer has a field that was asked for (code 12)")


def _unknown_app(_: _Problem) -> ConnectorError:
    return ConfigurationError("Facebook does not know the app id; check client_id")


def _lost(_: _Problem) -> ConnectorError:
    return PositionLostError("Facebook no longer knows this page of the list")


def _unsigned(_: _Problem) -> ConnectorError:
    return ConfigurationError(
        "Facebook does not accept the proof of the app's secret; check client_secret"
    )


def _refused(problem: _Problem) -> ConnectorError:
    if problem.subcode == _GONE_SUBCODE:
        return _gone(problem)
    if "appsecret_proof" in problem.words:
        return _unsigned(problem)
    if "cursor specified exceeds" in problem.words:
        return EndOfListError("Facebook hands out no more of this list")
    return RefusedError("Facebook refused a parameter (code 100)")


_MEANINGS: dict[int, Callable[[_Problem], ConnectorError]] = {
    1: _down,
    2: _down,
    12: _deprecated,
    100: _refused,
    101: _unknown_app,
    102: _ended,
    104: _unsigned,
    190: _ended,
    368: _blocked,
    803: _gone,
    2500: _unknown_path,
    2642: _lost,
}


def _read(status: int, body: bytes) -> _Problem | None:
    """The error in a body; None where there is none in Facebook's form.

    A success may hold one too. Its body is large, so only one that begins like an error is read.
    """
    if status < HTTPStatus.BAD_REQUEST and not body.lstrip().startswith(b'{"error"'):
        return None
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return None
    code, subcode = error.get("code"), error.get("error_subcode")
    if not isinstance(code, int) or isinstance(code, bool):
        # Documented: without a code, an OAuthException means that the sign-in has ended.
        return _Problem(190) if error.get("type") == "OAuthException" else None
    return _Problem(
        code,
        subcode if isinstance(subcode, int) else 0,
        str(error.get("message", "")).lower(),
        error.get("is_transient") is True,
    )
