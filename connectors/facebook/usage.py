"""How long to wait for Facebook's limits, which are told in percent, in minutes, or not at all.

A person's calls are counted over a rolling hour and across all apps, and their number is not told;
nor is there a `Retry-After`. The app's calls are told in percent (`X-App-Usage`), where it has many
of them. Calling on while a limit holds makes it last longer. `X-Business-Use-Case-Usage`, with the
minutes left, belongs to business accounts; it is read where it comes.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.sdk.http import retry_after

_HOUR = 3600.0
#: The least that is waited for a limit by the hour.
_LEAST = 300.0
#: What is waited where nothing tells how far the limit is exceeded.
_UNTOLD = 900.0
#: The app's own limits, which its usage tells of.
_APP = frozenset({4, 341})
#: A limit of its own kind, over a time that nobody tells.
_CUSTOM = 613


def wait(code: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait after a refusal; None leaves it to the transport, which backs off.

    Args:
        code: Facebook's code of the refusal.
        headers: The answer's headers.
    """
    told = max(_minutes(headers) * 60.0, retry_after(headers) or 0.0)
    if told > 0:
        return told
    if code == _CUSTOM:
        return None
    percent = app_usage(headers)
    return _leaving(percent) if code in _APP and percent else _UNTOLD


def wait_after(headers: Mapping[str, str]) -> float:
    """Seconds to hold the next call back after a success: 0 while the app may call on."""
    percent = app_usage(headers)
    return _leaving(percent) if percent >= 100.0 else 0.0


def app_usage(headers: Mapping[str, str]) -> float:
    """The highest of the app's counts in percent; 0 where none is told."""
    return max(_numbers(_object(headers, "X-App-Usage").values()), default=0.0)


def _leaving(percent: float) -> float:
    """Seconds until so much has left the hour, if it was spent evenly."""
    return max(_LEAST, _HOUR * (1.0 - 100.0 / max(percent, 100.0)))


def _minutes(headers: Mapping[str, str]) -> float:
    """The most minutes that any business account is to wait."""
    entries = [
        entry
        for listed in _object(headers, "X-Business-Use-Case-Usage").values()
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
    ]
    told = (entry.get("estimated_time_to_regain_access") for entry in entries)
    return max(_numbers(told), default=0.0)


def _object(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(headers.get(name) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _numbers(values: Any) -> Iterator[float]:
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool):
            # A nonsense that is larger than any wait must not stop the sync for good.
            yield min(max(float(value), 0.0), 10_000.0) if value == value else 0.0
