"""Pages of YouTube's lists.

A look-up and a page cost the same, one unit for 50 items, so that reading a list whole is cheap
beside the 10,000 units of a project's day. Nothing promises that the length told is exact.

https://developers.google.com/youtube/v3/guides/implementation/pagination
https://developers.google.com/youtube/v3/determine_quota_cost
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.google.errors import NotFoundError
from connectors.sdk.errors import PositionLostError
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json


def page_of(answer: Json) -> Page:
    """The page that an answer holds."""
    items = [item for item in answer.get("items") or () if isinstance(item, dict)]
    info = answer.get("pageInfo") or {}
    return Page(items, info.get("totalResults"), answer.get("nextPageToken") or None)


def read_page(token: str | None, ask: Callable[[], Json]) -> Page:
    """A page of a list; an empty one of a list that is not there.

    Args:
        token: Of the page; None for the first.
        ask: Asks for it.

    Raises:
        PositionLostError: The token is no longer known.
    """
    try:
        return page_of(ask())
    except NotFoundError:
        if token is None:
            return Page(total=0)
        # A token that is no longer good has been seen to be answered so as well:
        # https://github.com/JuanBindez/pytubefix/issues/494
        raise PositionLostError("YouTube no longer knows this page of the list") from None
