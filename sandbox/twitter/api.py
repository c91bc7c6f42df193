"""The X API v2, as far as a person's own posts and follows are in it.

| request | scopes |
| --- | --- |
| `GET /2/users/me` | users.read, tweet.read |
| `GET /2/users/:id/following` | follows.read, users.read, tweet.read |
| `GET /2/users/:id/tweets` | tweet.read, users.read |
| `GET /2/tweets?ids` | tweet.read, users.read |
| `GET /2/users?ids` | users.read, tweet.read |

A parameter that is not named here is refused. Each endpoint has its window of 15 minutes for each
user. Lists are newest first; of posts the newest 3,200 are served, 800 with `exclude=replies`.

https://docs.x.com/x-api/posts/timelines/integrate, https://docs.x.com/x-api/users/follows/introduction
https://docs.x.com/x-api/fundamentals/pagination, https://docs.x.com/x-api/fundamentals/rate-limits
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, jsonify, request
from werkzeug.wrappers import Response

from sandbox import plain_oauth
from sandbox.lazy import Lazy
from sandbox.twitter.refusals import RefusedError, invalid, limits, missing, plain, too_many
from sandbox.twitter.resources import Json, Wanted, post_json, user_json
from sandbox.twitter.store import Post, Store, User, Window
from sandbox.world import World

_QUARTER = 900.0
_REACH, _REACH_WITHOUT_REPLIES = 3200, 800
_FIELDS = {"tweet.fields", "post.fields", "user.fields", "expansions"}
_READS = frozenset({"users.read", "tweet.read"})
_MOST_IDS = 100
#: Digits of an id: https://docs.x.com/fundamentals/x-ids
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One request of the API.

    Args:
        path: Its rule.
        parameters: Those that it takes besides the fields.
        scopes: All are needed.
        most: Requests of one user in 15 minutes.
        run: Given the account's store, the fields and the path's values.
    """

    path: str
    parameters: frozenset[str]
    scopes: frozenset[str]
    most: int
    run: Callable[..., Json]


def blueprint(world: World, prefix: str, stores: Lazy[Store]) -> Blueprint:
    """The routes of the API.

    Args:
        world: The sandbox's state.
        prefix: What all its paths begin with.
        stores: What each account has.
    """
    routes = Blueprint("x", __name__, url_prefix=f"{prefix}/2")

    @routes.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        made = jsonify(error.body)
        made.status_code = error.status
        return made

    @routes.after_request
    def tell_limits(answer: Response) -> Response:
        if (found := g.get("limits")) is not None:
            answer.headers.extend(found)
        return answer

    for endpoint in _ENDPOINTS:
        routes.add_url_rule(
            endpoint.path, endpoint.path, _view(world, stores, endpoint), methods=["GET"]
        )
    return routes


def _view(world: World, stores: Lazy[Store], endpoint: Endpoint) -> Callable[..., Response]:
    def answer(**values: str) -> Response:
        world.stats.request("x")
        grant = plain_oauth.bearer(world)
        if grant is None:
            raise plain(401, "Unauthorized")
        if not grant.scopes >= endpoint.scopes:
            raise plain(403, "Forbidden")
        store = stores[grant.account]
        with store.lock:
            if store.refusal is not None:
                raise store.refusal
            _spend(store, endpoint, world.now())
            for name, value in request.args.items():
                if name not in endpoint.parameters | _FIELDS:
                    known = ",".join(sorted(endpoint.parameters | _FIELDS))
                    raise invalid(
                        name, value, f"The query parameter [{name}] is not one of [{known}]"
                    )
            wanted = Wanted.read(request.args, store.quirks.dropped)
            return jsonify(endpoint.run(store, wanted, **values))

    return answer


def _spend(store: Store, endpoint: Endpoint, now: float) -> None:
    window = store.windows.setdefault(endpoint.path, Window())
    if now >= window.until:
        window.until, window.used = now + _QUARTER, 0
    window.used += 1
    g.limits = limits(endpoint.most, max(0, endpoint.most - window.used), window.until)
    if window.used > endpoint.most:
        raise too_many()


def _me(store: Store, wanted: Wanted) -> Json:
    """https://docs.x.com/x-api/users/lookup/introduction."""
    store.sent["users"] += 1
    following, posts = store.counts()
    name = "post_count" if wanted.dialect == "post" else "tweet_count"
    counts = {
        "followers_count": 3,
        "following_count": following,
        name: posts,
        "listed_count": 0,
    }
    return {"data": user_json(store.owner, wanted, counts=counts)}


def _following(store: Store, wanted: Wanted, ident: str) -> Json:
    """https://docs.x.com/x-api/users/follows/introduction."""
    size = _size(1, 1000, 100)
    if ident != store.owner.id:
        return {"errors": [missing("user", ident, "id")]}
    below, followed = _place(store, "following"), _ids_of(store)
    users = [user for user in store.following if below is None or user.serial < below]
    page = users[:size]
    sent = [
        store.oddities["following"].send(
            user.id, user_json(user, wanted, status=_status(store, user.id, followed))
        )
        for user in page
    ]
    store.sent["users"] += len(page)
    meta: Json = {"result_count": len(page)}
    below = page[-1].serial if len(users) > size else None
    if token := store.next_token("following", below):
        meta["next_token"] = token
    return _listed(sent, meta)


def _posts(store: Store, wanted: Wanted, ident: str) -> Json:
    """https://docs.x.com/x-api/posts/timelines/integrate."""
    size = _size(5, 100, 10)
    since, until = _id("since_id"), _id("until_id")
    if since is not None and until is not None and since >= until:
        raise invalid("since_id", str(since), "'since_id' must be smaller than 'until_id'")
    if ident != store.owner.id:
        return {"errors": [missing("user", ident, "id")]}
    below = _place(store, "posts")
    found = sorted(store.posts, key=lambda post: -post.id)
    leaving_out = [name for name in request.args.get("exclude", "").split(",") if name]
    if unknown := set(leaving_out) - {"replies", "retweets"}:
        raise invalid("exclude", min(unknown), "The value is not one of [replies,retweets]")
    found = found[: _REACH_WITHOUT_REPLIES if "replies" in leaving_out else _REACH]
    kinds = {"replies": "reply", "retweets": "repost"}
    excluded = {kinds[name] for name in leaving_out}
    found = [
        post
        for post in found
        if post.kind not in excluded
        and (since is None or post.id > since)
        and (until is None or post.id < until)
        and (below is None or post.id < below)
    ]
    page = found[:size]
    sent = [
        store.oddities["posts"].send(post.first, post_json(post, store.owner, wanted))
        for post in page
    ]
    store.sent["posts"] += len(page)
    meta: Json = {"result_count": len(page)}
    if page:
        meta |= {"newest_id": str(page[0].id), "oldest_id": str(page[-1].id)}
    below = page[-1].id if len(found) > size else None
    if token := store.next_token("posts", below):
        meta["next_token"] = token
    return _listed(sent, meta)


def _posts_by_id(store: Store, wanted: Wanted) -> Json:
    """https://docs.x.com/x-api/posts/lookup/introduction."""
    there: dict[str, Post] = {
        str(version): post for post in store.posts for version in post.versions
    }
    wanted_ids = _ids()
    found = [
        post_json(there[key], store.owner, wanted, int(key)) for key in wanted_ids if key in there
    ]
    store.sent["posts"] += len(found)
    kind = "tweet" if wanted.dialect == "tweet" else "post"
    return _looked_up(found, [missing(kind, key, "ids") for key in wanted_ids if key not in there])


def _users_by_id(store: Store, wanted: Wanted) -> Json:
    """https://docs.x.com/x-api/users/lookup/introduction."""
    there: dict[str, User] = store.people
    wanted_ids, followed = _ids(), _ids_of(store)
    found = [
        user_json(there[key], wanted, status=_status(store, key, followed))
        for key in wanted_ids
        if key in there
    ]
    store.sent["users"] += len(found)
    return _looked_up(
        found, [missing("user", key, "ids") for key in wanted_ids if key not in there]
    )


def _ids_of(store: Store) -> set[str]:
    return {user.id for user in store.following}


def _status(store: Store, user: str, followed: Collection[str]) -> list[str] | None:
    """A user's `connection_status`; None where it is left out."""
    if user in followed:
        return ["following"]
    return [] if store.quirks.empty_status else None


def _listed(items: Sequence[Json], meta: Json) -> Json:
    """A page of a list; an empty one has no `data`."""
    return {"data": list(items), "meta": meta} if items else {"meta": meta}


def _looked_up(found: Sequence[Json], errors: Sequence[Json]) -> Json:
    answer: dict[str, Any] = {"data": list(found)} if found else {}
    return answer | ({"errors": list(errors)} if errors else {})


def _size(least: int, most: int, default: int) -> int:
    value = request.args.get("max_results", str(default))
    if not value.isdecimal() or not least <= int(value) <= most:
        message = (
            f"The `max_results` query parameter value [{value}] is not between {least} and {most}"
        )
        raise invalid("max_results", value, message)
    return int(value)


def _id(name: str) -> int | None:
    value = request.args.get(name)
    if value is None:
        return None
    if not value.isdecimal() or len(value) > _MOST_DIGITS:
        message = f"The `{name}` query parameter value [{value}] does not match ^[0-9]{{1,19}}$"
        raise invalid(name, value, message)
    return int(value)


def _ids() -> list[str]:
    value = request.args.get("ids", "")
    found = list(dict.fromkeys(value.split(",")))
    if not all(key.isdecimal() and len(key) <= _MOST_DIGITS for key in found):
        raise invalid("ids", value, "The `ids` query parameter value is not valid")
    if len(found) > _MOST_IDS:
        raise invalid("ids", value, "The number of values in the `ids` query parameter list "
                      f"[{len(found)}] is not between 1 and {_MOST_IDS}")  # fmt: skip
    return found


def _place(store: Store, kind: str) -> int | None:
    token = request.args.get("pagination_token")
    if token is None:
        return None
    place = store.place(kind, token)
    if place is None:
        message = f"The `pagination_token` query parameter value [{token}] is not a valid token."
        raise invalid("pagination_token", token, message)
    return place


_PAGING = frozenset({"max_results", "pagination_token"})
_ENDPOINTS = (
    Endpoint("/users/me", frozenset(), _READS, 75, _me),
    Endpoint("/users/<ident>/following", _PAGING, _READS | {"follows.read"}, 300, _following),
    Endpoint(
        "/users/<ident>/tweets", _PAGING | {"since_id", "until_id", "exclude"}, _READS, 900, _posts
    ),
    Endpoint("/tweets", frozenset({"ids"}), _READS, 5000, _posts_by_id),
    Endpoint("/users", frozenset({"ids"}), _READS, 900, _users_by_id),
)
