"""Pages and posts: what is behind them, and the JSON that the Graph API makes of it.

https://developers.facebook.com/docs/graph-api/reference/page
https://developers.facebook.com/docs/graph-api/reference/post
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_PLACES = (
    "Harbour", "Bäckerei", "Café", "Librería", "Кинотеатр", "湯屋", "Museum", "Orchestra", "Velo",
    "Garden", "Theatre", "Radio", "Kino", "Verlag", "Atelier", "Choir",
)  # fmt: skip
_NAMES = (
    "North", "am Markt", "du Coin", "de la Plaza", "на углу", "まつ", "of the Moon", "& Daughters",
    "Central", "84", "Blue Door", "St. Anne",
)  # fmt: skip
_CATEGORIES = ("Local business", "Musician/band", "Museum", "Bakery", "Magazine", "Community")
_THOUGHTS = (
    "What a morning on the water", "Endlich Frühling", "Il pleut encore", "Fui al mercado temprano",
    "Сегодня без спешки", "新しい本を読み始めました", "Moved the piano, alone", "Bread again 🍞",
    "Long walk, no phone", "Three seasons in one day", "New shoes, old road", "Concert tonight?",
)  # fmt: skip
_KINDS = ("status", "status", "photo", "link", "album", "video", "story")
_STATUS_TYPES = {
    "status": "mobile_status_update",
    "photo": "added_photos",
    "album": "added_photos",
    "video": "added_video",
    "link": "shared_story",
    "story": "created_event",
}


@dataclass(slots=True)
class LikedPage:
    """A Page that the person likes; `created` is when, in Unix seconds."""

    id: str
    name: str
    about: str
    category: str
    created: int
    hidden: bool = False


@dataclass(slots=True)
class Post:
    """A post; times in Unix seconds."""

    id: str
    kind: str
    message: str
    created: int
    updated: int
    hidden: bool = False
    tags: list[str] = field(default_factory=list)


#: What a list holds.
Item = LikedPage | Post


def new_page(rng: random.Random, created: int) -> LikedPage:
    """A synthetic Page."""
    name = f"{rng.choice(_PLACES)} {rng.choice(_NAMES)} {rng.randint(100, 9999)}"
    about = f"{name}: open when the lights are on." if rng.random() < 0.8 else ""
    ident = str(rng.randint(10**14, 10**15 - 1))
    return LikedPage(ident, name, about, rng.choice(_CATEGORIES), created)


def new_post(rng: random.Random, owner: str, created: int) -> Post:
    """A synthetic post of a person."""
    kind = rng.choice(_KINDS)
    thought = f"{rng.choice(_THOUGHTS)} ({rng.randint(10_000, 99_999)})"
    message = "" if kind == "story" else f"{thought}\n\nMore of it below."
    return Post(f"{owner}_{rng.randint(10**14, 10**15 - 1)}", kind, message, created, created)


def item_json(item: Item) -> Json:
    """An item with all that is played of it."""
    return page_json(item) if isinstance(item, LikedPage) else post_json(item)


def page_json(page: LikedPage) -> Json:
    """A `Page` with all that is played of it, and when it was liked."""
    whole = {
        "id": page.id,
        "name": page.name,
        "created_time": stamp(page.created),
        "about": page.about,
        "category": page.category,
        "category_list": [{"id": str(1000 + len(page.category)), "name": page.category}],
        "link": f"https://www.facebook.com/{page.id}",
        "username": f"page{page.id[-6:]}",
        "website": f"https://page{page.id[-6:]}.example.org/",
        "verification_status": "not_verified",
        "is_verified": False,
        "fan_count": int(page.id[-4:]),
        "followers_count": int(page.id[-4:]) + 7,
        "picture": {"data": _picture(page.id)},
    }
    return {key: value for key, value in whole.items() if value != ""}


def post_json(post: Post) -> Json:
    """A `Post` with all that is played of it."""
    whole = {
        "id": post.id,
        "created_time": stamp(post.created),
        "updated_time": stamp(post.updated),
        "message": post.message,
        "permalink_url": "https://www.facebook.com/{}/posts/{}".format(*post.id.split("_")),
        "status_type": _STATUS_TYPES[post.kind],
        "privacy": {
            "allow": "",
            "deny": "",
            "description": "Your friends",
            "friends": "",
            "value": "ALL_FRIENDS",
        },
        "is_hidden": False,
        "is_published": True,
        "is_expired": False,
        "shares": {"count": int(post.id[-1])} if post.id[-1] != "0" else "",
        "story": "went to a concert." if post.kind == "story" else "",
        "attachments": {"data": [_attachment(post)]} if post.kind not in _BARE else "",
        "full_picture": _picture(post.id)["url"] if post.kind in ("photo", "album") else "",
    }
    return {key: value for key, value in whole.items() if value != ""}


_BARE = {"status", "story"}


def _attachment(post: Post) -> Json:
    """A `StoryAttachment`: https://developers.facebook.com/docs/graph-api/reference/story-attachment."""
    number = post.id.rpartition("_")[2]
    made: Json = {
        "type": {"photo": "photo", "album": "album", "video": "video_inline"}.get(
            post.kind, "share"
        ),
        "media_type": post.kind,
        "title": f"Attached {number[-5:]}",
        "description": "Something worth a look.",
        "url": f"https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2F{number}&h=AT0",
        "unshimmed_url": f"https://example.org/{number}",
        "target": {"id": number, "url": f"https://www.facebook.com/photo/?fbid={number}"},
        "media": {"image": {"src": _picture(number)["url"], "width": 720, "height": 480}},
    }
    if post.kind == "album":
        parts = [{**made, "media_type": "photo", "type": "photo"} for _ in range(2)]
        made["subattachments"] = {"data": parts}
    return made


def _picture(ident: str) -> Json:
    """A picture's address; real ones are signed and end."""
    url = f"https://scontent.example.net/v/t39/{ident}_n.jpg?oh=00_AfA&oe=67A0C0DE"
    return {"height": 50, "width": 50, "is_silhouette": False, "url": url}


def stamp(seconds: int) -> str:
    """A time as the Graph API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
