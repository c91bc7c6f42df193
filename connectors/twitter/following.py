"""X follows: the accounts that the person follows.

X tells neither when one was followed nor in which order the list comes; the newest is seen to be
first. Each user that a list returns is billed, so a sync reads the profile's count and a short head
of the list, and the whole list only where the count tells of a change that the head does not
explain, and after a week: an account that took another name is seen then. Where the head holds
somebody new, the pages after it are short at first, too.

Who is missing in a list is asked for by id. `connection_status` is reported to be left out for a
user with whom there is no connection at all, and a field that X does not know is left out for all:
a user without it is taken for unfollowed only where X is seen to give the field.

https://docs.x.com/x-api/users/follows/introduction
https://docs.x.com/x-api/users/lookup/introduction
https://github.com/xdevplatform/twitter-api-typescript-sdk/issues/89 tells of `connection_status`.
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
        #: Somebody whom the list showed in this run.
        self._shown: str | None = None
        #: Whether X gives `connection_status`; None while nothing tells.
        self._told: bool | None = None

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """See `Listed`. The first page is short: it is read, and billed, in each run."""
        total = None
        if token is None:
            self._size = self._config.following_head_size
            total = self._client.counts().following if self._config.following_count else None
        page = self._client.following(size=self._size, token=token)
        self._size = min(2 * self._size, self._config.following_page_size)
        self._shown = next(filter(None, map(self.id_of, page.items)), self._shown)
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
        """Those of whom X does not say that the person follows them no longer, or they are gone."""
        found = self._client.followed(ids)
        if found.told:
            self._told = True
        gone = found.ended | (found.silent if found.silent and self._tells() else frozenset())
        return set(ids) - gone

    def _tells(self) -> bool:
        """Whether X gives `connection_status` of those who have one.

        It is asked for somebody whom the list has just shown, which is not billed again. Where the
        list showed nobody, the profile's count must agree that nobody is followed.
        """
        if self._told is None:
            if self._shown is None:
                self._told = self._client.counts().following == 0
            else:
                self._told = self._client.followed([self._shown]).told
        return self._told

    @cached_property
    def _client(self) -> Client:
        quota = self.context.provider.quota(self.service)
        return Client(self.api, self.context.account.id, quota)
