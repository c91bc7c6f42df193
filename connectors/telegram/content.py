"""What a message says, in words; a plain word for what has none.

Contents have some hundred kinds, and each version of TDLib has others: one that is not known here is
called by its own name.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_message_content.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

#: Kinds whose own name is no plain word.
_WORDS = {
    "Animation": "GIF",
    "AnimatedEmoji": "emoji",
    "Audio": "audio file",
    "BasicGroupChatCreate": "group created",
    "Call": "call",
    "ChatAddMembers": "members added",
    "ChatChangePhoto": "new group photo",
    "ChatChangeTitle": "new group name",
    "ChatDeleteMember": "member left",
    "ChatDeletePhoto": "group photo removed",
    "ChatJoinByLink": "member joined by link",
    "ChatJoinByRequest": "member joined",
    "ChatUpgradeFrom": "group upgraded",
    "ChatUpgradeTo": "group upgraded",
    "ContactRegistered": "joined Telegram",
    "CustomServiceAction": "service message",
    "PaidMedia": "paid media",
    "PinMessage": "message pinned",
    "ScreenshotTaken": "screenshot taken",
    "SupergroupChatCreate": "group created",
    "Text": "text",
    "Unsupported": "message of a newer kind",
}
#: Where a kind without text or caption has words of its own: a path of fields.
_PATHS = {
    "AnimatedEmoji": ("emoji",),
    "BasicGroupChatCreate": ("title",),
    "ChatChangeTitle": ("title",),
    "ChatUpgradeFrom": ("title",),
    "Checklist": ("list", "title", "text"),
    "CustomServiceAction": ("text",),
    "Dice": ("emoji",),
    "Document": ("document", "file_name"),
    "Game": ("game", "title"),
    "Invoice": ("product_info", "title"),
    "Poll": ("poll", "question", "text"),
    "Sticker": ("sticker", "emoji"),
    "SupergroupChatCreate": ("title",),
    "Venue": ("venue", "title"),
}
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def said(content: Json) -> str:
    """The text or caption of a message; empty where it has none.

    Raises:
        TypeError, KeyError: This is no content.
    """
    if content["@type"] == "messageRichMessage":
        return "".join(_pieces(content.get("message"))).strip()
    for name in ("text", "caption"):
        found = content.get(name)
        if isinstance(found, dict) and isinstance(found.get("text"), str) and found["text"]:
            return str(found["text"])
    return ""


def words(content: Json) -> str:
    """What a message says, or what it is: never empty. Raises as `said` does."""
    if found := said(content):
        return found
    kind = str(content["@type"]).removeprefix("message")
    word = _WORDS.get(kind) or _CAPITAL.sub(" ", kind).lower() or "message"
    detail: Any = content
    for name in _PATHS.get(kind, ()):
        detail = detail.get(name) if isinstance(detail, dict) else None
    return f"{word}: {detail}" if isinstance(detail, str) and detail else word


def lasting(value: Any) -> Any:
    """An object without what differs from client to client: ids, paths and states of files.

    https://github.com/tdlib/td/issues/1025
    """
    if isinstance(value, list):
        return [lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("@type") == "file":
        remote = value.get("remote")
        return {"file": remote.get("unique_id") if isinstance(remote, dict) else None}
    return {name: lasting(item) for name, item in value.items()}


def _pieces(value: Any) -> Iterator[str]:
    """The plain texts in a tree of blocks, in order; each block begins a line."""
    if isinstance(value, list):
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, dict):
        kind = str(value.get("@type", ""))
        if kind.startswith("pageBlock"):
            yield "\n"
        if kind == "richTextPlain" and isinstance(value.get("text"), str):
            yield value["text"]
        else:
            for item in value.values():
                yield from _pieces(item)
