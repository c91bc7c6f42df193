"""`fields`: which ones an answer has, and the refusal of those that there are not.

https://developers.facebook.com/docs/graph-api/guides/field-expansion
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.facebook.errors import GraphError, invalid_parameter

#: A field, with what is asked for inside it; nothing in particular where that is empty.
Tree = dict[str, "Tree"]

_ATTACHMENT: Tree = {
    name: {}
    for name in ("type", "media_type", "title", "description", "url", "unshimmed_url", "target",
                 "media", "subattachments")
}  # fmt: skip
#: Every field of a kind that is played or that is known; those without a value are left out.
KNOWN: dict[str, frozenset[str]] = {
    "User": frozenset(
        {"id", "name", "first_name", "last_name", "short_name", "middle_name", "picture"}
    ),
    "Page": frozenset(
        {
            "id", "name", "created_time", "about", "bio", "category", "category_list", "cover",
            "description", "emails", "fan_count", "followers_count", "is_verified", "link",
            "location", "phone", "picture", "username", "verification_status", "website",
        }
    ),
    "Post": frozenset(
        {
            "id", "created_time", "updated_time", "backdated_time", "message", "message_tags",
            "story", "story_tags", "permalink_url", "full_picture", "picture", "icon",
            "status_type", "from", "to", "privacy", "place", "attachments", "parent_id",
            "is_hidden", "is_published", "is_expired", "shares", "application", "properties",
        }
    ),
    "StoryAttachment": frozenset(_ATTACHMENT),
}  # fmt: skip
#: Gone since v3.3; in the documentation of Pages' posts, and seen for people's.
_DEPRECATED = frozenset({"caption", "description", "link", "name", "object_id", "source", "type"})
#: What comes where no fields are named.
DEFAULT = {
    "User": "id,name",
    "Page": "name,id,created_time",
    "Post": "created_time,message,story,id",
}
_INNER = {"attachments": "StoryAttachment", "subattachments": "StoryAttachment"}
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[{},]")


def parse(text: str) -> Tree:
    """The tree of `a,b{c,d}`.

    Raises:
        GraphError: It is not of that form.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text.replace(" ", ""):
        raise _syntax(text)
    rest = iter(tokens)
    tree = _level(rest, text, closing=False)
    if next(rest, None) is not None:
        raise _syntax(text)
    return tree


def _level(tokens: Iterator[str], text: str, *, closing: bool) -> Tree:
    tree: Tree = {}
    name = None
    for piece in tokens:
        if piece == "{":
            if name is None:
                raise _syntax(text)
            tree[name] = _level(tokens, text, closing=True)
        elif piece == "}":
            if not closing:
                raise _syntax(text)
            return tree
        elif piece == ",":
            name = None
        else:
            name = piece
            tree[name] = {}
    if closing:
        raise _syntax(text)
    return tree


def check(tree: Tree, kind: str) -> None:
    """Refuse what a kind does not have.

    Raises:
        GraphError: A field is deprecated (12), or there is none of that name (100).
    """
    for name, inner in tree.items():
        if kind == "Post" and name in _DEPRECATED:
            which = (
                "type field"
                if name == "type"
                else "deprecate_post_aggregated_fields_for_attachement"
            )
            message = f"(#12) {which} is deprecated for versions v3.3 and higher"
            raise GraphError(12, message)
        if name not in KNOWN[kind]:
            message = f"Tried accessing nonexisting field ({name}) on node type ({kind})"
            raise invalid_parameter(message)
        if name in _INNER:
            check(inner, _INNER[name])


def select(item: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """The fields that were asked for; a node's id always comes along."""
    chosen = {name: _inside(item[name], inner) for name, inner in tree.items() if name in item}
    return {**chosen, "id": item["id"]} if "id" in item else chosen


def _inside(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        paging = {"paging": value["paging"]} if "paging" in value else {}
        return {"data": [select(entry, tree) for entry in value["data"]], **paging}
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        return {"data": select(value["data"], tree)}
    return select(value, tree) if isinstance(value, dict) else value


def _syntax(text: str) -> GraphError:
    return GraphError(2500, f"Syntax error in fields: {text[:40]}")
