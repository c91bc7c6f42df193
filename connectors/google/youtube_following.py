"""YouTube subscriptions: the channels that the person follows.

The documentation promises no order by time, and a subscription may turn up anywhere in the list,
so the list is read whole each time: one unit for 50 subscriptions. Edits of a channel's name are
seen by that.

https://developers.google.com/youtube/v3/docs/subscriptions
https://developers.google.com/youtube/v3/docs/subscriptions/list
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
from connectors.sdk.schemas.following import Following

#: Counts that change whenever the channel uploads something: no news of the subscription.
_COUNTS = ("newItemCount", "totalItemCount")


class YouTubeFollowing(ListedHandler):
    """The channels that the person has subscribed to."""

    id = "youtube-following"
    label = "YouTube Subscriptions"
    schema = Following
    scopes = frozenset({"https://www.googleapis.com/auth/youtube.readonly"})
    sizes = ("youtube_page_size",)
    service = "youtube"
    frequency = "6hour"

    most_ids = MOST_IDS

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """See `Listed`."""
        size = cast(GoogleConfig, self.context.provider.config).youtube_page_size
        return read_page(token, lambda: self._client.subscriptions(size=size, page=token))

    def record(self, source: Json) -> Record:
        """Map a subscription."""
        snippet = source["snippet"]
        channel = snippet["resourceId"]["channelId"]
        self._channels[source["id"]] = channel
        since = moment(snippet["publishedAt"])
        return self.build(
            id=source["id"],
            name=text(snippet.get("title")) or channel,
            inserted_at=since,
            source=source,
            uri=f"https://youtube.com/channel/{channel}",
            followedTimestamp=since,
            description=text(snippet.get("description")),
            icon=picture(snippet.get("thumbnails")),
        )

    def same(self, old: Record, new: Record) -> bool:
        """Whether nothing changed but the counts of the channel's videos."""
        return _without_counts(old) == _without_counts(new)

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the subscriptions that there are, asked for by their channels."""
        channels = [channel for key in ids if (channel := self._channel(key))]
        if not channels:
            return set()
        try:
            answer = self._client.subscriptions_to(channels)
        except NotFoundError:
            # subscriberNotFound: the person has nothing at YouTube any more.
            return set()
        return {item["id"] for item in page_of(answer).items}

    def _channel(self, key: str) -> str | None:
        """The channel of a subscription that this run has read, or that is kept."""
        if key not in self._channels and (record := self.kept.get(key)):
            return text(record["sourceData"]["snippet"]["resourceId"]["channelId"])
        return self._channels.get(key)

    @cached_property
    def _channels(self) -> dict[str, str]:
        """Channels of the subscriptions read by this run: what it yielded may not be kept yet."""
        return {}

    @cached_property
    def _client(self) -> YouTubeClient:
        return YouTubeClient(self.api, self.context.provider.quota(self.service))


def _without_counts(record: Record) -> Record:
    plain = copy.deepcopy(record)
    source = plain["sourceData"]
    source.pop("etag", None)
    if isinstance(details := source.get("contentDetails"), dict):
        for count in _COUNTS:
            details.pop(count, None)
    return plain
