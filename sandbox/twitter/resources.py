"""Posts and users as the API sends them, in both of its dialects.

`tweet.fields` is what X's pages show; `post.fields` what its OpenAPI description and its SDK have:
`note_post` for `note_tweet`, and so on. A request's dialect decides the names in its answer. In the
newer one ids of authors, of posts referred to and of earlier versions are expansions. A field that
is not known is left out without a word, as it is reported to be.

https://docs.x.com/x-api/fundamentals/data-dictionary
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from werkzeug.datastructures import MultiDict

from sandbox.twitter.store import EPOCH, Post, User

Json = dict[str, Any]

#: What the newer dialect calls what the older one has.
_NEWER = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
}
#: Fields of the older dialect that the newer one has as expansions.
_EXPANSIONS = {
    "author_id": "author_id",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "referenced_posts": "referenced_tweets",
    "edit_history_post_ids": "edit_history_tweet_ids",
}
_REFERENCES = {"reply": "replied_to", "quote": "quoted", "repost": "retweeted"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which fields a request asks for.

    Args:
        dialect: `tweet` or `post`.
        post: Fields of posts, by their names in the older dialect.
        user: Fields of users.
    """

    dialect: Literal["tweet", "post"]
    post: frozenset[str]
    user: frozenset[str]

    @classmethod
    def read(cls, args: MultiDict[str, str], dropped: Set[str] = frozenset()) -> Self:
        """From a request's parameters.

        Args:
            args: The parameters.
            dropped: Fields that are left out though they are asked for, by the older dialect's names.
        """
        user = {"id", "name", "username", *_split(args.get("user.fields", ""))} - dropped
        if "post.fields" not in args:
            fields = {"id", "text", "edit_history_tweet_ids", *_split(args.get("tweet.fields", ""))}
            return cls("tweet", frozenset(fields - dropped), frozenset(user))
        older = {newer: name for name, newer in _NEWER.items()}
        asked = set(_split(args["post.fields"])) - set(_EXPANSIONS) - set(_NEWER)
        fields = {"id", "text", *(older.get(name, name) for name in asked)}
        fields |= {_EXPANSIONS[name] for name in _split(args.get("expansions", ""))}
        return cls("post", frozenset(fields - dropped), frozenset(user))


def post_json(post: Post, owner: User, wanted: Wanted, ident: int | None = None) -> Json:
    """A post.

    Args:
        post: The post.
        owner: Who posted it.
        wanted: Which fields.
        ident: The version that is asked for; default: the newest.
    """
    shown = ident or post.id
    everything: Json = {
        "id": str(shown),
        "text": post.text,
        "edit_history_tweet_ids": [str(version) for version in post.versions],
        "author_id": owner.id,
        "conversation_id": str(post.about if post.kind == "reply" else post.versions[0]),
        "created_at": stamp(((shown >> 22) + EPOCH) / 1000),
        "lang": "en",
        "possibly_sensitive": False,
        "public_metrics": metrics(post, wanted),
    }
    if post.about is not None:
        reference = {"type": _REFERENCES[post.kind], "id": str(post.about)}
        everything["referenced_tweets"] = [reference]
    if post.kind == "reply":
        everything["in_reply_to_user_id"] = "2244994945"
    if post.note is not None:
        everything["note_tweet"] = {"text": post.note}
    if post.link is not None:
        everything["entities"] = {"urls": [_url(post)]}
    found = {name: value for name, value in everything.items() if name in wanted.post}
    if wanted.dialect == "tweet":
        return found
    return {_NEWER.get(name, name): value for name, value in found.items()}


def metrics(post: Post, wanted: Wanted) -> Json:
    """How often a post was liked, and so on."""
    seed = post.versions[0] >> 24
    return {
        "retweet_count" if wanted.dialect == "tweet" else "repost_count": seed % 5,
        "reply_count": seed % 3,
        "like_count": seed % 40,
        "quote_count": 0,
        "bookmark_count": 0,
        "impression_count": seed % 900,
    }


def user_json(
    user: User, wanted: Wanted, *, counts: Json | None = None, status: list[str] | None = None
) -> Json:
    """A user.

    Args:
        user: The user.
        wanted: Which fields.
        counts: Their `public_metrics`.
        status: Their `connection_status` with the person who asks; None to leave it out.
    """
    everything: Json = {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "created_at": stamp(user.created),
        "description": user.description,
        "protected": False,
        "verified": False,
        "profile_image_url": f"https://pbs.twimg.com/profile_images/{user.id}/x_normal.jpg",
    }
    if counts is not None:
        everything["public_metrics"] = counts
    if status is not None:
        everything["connection_status"] = status
    return {name: value for name, value in everything.items() if name in wanted.user}


def stamp(seconds: float) -> str:
    """A time as the API writes it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _url(post: Post) -> Json:
    start = post.text.index("https://t.co/")
    end = len(post.text)
    address = post.text[start:end].rstrip("…").split(" ")[0]
    return {
        "start": start,
        "end": start + len(address),
        "url": address,
        "expanded_url": post.link,
        "display_url": str(post.link).removeprefix("https://"),
    }


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
