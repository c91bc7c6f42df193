"""Values out of the API's JSON.

Times are `2018-01-26T20:57:22+0000`: https://developers.facebook.com/docs/graph-api/reference/post
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.sdk.records import Json


def moment(value: Any) -> datetime:
    """A time of the API.

    Raises:
        TypeError: It is no text.
        ValueError: It is no time, or has no zone.
    """
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found


def seconds(item: Json) -> int:
    """When an item was created, in Unix seconds; 0 where that makes no sense."""
    try:
        return max(0, int(moment(item.get("created_time")).timestamp()))
    except (TypeError, ValueError, OverflowError):
        return 0


def text(value: Any) -> str | None:
    """The value, if it is text with something in it."""
    return value if isinstance(value, str) and value.strip() else None


def drop_paging(item: Json) -> None:
    """Take every `paging` out of an item, in place and at any depth.

    A list within an item (an album's parts) may have its own, whose `next` is an address that holds
    the access token: https://developers.facebook.com/docs/graph-api/results
    """
    rest: list[Any] = [item]
    # No recursion: an item may be nested deeper than that goes.
    while rest:
        found = rest.pop()
        if isinstance(found, dict):
            found.pop("paging", None)
            rest.extend(found.values())
        elif isinstance(found, list):
            rest.extend(found)
