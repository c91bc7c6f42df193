"""Posts: what the person has published on their own timeline.

The list's order is not documented, and it tells of no change, so it is read whole each time: a
request for 100 posts. The fields `caption`, `description`, `link`, `name`, `object_id`, `source`
and `type` are gone since v3.3 and make a request fail with code 12; what they told stands in
`attachments`. Addresses of pictures are not asked for: they are signed, differ in each answer, and
end within weeks.

Read on 2026-11-24:
https://developers.facebook.com/docs/graph-api/reference/user/feed
https://developers.facebook.com/docs/graph-api/reference/post
"""

from __future__ import annotations

from typing import Any

from connectors.facebook.fields import moment, text
from connectors.facebook.listed import EdgeHandler
from connectors.sdk.records import Json, Record
from connectors.sdk.schemas.post import Post

_ATTACHED = "type,media_type,title,description,unshimmed_url,target{id}"
_PLAIN = "id,created_time,updated_time,message,story,permalink_url,status_type"
_FULL = (
    f"{_PLAIN},backdated_time,message_tags,story_tags,privacy,place,parent_id,is_hidden,"
    f"attachments{{{_ATTACHED},subattachments{{{_ATTACHED}}}}}"
)
#: The schema's types, by `media_type` of the first attachment.
_MEDIA = {
    kind: kind for kind in ("album", "event", "link", "music", "note", "offer", "photo", "video")
}
#: The schema's types, by `status_type`, where nothing is attached.
_STATUS = {
    "added_photos": "photo",
    "added_video": "video",
    "created_event": "event",
    "created_note": "note",
    "shared_story": "link",
}
_NAME_LENGTH = 100


class Posts(EdgeHandler):
    """What the person has published on their timeline."""

    id = "post"
    label = "Posts"
    schema = Post
    scopes = frozenset({"user_posts"})
    edge_name = "posts"
    full = _FULL
    plain = _PLAIN
    by_time = True

    def record(self, source: Json) -> Record:
        """Map a post."""
        source = self.whole(source)
        message, story = text(source.get("message")), text(source.get("story"))
        attached = _attached(source)
        return self.build(
            id=source["id"],
            name=_name(message, story, text(attached.get("title"))),
            inserted_at=moment(source["created_time"]),
            source=source,
            type=_type(source, attached),
            content=message or story,
            uri=text(source.get("permalink_url")) or f"https://facebook.com/{source['id']}",
        )


def _attached(source: Json) -> Json:
    """The first attachment; nothing where there is none."""
    attachments: Any = source.get("attachments")
    listed = attachments.get("data") if isinstance(attachments, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) else {}


def _type(source: Json, attached: Json) -> str:
    for table, key in ((_MEDIA, attached.get("media_type")), (_STATUS, source.get("status_type"))):
        if isinstance(key, str) and key in table:
            return table[key]
    return "status"


def _name(message: str | None, story: str | None, title: str | None) -> str:
    """What a person would call the post: its first line, what happened, or what is attached."""
    found = message or story or title or "(no text)"
    line = found.strip().splitlines()[0]
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1].rstrip() + "…"
