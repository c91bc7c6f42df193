"""Calls to X: which fields are asked for, and what an answer must have.

The official package, `xdk`, is not used for this: it is alpha, raises what `requests` does with the
address in it, reads no problem, and has a session, a token refresh and a paginator of its own in
the place of those that count here. Its models of the answers are what the sandbox is checked by.

Of X's two dialects this is the one of its pages, `tweet.fields`. In the other, `post.fields`, the
posts referred to and the earlier versions are expansions, which are billed like posts. Answers are
read in both.

https://docs.x.com/x-api/posts/timelines/integrate
https://docs.x.com/x-api/users/follows/introduction
https://docs.x.com/x-api/fundamentals/pagination
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sdk.errors import TransientError
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json
from connectors.twitter.errors import last_part
from connectors.twitter.fields import dictionary, number

_URL = "https://api.x.com/2"
#: Ids that one look-up may name.
MOST_IDS = 100
#: After so many pages in a row of which X shows nothing a list is at its end, whatever token it
#: gives: in pages of 100 that is all that X serves of a timeline.
_EMPTY_PAGES = 32
_USER_FIELDS = (
    "created_at,description,id,location,name,profile_image_url,protected,url,username,verified,"
    "verified_type"
)
_POST_FIELDS = (
    "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,id,"
    "in_reply_to_user_id,lang,note_tweet,public_metrics,referenced_tweets,text"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list, newest first.

    Args:
        items: As the API sent them.
        next: Token of the next page; without one it is the last.
    """

    items: Sequence[Json] = ()
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the person's profile says; None where it does not.

    Args:
        following: How many they follow.
        posts: How many posts they have, replies and reposts included.
    """

    following: int | None = None
    posts: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What X says of users that were asked for by their ids.

    Args:
        ended: Those whom the person follows no longer, and those who are gone.
        silent: Those of whom it does not say: they have no `connection_status`.
        told: Whether it says of anybody.
    """

    ended: frozenset[str]
    silent: frozenset[str]
    told: bool


class Client:
    """X's API for one account.

    Args:
        api: Calls X.
        account: The id of the person's account.
        quota: What calls cost.
    """

    def __init__(self, api: Api, account: str, quota: Quota | None) -> None:
        self._api = api
        self._user = f"{_URL}/users/{account}"
        self._quota = quota

    def counts(self) -> Counts:
        """`GET /2/users/me`: the profile's counts."""
        answer = self._get(f"{_URL}/users/me", "me", {"user.fields": "public_metrics"}, "data")
        metrics = dictionary(dictionary(answer["data"]).get("public_metrics"))
        posts = number(metrics.get("tweet_count"))
        return Counts(
            number(metrics.get("following_count")),
            number(metrics.get("post_count")) if posts is None else posts,
        )

    def following(self, *, size: int, token: str | None) -> Listed:
        """`GET /2/users/:id/following`: one page of those whom the person follows."""
        params = {"max_results": size, "user.fields": _USER_FIELDS}
        return self._filled("following", params, token)

    def followed(self, ids: Sequence[str]) -> Followed:
        """`GET /2/users?ids`: whether the person follows these users.

        A user of whom there is nothing but an error is suspended or deleted. One that the answer
        does not mention at all is neither `ended` nor `silent`.
        """
        params = {"ids": ",".join(ids), "user.fields": "connection_status"}
        answer = _looked_up(self._get(f"{_URL}/users", "users", params))
        users = {str(user.get("id")): user.get("connection_status") for user in answer.items}
        said = {key: status for key, status in users.items() if isinstance(status, list)}
        ended = {key for key, status in said.items() if "following" not in status}
        ended |= _ids_in(answer.errors) - users.keys()
        return Followed(
            frozenset(ended.intersection(ids)), frozenset(users.keys() - said.keys()), bool(said)
        )

    def posts(self, *, size: int, since: str | None, until: str | None) -> Listed:
        """`GET /2/users/:id/tweets`: the newest of the person's posts in a range of ids.

        Args:
            size: Posts of a page.
            since: Newer than this id; None for all.
            until: Older than this id; None for all.
        """
        params: dict[str, Any] = {"max_results": size, "tweet.fields": _POST_FIELDS}
        if since is not None:
            params["since_id"] = since
        if until is not None:
            params["until_id"] = until
        return self._filled("tweets", params, None)

    def deleted(self, ids: Sequence[str]) -> set[str]:
        """`GET /2/tweets?ids`: those of the posts that are not there any more.

        One that X does not show for another reason is still there. What is there is billed.
        """
        params = {"ids": ",".join(ids)}
        answer = self._get(f"{_URL}/tweets", "lookup", params)
        errors = _looked_up(answer).errors
        missing = [e for e in errors if last_part(e.get("type")) == "resource-not-found"]
        return _ids_in(missing).intersection(ids)

    def _filled(self, name: str, params: dict[str, Any], token: str | None) -> Listed:
        """A page of a list that holds something, or its last one.

        A page of which X shows nothing may still have one after it: empty ones are passed over.
        A list ends where a token leads to one that was used before, whatever X says.
        """
        asked = {token}
        page = self._page(name, params, token)
        while page.next is not None and page.next not in asked:
            if page.items:
                return page
            if len(asked) > _EMPTY_PAGES:
                break
            asked.add(page.next)
            page = self._page(name, params, page.next)
        return Listed(page.items, None)

    def _page(self, name: str, params: dict[str, Any], token: str | None) -> Listed:
        paging = {} if token is None else {"pagination_token": token}
        answer = self._get(f"{self._user}/{name}", name, {**params, **paging}, "meta")
        following = dictionary(answer["meta"]).get("next_token")
        return Listed(_looked_up(answer).items, following if isinstance(following, str) else None)

    def _get(self, url: str, method: str, params: dict[str, Any], *needs: str) -> Json:
        cost = self._quota.cost(method) if self._quota else 0
        answer: Json = self._api.json(url, params=params, cost=cost, needs=needs)
        return answer


@dataclass(frozen=True, slots=True)
class _Both:
    """What an answer holds, and what it says of what it does not hold."""

    items: Sequence[Json]
    errors: Sequence[Json]


def _looked_up(answer: Any) -> _Both:
    """What a look-up by ids gave.

    Raises:
        TransientError: It is no answer to one.
    """
    if not isinstance(answer, dict) or not answer.keys() & {"data", "errors", "meta"}:
        raise TransientError("X's answer is none to what was asked")
    return _Both(_list_of(answer, "data"), _list_of(answer, "errors"))


def _ids_in(errors: Sequence[Json]) -> set[str]:
    """The ids of what errors are about."""
    return {str(entry.get("resource_id") or entry.get("value")) for entry in errors}


def _list_of(holder: Json, name: str) -> list[Json]:
    return [item for item in _list(holder, name) if isinstance(item, dict)]


def _list(holder: Json, name: str) -> list[Any]:
    found = holder.get(name)
    return found if isinstance(found, list) else []
