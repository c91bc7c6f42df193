"""YouTube favourites: the videos that the person likes.

The list comes with the video liked last first. The documentation says neither this nor anything
else of its order, and does not tell when a video was liked; see `Listing` for what this means.
The record of a video that is liked, unliked and liked again is the same one.

https://developers.google.com/youtube/v3/docs/videos/list
https://developers.google.com/youtube/v3/guides/implementation/ratings
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import cast

from connectors.google.config import GoogleConfig
from connectors.google.youtube_client import MOST_IDS, YouTubeClient
from connectors.google.youtube_fields import moment, picture, text
from connectors.google.youtube_page import page_of, read_page
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record
from connectors.sdk.schemas.favourite import Favourite


class YouTubeFavourite(ListedHandler):
    """Videos that the person likes."""

    id = "youtube-favourite"
    label = "YouTube Favourites"
    schema = Favourite
    scopes = frozenset({"https://www.googleapis.com/auth/youtube.readonly"})
    sizes = ("youtube_page_size",)
    service = "youtube"
    frequency = "6hour"

    newest_first = True
    age = timedelta(days=7)
    most_ids = MOST_IDS

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """See `Listed`."""
        size = cast(GoogleConfig, self.context.provider.config).youtube_page_size
        return read_page(token, lambda: self._client.liked(size=size, page=token))

    def record(self, source: Json) -> Record:
        """Map a video. When it was liked is not told: the time is that of its publication."""
        snippet, video = source["snippet"], source["id"]
        return self.build(
            id=video,
            name=text(snippet.get("title")) or video,
            inserted_at=moment(snippet["publishedAt"]),
            source=source,
            favouriteType="like",
            contentType="video",
            uri=f"https://youtube.com/watch?v={video}",
            description=text(snippet.get("description")),
            icon=picture(snippet.get("thumbnails")),
        )

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the videos that the person likes.

        https://developers.google.com/youtube/v3/docs/videos/getRating
        """
        ratings = page_of(self._client.ratings(ids)).items
        return {item["videoId"] for item in ratings if item.get("rating") == "like"}

    @cached_property
    def _client(self) -> YouTubeClient:
        return YouTubeClient(self.api, self.context.provider.quota(self.service))
