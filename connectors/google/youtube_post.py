"""YouTube posts: the videos that the person has uploaded.

They are the items of a playlist that every channel has, newest first. A video that was deleted
may stay in a playlist as a placeholder without a date of publication, titled `Deleted video` or,
where it may not be seen, `Private video`; the documentation does not tell of these.

https://developers.google.com/youtube/v3/guides/implementation/videos
https://developers.google.com/youtube/v3/docs/playlistItems/list
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import cast

from connectors.google.config import GoogleConfig
from connectors.google.errors import NotFoundError
from connectors.google.youtube_client import MOST_IDS, YouTubeClient
from connectors.google.youtube_fields import moment, picture, text
from connectors.google.youtube_page import page_of, read_page
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record
from connectors.sdk.schemas.post import Post

#: Titles of placeholders. They do not depend on a language: the request cannot name one.
_PLACEHOLDERS = {"Deleted video", "Private video"}
#: What is remembered between runs: the id of the playlist of uploads.
_UPLOADS = "uploads"


class YouTubePost(ListedHandler):
    """Videos that the person has uploaded."""

    id = "youtube-post"
    label = "YouTube Posts"
    schema = Post
    scopes = frozenset({"https://www.googleapis.com/auth/youtube.readonly"})
    sizes = ("youtube_page_size",)
    service = "youtube"
    frequency = "6hour"

    newest_first = True
    #: A channel's list is short, and what turns into a placeholder leaves its length as it was.
    age = timedelta(days=1)
    most_ids = MOST_IDS

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        """See `Listed`. An account without a channel has uploaded nothing."""
        if _UPLOADS not in notes:
            uploads = _uploads(self._client.own_channel())
            if uploads is None:
                return Page(total=0)
            notes[_UPLOADS] = uploads
        return read_page(token, lambda: self._playlist(token, notes))

    def _playlist(self, token: str | None, notes: dict[str, str]) -> Json:
        size = cast(GoogleConfig, self.context.provider.config).youtube_page_size
        try:
            return self._client.playlist(notes[_UPLOADS], size=size, page=token)
        except NotFoundError:
            # playlistNotFound: of a channel that has none yet, or that is gone. Ask the next time.
            notes.pop(_UPLOADS)
            raise

    def id_of(self, item: Json) -> str | None:
        """The video's id; the item's own tells its place in the playlist."""
        snippet = item.get("snippet")
        named = snippet.get("resourceId") if isinstance(snippet, dict) else None
        for holder in (item.get("contentDetails"), named):
            if isinstance(holder, dict) and (found := text(holder.get("videoId"))):
                return found
        return None

    def usable(self, item: Json) -> bool:
        """Whether there is a video behind the item."""
        snippet, details = item.get("snippet"), item.get("contentDetails")
        if not isinstance(snippet, dict) or snippet.get("title") not in _PLACEHOLDERS:
            return True
        # A video may really be called so.
        return isinstance(details, dict) and details.get("videoPublishedAt") is not None

    def record(self, source: Json) -> Record:
        """Map an item of the playlist."""
        snippet, video = source["snippet"], self.id_of(source)
        if video is None:
            raise ValueError("an item without a video")
        details = source.get("contentDetails") or {}
        # A video that was never public has no date of publication.
        published = details.get("videoPublishedAt") or snippet["publishedAt"]
        return self.build(
            id=video,
            name=text(snippet.get("title")) or video,
            inserted_at=moment(published),
            source=source,
            type="video",
            content=text(snippet.get("description")),
            uri=f"https://youtube.com/watch?v={video}",
            icon=picture(snippet.get("thumbnails")),
        )

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the videos that exist; an upload stays one as long as it does."""
        return {item["id"] for item in page_of(self._client.videos(ids)).items}

    @cached_property
    def _client(self) -> YouTubeClient:
        return YouTubeClient(self.api, self.context.provider.quota(self.service))


def _uploads(answer: Json) -> str | None:
    """The playlist of uploads of the channel in an answer; None when there is no channel."""
    for channel in page_of(answer).items:
        playlists = (channel.get("contentDetails") or {}).get("relatedPlaylists") or {}
        return text(playlists.get("uploads"))
    return None
