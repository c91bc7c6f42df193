"""YouTube's resources: what is behind them, and the JSON that the API makes of it.

https://developers.google.com/youtube/v3/docs

The documentation does not tell of the placeholders that a playlist keeps for videos that are gone
or may not be seen; these are as they are commonly met.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Json = dict[str, Any]
Placeholder = Literal["Deleted video", "Private video"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SIZES = (("default", 120, 90), ("medium", 320, 180), ("high", 480, 360))
_SUBJECTS = (
    "Sourdough at home", "Radfahren an der Elbe", "Les oiseaux du jardin", "Cocina de mercado",
    "Пешком по горам", "手作りの木工", "수채화 기초", "शास्त्रीय संगीत", "موسيقى العود", "Ocean swimming",
    "Pottery for beginners", "Schach für alle", "Astronomie du soir", "Cine mudo", "Игра на гитаре",
    "盆栽の手入れ", "Bread & butter: 100 loaves", "Fjellturer", "Piccole invenzioni", "Zwierzęta leśne",
)  # fmt: skip
_WORDS = (
    "A quiet walk through", "All about", "Questions on", "Part two of", "Mistakes in", "Why we love",
)  # fmt: skip


@dataclass(slots=True)
class Subscription:
    """A channel that the person follows; `since` in Unix seconds."""

    id: str
    channel: str
    title: str
    description: str
    since: float
    uploads: int


@dataclass(slots=True)
class Video:
    """A video; `published` in Unix seconds. `gone` is the title of what stands in its place."""

    id: str
    title: str
    description: str
    channel: str
    channel_title: str
    published: float
    seconds: int
    privacy: str = "public"
    gone: Placeholder | None = None


def text_id(rng: random.Random, length: int, prefix: str = "") -> str:
    """An id of so many letters, as YouTube's look."""
    return prefix + "".join(rng.choice(_LETTERS) for _ in range(length - len(prefix)))


def new_subscription(rng: random.Random, since: float) -> Subscription:
    """A synthetic subscription."""
    title = f"{rng.choice(_SUBJECTS)} {rng.randint(1, 999)}"
    return Subscription(
        text_id(rng, 43),
        text_id(rng, 24, "UC"),
        title,
        f"{rng.choice(_WORDS)} {title}. 🎬" if rng.random() < 0.8 else "",
        since,
        rng.randint(0, 900),
    )


def new_video(
    rng: random.Random, published: float, channel: tuple[str, str] | None = None
) -> Video:
    """A synthetic video, of a channel (id, title) or of any."""
    subject = rng.choice(_SUBJECTS)
    owner, owner_title = channel or (text_id(rng, 24, "UC"), subject)
    return Video(
        text_id(rng, 11),
        f"{rng.choice(_WORDS)} {subject} #{rng.randint(1, 9999)}",
        f"{subject}, filmed by {owner_title}.\n\nChapters:\n0:00 Start" * (rng.random() < 0.9),
        owner,
        owner_title,
        published,
        rng.randint(20, 7200),
    )


def subscription_json(item: Subscription, subscriber: str) -> Json:
    """A `subscription` resource with all that is played of it."""
    return _tagged(
        "youtube#subscription",
        item.id,
        snippet={
            "publishedAt": stamp(item.since),
            "title": item.title,
            "description": item.description,
            "resourceId": {"kind": "youtube#channel", "channelId": item.channel},
            "channelId": subscriber,
            "thumbnails": _thumbnails(f"https://yt3.ggpht.com/{item.channel}=s"),
        },
        contentDetails={
            "totalItemCount": item.uploads,
            "newItemCount": item.uploads % 7,
            "activityType": "all",
        },
    )


def video_json(video: Video) -> Json:
    """A `video` resource with all that is played of it."""
    minutes, seconds = divmod(video.seconds, 60)
    return _tagged(
        "youtube#video",
        video.id,
        snippet={
            "publishedAt": stamp(video.published),
            "channelId": video.channel,
            "title": video.title,
            "description": video.description,
            "thumbnails": _thumbnails(f"https://i.ytimg.com/vi/{video.id}/"),
            "channelTitle": video.channel_title,
            "categoryId": "27",
            "liveBroadcastContent": "none",
            "localized": {"title": video.title, "description": video.description},
        },
        contentDetails={
            "duration": f"PT{minutes}M{seconds}S",
            "dimension": "2d",
            "definition": "hd",
            "caption": "false",
            "licensedContent": False,
            "contentRating": {},
            "projection": "rectangular",
        },
    )


def upload_json(video: Video, playlist: str, position: int) -> Json:
    """A `playlistItem` resource of a playlist of uploads."""
    details: Json = {"videoId": video.id}
    snippet: Json = {
        "publishedAt": stamp(video.published),
        "channelId": video.channel,
        "title": video.gone or video.title,
        "description": video.description,
        "thumbnails": {},
        "channelTitle": video.channel_title,
        "playlistId": playlist,
        "position": position,
        "resourceId": {"kind": "youtube#video", "videoId": video.id},
    }
    status = {"privacyStatus": video.privacy}
    if video.gone:
        private = video.gone == "Private video"
        snippet["description"] = f"This video is {'private' if private else 'unavailable'}."
        status = {"privacyStatus": "private"} if private else {}
    else:
        snippet["thumbnails"] = _thumbnails(f"https://i.ytimg.com/vi/{video.id}/")
        snippet["videoOwnerChannelTitle"] = video.channel_title
        snippet["videoOwnerChannelId"] = video.channel
        # A video that was never public has no such date.
        if video.privacy != "private":
            details["videoPublishedAt"] = stamp(video.published)
    ident = base64.urlsafe_b64encode(f"{playlist}.{video.id}".encode()).decode().rstrip("=")
    return _tagged(
        "youtube#playlistItem", ident, snippet=snippet, contentDetails=details, status=status
    )


def channel_json(channel: str, uploads: str) -> Json:
    """A `channel` resource."""
    playlists = {"likes": "LL", "uploads": uploads}
    return _tagged("youtube#channel", channel, contentDetails={"relatedPlaylists": playlists})


def etag(content: object) -> str:
    """An etag that changes with the content."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")


def stamp(seconds: float) -> str:
    """A time as the API writes it: https://developers.google.com/youtube/v3/docs/videos."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _thumbnails(base: str) -> Json:
    return {
        name: {"url": f"{base}{name}.jpg", "width": width, "height": height}
        for name, width, height in _SIZES
    }


def _tagged(kind: str, ident: str, **parts: Json) -> Json:
    return {"kind": kind, "etag": etag([ident, parts]), "id": ident, **parts}
