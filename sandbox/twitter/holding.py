"""An account at X as the contract suite sees it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.holding import Oddity
from sandbox.twitter.store import List, Post, Store


class _Holding:
    """What both have in common.

    Args:
        store: What the account has.
    """

    kind: List
    path = "^/twitter/2/(users|tweets)"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = itertools.count(1)

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._store.oddities[self.kind].spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The item as the list last sent it."""
        return self._store.oddities[self.kind].sent(source_id)

    def idle_requests(self) -> int:
        """A look at the profile's counts, and one at the head."""
        return 2


class FollowingHolding(_Holding):
    """Whom the person follows, the one followed last first."""

    kind = "following"
    #: Profiles that change are seen where they are read anyway.
    tells_edits = False
    has_noise = False
    has_feed = True

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """The users' ids."""
        with self._store.lock:
            return [user.id for user in self._store.following]

    def add(self, count: int = 1) -> list[str]:
        """Follow so many more; their ids."""
        return [self._store.follow().id for _ in range(count)]

    def edit(self, source_id: str) -> None:
        """Let a user take another name."""
        user = self._store.people[source_id]
        user.name = f"{user.name.partition(' (')[0]} ({next(self._turn)})"

    def remove(self, source_id: str) -> None:
        """Stop following."""
        self._store.unfollow(source_id)

    def clear(self) -> None:
        """Follow nobody."""
        with self._store.lock:
            self._store.following.clear()

    def add_noise(self, count: int) -> None:
        """The list holds nothing that a sync leaves out (`has_noise`)."""
        raise ValueError(f"no list holds what a sync leaves out; {count} users were asked for")

    def lose_feed(self) -> None:
        """Make the page tokens given so far unknown."""
        self._store.lose_tokens()

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether the name is the user's."""
        user = self._store.people.get(record["sourceId"])
        return user is not None and user.name == record["name"]


class PostHolding(_Holding):
    """What the person posted, newest first. The ids are those that posts were posted with."""

    kind = "posts"
    tells_edits = True
    #: Reposts, which are left out where the person does not ask for them.
    has_noise = True
    #: Pages are asked for by id; a page token is used past an empty page alone.
    has_feed = False

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """The posts that are to be kept with these options."""
        with self._store.lock:
            found = sorted(self._store.posts, key=lambda post: -post.id)
        return [post.first for post in found if _wanted(post, options)]

    def add(self, count: int = 1) -> list[str]:
        """Post so many, hours ago; their first ids. Each third is a reply, if there is one."""
        return [
            self._store.post_earlier("reply" if n % 3 == 2 else "post", long=n % 3 == 1).first
            for n in range(count)
        ]

    def edit(self, source_id: str) -> None:
        """Edit a post. The suite edits what it likes, older posts and replies too."""
        post = self._store.find(source_id)
        base = post.text.partition(" (v")[0]
        self._store.edit(source_id, f"{base} (v{next(self._turn)})")

    def remove(self, source_id: str) -> None:
        """Delete a post."""
        self._store.delete(source_id)

    def clear(self) -> None:
        """Delete all posts."""
        with self._store.lock:
            self._store.posts.clear()

    def add_noise(self, count: int) -> None:
        """Repost so many."""
        for _ in range(count):
            self._store.post_earlier("repost")

    def lose_feed(self) -> None:
        """There is none (`has_feed`)."""
        raise ValueError("posts are asked for by id: nothing can be lost")

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether the record is of the newest version."""
        with self._store.lock:
            try:
                post = self._store.find(record["sourceId"])
            except StopIteration:
                return False
        return bool(record["sourceData"]["id"] == str(post.id)) and post.canary in record["content"]


def _wanted(post: Post, options: Mapping[str, str]) -> bool:
    if post.kind == "repost":
        return options.get("reposts", "no") == "yes"
    return post.kind != "reply" or options.get("replies", "yes") == "yes"
