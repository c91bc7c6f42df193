"""X posts: what the person has posted, with replies and reposts as they choose.

Ids grow with time, so new posts are asked for by `since_id` and older ones by `until_id`: nothing
that expires stands in the position, and a sync that finds nothing new is billed for no post. Of a
timeline X serves the newest 3,200 posts; with `exclude=replies` only 800, so what is not wanted is
left out here.

A post can be edited for 30 minutes; each edit is a post with an id of its own, whose history names
the earlier ones. The record keeps the id of the first and takes the words of the last, so it is the
same record.

That a post was deleted no list tells. The profile's count of posts does, so where it is lower than
it should be, the posts are read again from the newest on, until as many are found missing; what a
page does not show is looked up by its id before it is marked deleted. Now and then all are read.

https://docs.x.com/x-api/posts/timelines/integrate
https://docs.x.com/x-api/fundamentals/edit-posts
https://docs.x.com/x-api/posts/lookup/introduction
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from typing import cast

from connectors.sdk.errors import TransientError
from connectors.sdk.handler import Handler, unmappable
from connectors.sdk.options import Choice
from connectors.sdk.records import Batch, Failed, Json, Position, Record, iso
from connectors.sdk.schemas.post import Post
from connectors.twitter.client import MOST_IDS, Client, Listed
from connectors.twitter.config import TwitterConfig
from connectors.twitter.fields import ident
from connectors.twitter.post_position import Gap, State, recent
from connectors.twitter.post_record import first_id, kind_of, post_fields, same

_YES_NO = {"no": "Leave out", "yes": "Include"}
#: A list that is nearly as long as X serves may have been cut: what is older is not judged.
_NEARLY = 0.9
#: Posts that came no longer ago may be missing in the profile's count. How late it may be is not
#: documented; a reading in vain costs more than looking again at the next run.
_LATE = timedelta(hours=3)
#: After a count that told nothing, counts are not believed for so long.
_DOUBT = timedelta(days=7)


class TwitterPost(Handler):
    """What the person has posted."""

    id = "post"
    label = "Posts"
    schema = Post
    # `tweet.read` and `users.read` are the provider's own: without them there is no profile.
    scopes = frozenset()
    sizes = ("post_page_size",)
    service = "posts"
    options = (
        Choice("replies", "Replies", _YES_NO, "yes"),
        Choice("reposts", "Reposts of others' posts", _YES_NO, "no"),
    )
    frequency = "3hour"

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what is new and edited, then older posts and what is gone; see `State`."""
        state = State.from_json(position)
        self._last = position
        chosen = [name for name in ("replies", "reposts") if self.context.options[name] == "yes"]
        state.want(chosen)
        state.anew |= not position
        if state.gap:
            yield from self._newer(state, state.gap)
        if position and (state.newest or not state.walk):
            yield from self._newer(state, Gap(state.newest, None))
        if state.anew:
            state.begin(self._client.counts().posts)
            state.anew = False
        elif not state.walk:
            self._look_at_count(state)
        if state.walk:
            yield from self._walk(state)
        elif state.to_json() != self._last:
            yield self._batch(state, ())

    def record(self, source: Json) -> Record:
        """Map a post."""
        return self.build(id=first_id(source), source=source, **post_fields(source))

    def _newer(self, state: State, gap: Gap) -> Iterator[Batch]:
        """Fetch what came since, newest first; a gap is closed before another may open."""
        since, more = gap.since, True
        while more:
            page = self._page(since, gap.until)
            more = page.next is not None
            if not page.items:
                # The end, or nothing new: the position may still have to say that a gap is closed.
                state.gap = None
                return
            low, high = _ends(page)
            state.newest = _newest(state.newest, high)
            gap = Gap(since, low)
            state.gap = gap if more else None
            # An edit is no further post; one that was edited before it was seen is.
            firsts = [int(first_id(item)) for item in page.items if ident(item)]
            state.came([key for key in firsts if key > int(since or 0)], self.context.now - _LATE)
            yield self._batch(state, page.items)

    def _look_at_count(self, state: State) -> None:
        """Begin to read all posts where some are missing, or it is long since.

        The count may be late to tell of new posts: where no more are missing than came just now,
        the next run looks again. What is missing then, or while the count is not believed, stays
        accounted for, so that it is looked for later.
        """
        told, now = self._client.counts().posts, self.context.now
        missing, fresh = state.missing(told), state.fresh
        state.fresh = 0
        if not recent(state.whole, now, timedelta(days=self._config.post_days)):
            state.begin(told)
        elif missing > fresh and not recent(state.vain, now, _DOUBT):
            state.begin(told, missing)
        elif not missing and told is not None:
            state.told = told

    def _walk(self, state: State) -> Iterator[Batch]:
        """Read posts from the newest to the oldest, and find out which are gone."""
        kept = sorted(int(key) for key in self.kept.source_ids() if key.isdecimal())
        shown: set[str] = set()
        while walk := state.walk:
            page = self._page(None, walk.until)
            upper, low = walk.until, None
            if page.items:
                low, high = _ends(page)
                state.newest = _newest(state.newest, high)
                walk.until = low
            walk.seen += len(page.items)
            shown.update(first_id(item) for item in page.items if ident(item))
            most = self._config.timeline_posts
            ends = page.next is None or walk.seen >= most
            lowest = None if ends and walk.seen < most * _NEARLY else low or upper
            gone = self._gone(_between(kept, lowest, upper), shown)
            walk.found += len(gone)
            if ends or (walk.owed is not None and walk.found >= walk.owed):
                self._walked(state, whole=ends)
            yield self._batch(state, page.items, gone)

    def _walked(self, state: State, *, whole: bool) -> None:
        """Say that a reading came to its end."""
        walk, now = state.walk, iso(self.context.now)
        if whole:
            state.whole = now
        if walk and walk.owed and not walk.found:
            state.vain = now
        state.walk = None

    def _gone(self, kept: Sequence[str], shown: set[str]) -> list[str]:
        """Those of the kept posts that X has no more, by asking for what it did not show."""
        asked = [key for key in kept if key not in shown]
        gone: list[str] = []
        for at in range(0, len(asked), MOST_IDS):
            piece = asked[at : at + MOST_IDS]
            deleted = self._client.deleted(piece)
            gone += [key for key in piece if key in deleted]
        return gone

    def _batch(self, state: State, items: Sequence[Json], gone: Sequence[str] = ()) -> Batch:
        """What of a page is new or changed, and wanted."""
        wanted = [item for item in items if kind_of(item) in ("post", *state.kinds)]
        keys = {id(item): _key(item) for item in wanted}
        known = self.kept.known(set(keys.values()))
        records: list[Record] = []
        failed: list[Failed] = []
        for item in wanted:
            key = keys[id(item)]
            try:
                record = self.record(item)
            except Exception as error:
                # Whatever is odd about one item must not stop the others. One that is kept stays.
                if key not in known:
                    failed.append(Failed(key, item, unmappable(item, error).reason))
                continue
            old = self.kept.get(key) if key in known else None
            if old is None or not same(old, record):
                records.append(record)
        self._last = state.to_json()
        listed = [record["sourceId"] for record in records] + [one.source_id for one in failed]
        total = None
        if len(state.kinds) == len(self.options) and state.accounted is not None:
            total = min(state.accounted, self._config.timeline_posts)
        return Batch(records, self._last, deleted=gone, failed=failed, listed=listed, total=total)

    def _page(self, since: str | None, until: str | None) -> Listed:
        return self._client.posts(size=self._config.post_page_size, since=since, until=until)

    @cached_property
    def _config(self) -> TwitterConfig:
        return cast(TwitterConfig, self.context.provider.config)

    @cached_property
    def _client(self) -> Client:
        quota = self.context.provider.quota(self.service)
        return Client(self.api, self.context.account.id, quota)


def _key(item: Json) -> str:
    """The id of an item's record, even of one that cannot be mapped."""
    return first_id(item) if ident(item) else unmappable(item, KeyError()).source_id


def _ends(page: Listed) -> tuple[str, str]:
    """The lowest and the highest id of a page."""
    found = [number for item in page.items if (number := ident(item)) is not None]
    if not found:
        raise TransientError("X sent posts without ids")
    return str(min(found)), str(max(found))


def _newest(one: str | None, other: str) -> str:
    return other if one is None or int(other) > int(one) else one


def _between(kept: Sequence[int], lowest: str | None, upper: str | None) -> list[str]:
    """Those of the ids from the lowest on and below the upper one; None sets no bound."""
    start = 0 if lowest is None else bisect_left(kept, int(lowest))
    end = len(kept) if upper is None else bisect_left(kept, int(upper))
    return [str(key) for key in kept[start:end]]
