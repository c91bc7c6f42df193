"""Reading single fields of YouTube's resources."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.sdk.records import iso


def text(value: Any) -> str | None:
    """A string that is there and not empty."""
    return value if isinstance(value, str) and value else None


def moment(value: Any) -> str:
    """A time of the API (RFC 3339, with or without a fraction) as records write it.

    Raises:
        TypeError: It is no text.
        ValueError: It is no time.
    """
    return iso(datetime.fromisoformat(value))


def picture(thumbnails: Any) -> str | None:
    """The address of the smallest thumbnail.

    https://developers.google.com/youtube/v3/docs/thumbnails
    """
    if not isinstance(thumbnails, dict):
        return None
    for name in ("default", "medium", "high", "standard", "maxres"):
        if isinstance(found := thumbnails.get(name), dict) and text(found.get("url")):
            return str(found["url"])
    return None
