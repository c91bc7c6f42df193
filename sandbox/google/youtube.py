"""The YouTube Data API: the lists that a person's own data is in.

Played are the parameters named here; any other is refused. The documentation gives no form for a
page token and says nothing of the order of liked videos nor of what happens to a list that
changes while it is paged: here a token names a place, counted from the head, the video liked last
comes first, and `relevance` is an order of no meaning.

https://developers.google.com/youtube/v3/docs
https://developers.google.com/youtube/v3/docs/errors
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint

from sandbox.google.accounts import Account
from sandbox.google.call import Answer, Call
from sandbox.google.errors import GoogleError, daily_quota_exceeded
from sandbox.google.service import Endpoint, answer_json, blueprint
from sandbox.google.youtube_holding import LikeHolding, SubscriptionHolding, UploadHolding, by_title
from sandbox.google.youtube_items import (
    Json,
    Subscription,
    channel_json,
    etag,
    subscription_json,
    upload_json,
    video_json,
)
from sandbox.google.youtube_store import Kind, Project, Studio
from sandbox.holding import Holding
from sandbox.lazy import Lazy
from sandbox.world import World

_HOST = "youtube.googleapis.com"
_ROOT = "/youtube/v3"
_AUTH = "https://www.googleapis.com/auth/"
_SCOPES = tuple(
    f"{_AUTH}{name}"
    for name in ("youtube.readonly", "youtube", "youtube.force-ssl", "youtubepartner")
)
_ALWAYS = {"part", "alt", "access_token", "prettyPrint"}
_PAGING = {"maxResults", "pageToken"}
#: Ids that one request may name; the documentation gives no number.
_MOST_IDS = 50
_ORDERS: dict[str, Callable[[list[Subscription]], list[Subscription]]] = {
    "alphabetical": by_title,
    "unread": lambda items: sorted(items, key=lambda item: -(item.uploads % 7)),
    "relevance": lambda items: sorted(
        items, key=lambda item: hashlib.sha256(item.id.encode()).digest()
    ),
}


class YouTube:
    """All accounts' YouTube.

    Args:
        world: The sandbox's state.
    """

    def __init__(self, world: World) -> None:
        self.project = Project()
        self.studios = Lazy(len(world.accounts), self._studio)
        self._world = world

    def _studio(self, account: int) -> Studio:
        world = self._world
        options, name = world.options, world.account(account).person.name
        return Studio(
            options.seed,
            account,
            name,
            options.items,
            world.newest,
            remember=options.remember_sent,
        )

    def holdings(self, account: int) -> dict[str, Holding]:
        """What an account holds, by the handler's id."""
        studio = self.studios[account]
        return {
            "youtube-following": SubscriptionHolding(studio),
            "youtube-favourite": LikeHolding(studio),
            "youtube-post": UploadHolding(studio),
        }

    def blueprint(self) -> Blueprint:
        """The routes."""
        methods = {
            "subscriptions.list": ("subscriptions", _subscriptions),
            "videos.list": ("videos", _videos),
            "videos.getRating": ("videos/getRating", _ratings),
            "channels.list": ("channels", _channels),
            "playlistItems.list": ("playlistItems", _playlist_items),
        }
        endpoints = [
            Endpoint(f"youtube.{name}", f"{_ROOT}/{path}", _SCOPES, self._charged(run))
            for name, (path, run) in methods.items()
        ]
        return blueprint(self._world, "youtube", _ROOT, _HOST, endpoints)

    def _charged(self, run: Callable[[Call, Studio], Json]) -> Callable[[Call, Account], Answer]:
        def answer(call: Call, account: Account) -> Answer:
            if not self.project.spend():
                raise daily_quota_exceeded()
            studio = self.studios[account.index]
            with studio.lock:
                return answer_json(run(call, studio))

        return answer


def _subscriptions(call: Call, studio: Studio) -> Json:
    """`subscriptions.list`: https://developers.google.com/youtube/v3/docs/subscriptions/list."""
    parts = _parts(call, {"id", "snippet", "contentDetails"})
    _only(call, {"mine", "id", "forChannelId", "order", *_PAGING})
    by_id = _filter(call, "mine", "id") == "id"
    order = call.one("order") or "relevance"
    if order not in _ORDERS:
        raise _bad("invalidParameter", f"Invalid value '{order}'.", "order")
    items = _ORDERS[order](studio.subscriptions)
    if by_id:
        wanted = _ids(call, "id")
        items = [item for item in items if item.id in wanted]
    if call.one("forChannelId"):
        channels = _ids(call, "forChannelId")
        items = [item for item in items if item.channel in channels]
    shown = [subscription_json(item, studio.channel) for item in items]
    return _page(call, studio, "subscriptions", "youtube#subscription", shown, parts)


def _videos(call: Call, studio: Studio) -> Json:
    """`videos.list`: https://developers.google.com/youtube/v3/docs/videos/list."""
    parts = _parts(call, {"id", "snippet", "contentDetails"})
    _only(call, {"myRating", "id", *_PAGING})
    if _filter(call, "myRating", "id") == "myRating":
        if call.one("myRating") != "like":
            raise _bad("invalidParameter", "The sandbox plays likes alone.", "myRating")
        shown = [video_json(video) for video in studio.likes]
        return _page(call, studio, "likes", "youtube#video", shown, parts, least=1)
    if _PAGING & set(call.query):
        raise _bad("incompatibleParameters", "Paging does not go with ids.", "id")
    there = {video.id: video for video in studio.uploads if not video.gone} | studio.catalogue
    found = [video_json(there[key]) for key in _ids(call, "id") if key in there]
    return _listed("youtube#video", [_shown(item, parts) for item in found], len(found))


def _ratings(call: Call, studio: Studio) -> Json:
    """`videos.getRating`: https://developers.google.com/youtube/v3/docs/videos/getRating."""
    _only(call, {"id"} | _ALWAYS - {"part"})
    if not call.one("id"):
        raise _bad("missingRequiredParameter", "No filter selected. Expected one of: id", "id")
    liked = {video.id for video in studio.likes}
    items = [
        {"videoId": key, "rating": "like" if key in liked else "none"} for key in _ids(call, "id")
    ]
    return {"kind": "youtube#videoGetRatingResponse", "etag": etag(items), "items": items}


def _channels(call: Call, studio: Studio) -> Json:
    """`channels.list`: https://developers.google.com/youtube/v3/docs/channels/list."""
    parts = _parts(call, {"id", "contentDetails"})
    _only(call, {"mine", "maxResults"})
    _filter(call, "mine")
    _size(call, 0)
    if not studio.has_channel:
        # Nothing at all in place of the list, as such an account is commonly answered.
        answer = _listed("youtube#channel", [], 0)
        del answer["items"]
        return answer
    own = _shown(channel_json(studio.channel, studio.playlist), parts)
    return _listed("youtube#channel", [own], 1)


def _playlist_items(call: Call, studio: Studio) -> Json:
    """`playlistItems.list`: https://developers.google.com/youtube/v3/docs/playlistItems/list."""
    parts = _parts(call, {"id", "snippet", "contentDetails", "status"})
    _only(call, {"playlistId", "videoId", *_PAGING})
    _filter(call, "playlistId")
    if call.one("playlistId") != studio.playlist or not studio.has_playlist:
        raise GoogleError(
            404,
            "The playlist identified with the request's <code>playlistId</code> parameter cannot "
            "be found.",
            "playlistNotFound",
            domain="youtube.playlistItem",
            extra={"location": "playlistId", "locationType": "parameter"},
        )
    shown = [
        upload_json(video, studio.playlist, position)
        for position, video in enumerate(studio.uploads)
    ]
    if video_id := call.one("videoId"):
        shown = [item for item in shown if item["contentDetails"]["videoId"] == video_id]
    return _page(call, studio, "uploads", "youtube#playlistItem", shown, parts)


def _page(
    call: Call,
    studio: Studio,
    kind: Kind,
    resource: str,
    items: Sequence[Json],
    parts: set[str],
    *,
    least: int = 0,
) -> Json:
    """One page of a list, with its tokens."""
    size, token = _size(call, least), call.one("pageToken")
    offset = studio.offset(kind, token) if token else 0
    if offset is None:
        message = "The request specifies an invalid page token."
        raise _bad("invalidPageToken", message, "pageToken")
    page: list[Json] = []
    for item in items[offset : offset + size]:
        # What a look-up by id shows is not the whole item.
        if "snippet" in parts:
            ident = item["contentDetails"]["videoId"] if kind == "uploads" else item["id"]
            page.append(studio.oddities[kind].send(ident, _shown(item, parts)))
        else:
            page.append(_shown(item, parts))
    if "snippet" in parts:
        studio.sizes[kind] = size or 1
    answer = _listed(resource, page, len(items), size)
    if offset + size < len(items):
        answer["nextPageToken"] = studio.token(kind, offset + size)
    if offset:
        answer["prevPageToken"] = studio.token(kind, max(0, offset - size))
    return answer


def _listed(resource: str, items: Sequence[Json], total: int, size: int | None = None) -> Json:
    info = {"totalResults": total, "resultsPerPage": len(items) if size is None else size}
    kind = f"{resource}ListResponse"
    return {"kind": kind, "etag": etag([items, info]), "items": list(items), "pageInfo": info}


def _shown(item: Json, parts: set[str]) -> Json:
    always = {"kind", "etag", "id"}
    return {name: value for name, value in item.items() if name in parts | always}


def _parts(call: Call, played: set[str]) -> set[str]:
    asked = set(_split(call, "part"))
    if not asked:
        raise _bad("missingRequiredParameter", "Required parameter: part", "part")
    if unknown := sorted(asked - played):
        raise _bad("unknownPart", f"'{unknown[0]}'", "part")
    return asked


def _only(call: Call, played: set[str]) -> None:
    if unknown := sorted(set(call.query) - played - _ALWAYS):
        raise _bad("unexpectedParameter", f"Unexpected parameter: {unknown[0]}", unknown[0])


def _filter(call: Call, *names: str) -> str:
    """The one filter that the call has."""
    given = [name for name in names if call.one(name) not in (None, "false")]
    if not given:
        message = f"No filter selected. Expected one of: {', '.join(names)}"
        raise _bad("missingRequiredParameter", message, "parameters.")
    if len(given) > 1:
        message = f"Incompatible parameters specified in the request: {', '.join(given)}"
        raise _bad("incompatibleParameters", message, "parameters.")
    return given[0]


def _size(call: Call, least: int) -> int:
    value: Any = call.one("maxResults")
    if value is None:
        return 5
    if not value.isdigit() or not least <= int(value) <= 50:
        message = f"Invalid value '{value}'. Values must be within the range: [{least}, 50]"
        raise _bad("invalidParameter", message, "maxResults")
    return int(value)


def _ids(call: Call, name: str) -> list[str]:
    found = list(dict.fromkeys(_split(call, name)))
    if len(found) > _MOST_IDS:
        raise _bad("invalidFilters", "The request specifies an invalid filter parameter.", name)
    return found


def _split(call: Call, name: str) -> list[str]:
    return [piece for value in call.all(name) for piece in value.split(",") if piece]


def _bad(reason: str, message: str, location: str) -> GoogleError:
    where = {"location": location, "locationType": "parameter"}
    return GoogleError(400, message, reason, domain="youtube.parameter", extra=where)
