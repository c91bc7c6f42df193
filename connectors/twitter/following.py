"""X follows: the accounts that the person follows.

X tells neither when one was followed nor in which order the list comes; the newest is seen to be
first. Each user that a list returns is billed, so a sync reads the profile's count and a short head
of the list, and the whole list only where the count tells of a change that the head does not
explain, and after a week: an account that took another name is seen then. Where the head holds
somebody new, the pages after it are short at first, too.

https://docs.x.com/x-api/users/follows/introduction
https://docs.x.com/x-api/users/lookup/introduction
https://docs.x.com/x-api/getting-started/pricing
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import cast

from connectors.sdk.handler import Context
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record
from connectors.sdk.schemas.following import Following
from connectors.twitter.client import MOST_IDS, Client
from connectors.twitter.config import TwitterConfig
from connectors.twitter.fields import moment, plain, text


class TwitterFollowing(ListedHandler):
    """The accounts that the person follows."""

    id = "following"
    label = "Following"
    schema = Following
    scopes = frozenset({"follows.read"})
    sizes = ("following_head_size", "following_page_size")
    service = "following"
    frequency = "day"

    newest_first = True
    most_ids = MOST_IDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._config = cast(TwitterConfig, context.provider.config)
        self.age = timedelta(days=self._config.following_days)
        #: Users that the next page is asked for.
        self._size = self._config.following_page_size

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """See `Listed`. The first page is short: it is read, and billed, in each run."""
        total = None
        if token is None:
            self._size = self._config.following_head_size
            total = self._client.counts().following if self._config.following_count else None
        page = self._client.following(size=self._size, token=token)
        self._size = min(2 * self._size, self._config.following_page_size)
        return Page(page.items, total, page.next)

    def record(self, source: Json) -> Record:
        """Map a user. When they were followed is not told; their account is older than that."""
        username = source["username"]
        if not text(username):
            raise ValueError("a user without a name")
        entities = source.get("entities") or {}
        about = text(source.get("description"))
        return self.build(
            id=source["id"],
            name=text(source.get("name")) or f"@{username}",
            inserted_at=moment(source.get("created_at"), by_id=source["id"]),
            source=source,
            uri=f"https://x.com/{username}",
            description=plain(about, entities.get("description")) if about else None,
            icon=text(source.get("profile_image_url")),
        )

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those whom the person follows, as X says of each; one that is suspended is gone."""
        return self._client.followed(ids)

    @cached_property
    def _client(self) -> Client:
        quota = self.context.provider.quota(self.service)
        return Client(self.api, self.context.account.id, quota)
