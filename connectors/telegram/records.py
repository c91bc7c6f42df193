"""How a chat and a message become records. Pure, but for the names of those who write.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_chat.html
https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_message.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors.sdk.records import Failed, Record, iso
from connectors.sdk.schemas.chat_group import ChatGroup
from connectors.telegram.calls import Json
from connectors.telegram.content import lasting, words
from connectors.telegram.kept import message_key
from connectors.telegram.people import DELETED, Sender
from connectors.telegram.progress import Progress

#: Makes a record, as `Handler.build` does.
Build = Callable[..., Record]

_NAME_LENGTH = 100


def called(title: str, kind: str) -> str:
    """What a chat is called, of whatever it has for a title."""
    return title or (DELETED if kind in ("private", "chatTypePrivate") else "(no title)")


def group(build: Build, source: Json, progress: Progress) -> Record:
    """The record of a chat.

    Args:
        build: See `Build`.
        source: As `getChat` answered.
        progress: How far the chat has been read.

    Raises:
        KeyError, TypeError, ValueError: The chat makes no sense.
    """
    return build(
        id=str(int(source["id"])),
        name=called(str(source.get("title") or ""), str(source["type"]["@type"])),
        # Telegram does not tell since when there is a chat: its oldest message does, nearly.
        inserted_at=_time(progress.since),
        source=source,
        schema=ChatGroup,
        **progress.dump(),
    )


def message(build: Build, source: Json, group_id: str, group_name: str, sender: Sender) -> Record:
    """The record of a message.

    Args:
        build: See `Build`.
        source: As TDLib sent it.
        group_id: `_id` of the chat's record.
        group_name: What the chat is called.
        sender: Who wrote it.

    Raises:
        KeyError, TypeError, ValueError: The message makes no sense.
    """
    text = words(source["content"])
    sent = _time(source["date"])
    edited = source.get("edit_date")
    return build(
        id=message_key(source["chat_id"], source["id"]),
        name=_first_line(text),
        inserted_at=sent,
        source=source,
        modifiedAt=_time(edited) if edited else None,
        groupId=group_id,
        groupName=group_name,
        type="send" if source.get("is_outgoing") else "receive",
        messageText=text,
        fromId=sender.id,
        fromHandle=sender.handle,
        fromName=sender.name,
        sentAt=sent,
    )


def is_same_group(held: Record | None, title: str, progress: Progress) -> bool:
    """Whether a chat's record says already what it would say now.

    Args:
        held: The record.
        title: What the chat is called.
        progress: How far it has been read.
    """
    if held is None:
        return False
    said = {name: held.get(name) for name in ("newestId", "syncData") if held.get(name)}
    return bool(held.get("name") == title and said == progress.dump())


def is_same_message(held: Record, source: Json) -> bool:
    """Whether a message is as it was when its record was made.

    Views, reactions and the like change all the time and are not looked at.
    """
    return bool(_essence(held.get("sourceData")) == _essence(source))


def failed(source: Json, source_id: str, error: Exception) -> Failed:
    """The entry in quarantine of an item that could not be mapped; quotes nothing of it."""
    return Failed(source_id, source, f"the item could not be mapped ({type(error).__name__})")


def _essence(source: Any) -> Any:
    found = source if isinstance(source, dict) else {}
    return (found.get("edit_date"), lasting(found.get("content")))


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), text)
    return line if len(line) <= _NAME_LENGTH else f"{line[: _NAME_LENGTH - 1]}…"


def _time(seconds: Any) -> str:
    return iso(datetime.fromtimestamp(int(seconds), UTC))
