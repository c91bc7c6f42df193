"""What the sandbox sends has the names and types that Meta's own SDK lists.

Meta publishes no schema of the Graph API's answers. Its SDK `facebook-business` 26.0.3 is generated
from one and lists each object's fields with their types; the lines of the fields that are played
were taken over by hand on 2026-11-24. Those that the documentation alone has are marked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.facebook.fields import KNOWN

if TYPE_CHECKING:
    from conftest import Party

PAGE = {
    "id": "string", "name": "string", "about": "string", "category": "string",
    "category_list": "list", "link": "string", "username": "string", "website": "string",
    "verification_status": "string", "is_verified": "bool", "fan_count": "unsigned int",
    "followers_count": "unsigned int",
    # Of the documentation: added by the list of likes; an edge.
    "created_time": "datetime", "picture": "Object",
}  # fmt: skip
POST = {
    "id": "string", "created_time": "datetime", "updated_time": "datetime", "message": "string",
    "story": "string", "permalink_url": "string", "full_picture": "string",
    "status_type": "string", "privacy": "Object", "is_hidden": "bool", "is_published": "bool",
    "is_expired": "bool", "shares": "Object",
    # Of the documentation: an edge.
    "attachments": "Object",
}  # fmt: skip
PERMISSION = {"permission": "string", "status": "string"}
STATUS_TYPES = {
    "added_photos", "added_video", "app_created_story", "approved_friend", "created_event",
    "created_group", "created_note", "mobile_status_update", "published_story", "shared_story",
    "tagged_in_photo", "wall_post",
}  # fmt: skip
KINDS: dict[str, type] = {
    "string": str, "bool": bool, "unsigned int": int, "list": list, "Object": dict, "datetime": str
}  # fmt: skip


def fits(item: dict[str, Any], described: dict[str, str]) -> None:
    assert set(item) <= set(described)
    for name, value in item.items():
        assert type(value) is KINDS[described[name]], name
        if described[name] == "datetime":
            datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z")


def test_pages_are_as_described(party: Party) -> None:
    pages = party.get("me/likes", fields=",".join(PAGE), limit=100)["data"]
    assert {name for page in pages for name in page} == set(PAGE)
    for page in pages:
        fits(page, PAGE)


def test_posts_are_as_described(party: Party) -> None:
    for _ in range(20):
        party.timeline.add("posts")
    posts = party.get("me/posts", fields=",".join(POST), limit=100)["data"]
    assert {name for post in posts for name in post} == set(POST)
    for post in posts:
        fits(post, POST)
        assert post["status_type"] in STATUS_TYPES
        assert post["id"].split("_")[0] == party.side.account_id(party.account)


def test_permissions_are_as_described(party: Party) -> None:
    for permission in party.get("me/permissions")["data"]:
        fits(permission, PERMISSION)
        assert permission["status"] in {"granted", "declined", "expired"}


def test_no_field_is_played_that_is_not_known() -> None:
    assert set(PAGE) <= KNOWN["Page"]
    assert set(POST) <= KNOWN["Post"]
