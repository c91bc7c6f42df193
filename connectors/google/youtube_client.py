"""Calls of the YouTube Data API that our handlers use, by their names there.

Each costs one unit of the project's day, an answer to a bad request included.

https://developers.google.com/youtube/v3/docs
https://developers.google.com/youtube/v3/determine_quota_cost
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.google.api import GoogleApi, given
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

#: Ids that one look-up may name. The documentation gives no limit; a page holds as many.
MOST_IDS = 50


class YouTubeClient(GoogleApi):
    """The API's `list` methods. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
    """

    def __init__(self, api: Api, quota: Quota | None) -> None:
        super().__init__(api, quota, "youtube", "v3")

    def subscriptions(self, *, size: int, page: str | None) -> Json:
        """`subscriptions.list`: one page of the person's own, by title.

        By title because the default order, by relevance, is known to repeat some subscriptions on
        later pages and to leave out others: https://github.com/TeamNewPipe/NewPipe/issues/5806
        """
        return self.run(
            self.collection("subscriptions").list(
                part="snippet,contentDetails",
                mine=True,
                order="alphabetical",
                maxResults=size,
                **given(pageToken=page),
            )
        )

    def subscriptions_to(self, channels: Collection[str]) -> Json:
        """`subscriptions.list`: the person's own, to these channels, at most `MOST_IDS`."""
        return self.run(
            self.collection("subscriptions").list(
                part="id", mine=True, forChannelId=",".join(channels), maxResults=MOST_IDS
            )
        )

    def liked(self, *, size: int, page: str | None) -> Json:
        """`videos.list`: one page of the videos that the person likes."""
        return self.run(
            self.collection("videos").list(
                part="snippet,contentDetails",
                myRating="like",
                maxResults=size,
                **given(pageToken=page),
            )
        )

    def ratings(self, videos: Collection[str]) -> Json:
        """`videos.getRating`: what the person thinks of these videos, at most `MOST_IDS`."""
        return self.run(self.collection("videos").getRating(id=",".join(videos)))

    def videos(self, ids: Collection[str]) -> Json:
        """`videos.list`: those of these videos that exist, at most `MOST_IDS`."""
        return self.run(self.collection("videos").list(part="id", id=",".join(ids)))

    def own_channel(self) -> Json:
        """`channels.list`: the person's own channel, with its playlists."""
        return self.run(self.collection("channels").list(part="contentDetails", mine=True))

    def playlist(self, playlist: str, *, size: int, page: str | None) -> Json:
        """`playlistItems.list`: one page of a playlist."""
        return self.run(
            self.collection("playlistItems").list(
                part="snippet,contentDetails,status",
                playlistId=playlist,
                maxResults=size,
                **given(pageToken=page),
            )
        )
