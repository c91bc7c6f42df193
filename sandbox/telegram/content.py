"""What messages say: contents as TDLib shows them, made by number, and what an edit makes of them.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1_message_content.html
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from sandbox.mail.words import CHARSET_TEXTS, WORDS

Json = dict[str, Any]

_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnprstv")
_EMOJI = ("\N{THUMBS UP SIGN}", "\N{PARTY POPPER}", "\N{BLACK HEART SUIT}", "\N{WAVING HAND SIGN}")
#: Contents that have a `file` somewhere.
WITH_FILES = frozenset(
    {"messageDocument", "messagePhoto", "messageSticker", "messageVideo", "messageVoiceNote"}
)
#: Of sixteen messages of a talk, and of a chat in which people mostly send pictures.
_TALK = ("text",) * 9 + ("photo", "photo-bare", "document", "voice", "sticker", "poll", "video")
_ALBUM = ("photo-bare",) * 5 + ("video", "sticker", "sticker", "voice", "text") + ("photo",) * 6


def word(key: str) -> str:
    """A made-up word that stands in the message of this key and nowhere else."""
    return hashlib.blake2b(key.encode(), digest_size=7).hexdigest().translate(_LETTERS)


def made(key: str, number: int, *, album: bool = False) -> Json:
    """The content of a message.

    Args:
        key: Decides it, and is the message's own.
        number: Number of the message in its chat: decides the kind.
        album: Whether the chat has pictures rather than words.
    """
    kind = (_ALBUM if album else _TALK)[number * 7 % 16]
    return of_kind(kind, key)


def of_kind(kind: str, key: str) -> Json:
    """The content of a message of a kind: one of `_TALK`."""
    dice = hashlib.blake2b(key.encode(), digest_size=12).digest()
    match kind:
        case "photo" | "photo-bare":
            return _photo(key, _words(key, dice) if kind == "photo" else "")
        case "video":
            return _video(key, _words(key, dice) if dice[0] % 2 else "")
        case "document":
            return _document(key, _words(key, dice) if dice[0] % 2 else "")
        case "voice":
            return _voice(key, dice)
        case "sticker":
            return _sticker(key, dice)
        case "poll":
            return _poll(key, dice)
    return text(_words(key, dice), bold=dice[1] % 4 == 0)


def text(said: str, *, bold: bool = False) -> Json:
    """A `messageText`."""
    shown = formatted(said)
    if bold:
        length = len(said.partition(" ")[0])
        kind = {"@type": "textEntityTypeBold"}
        shown["entities"] = [{"@type": "textEntity", "offset": 0, "length": length, "type": kind}]
    return {"@type": "messageText", "text": shown}


def formatted(said: str) -> Json:
    """A `formattedText` without entities."""
    return {"@type": "formattedText", "text": said, "entities": []}


def text_of(content: Json) -> str:
    """The text or caption; empty where the content has none."""
    found = content.get("text") or content.get("caption") or {}
    return str(found.get("text", ""))


def edited(content: Json, turn: int) -> tuple[Json, bool]:
    """The content after an edit.

    What Telegram lets nobody edit changes as it can by itself: a poll gets a vote; a sticker, or
    what a service message tells, is shown as another.

    Args:
        content: Before it.
        turn: Number of the edit: each makes another change.

    Returns:
        The new content, and whether it counts as edited, which sets `edit_date`.
    """
    match content["@type"]:
        case "messageText":
            said = text_of(content).partition(" (edit")[0]
            return text(f"{said} (edit {turn})"), True
        case "messagePoll":
            poll = content["poll"]
            votes = poll["total_voter_count"] + turn
            first, *others = poll["options"]
            options = [{**first, "voter_count": votes}, *others]
            return {**content, "poll": {**poll, "total_voter_count": votes, "options": options}}, (
                False
            )
        case "messageSticker":
            sticker = {**content["sticker"], "emoji": _EMOJI[turn % 4] + "\ufe0f" * (turn // 4 % 9)}
            return {**content, "sticker": sticker}, False
        case "messageCall":
            return {**content, "duration": content["duration"] + turn}, False
        case "messagePinMessage":
            return {**content, "message_id": content["message_id"] + (turn << 20)}, False
    if "caption" in content:
        said = text_of(content).partition(" (edit")[0]
        return {**content, "caption": formatted(f"{said} (edit {turn})".strip())}, True
    # A service message about the chat.
    title = str(content.get("title", "")).partition(" (")[0]
    return {**content, "title": f"{title} ({turn})"}, False


def _words(key: str, dice: bytes) -> str:
    said = [WORDS[(dice[2] + step * dice[3]) % len(WORDS)] for step in range(3 + dice[4] % 8)]
    if dice[5] % 6 == 0:
        said.append(CHARSET_TEXTS[dice[6] % len(CHARSET_TEXTS)][1])
    if dice[5] % 5 == 0:
        said.append(_EMOJI[dice[6] % 4])
    return " ".join([*said, word(key)])


def file(key: str, size: int) -> Json:
    """A `file`. Its `id` is the client's to give: TDLib counts files anew in each."""
    unique = hashlib.blake2b(key.encode(), digest_size=11).digest()
    return {
        "@type": "file",
        "id": 0,
        "size": size,
        "expected_size": size,
        "local": {
            "@type": "localFile",
            "path": "",
            "can_be_downloaded": True,
            "can_be_deleted": False,
            "is_downloading_active": False,
            "is_downloading_completed": False,
            "download_offset": 0,
            "downloaded_prefix_size": 0,
            "downloaded_size": 0,
        },
        "remote": {
            "@type": "remoteFile",
            "id": "AgACAg" + base64.urlsafe_b64encode(unique * 3).decode().rstrip("="),
            "unique_id": base64.urlsafe_b64encode(unique).decode().rstrip("="),
            "is_uploading_active": False,
            "is_uploading_completed": True,
            "uploaded_size": size,
        },
    }


def _photo(key: str, said: str) -> Json:
    sizes = [
        {
            "@type": "photoSize",
            "type": letter,
            "photo": file(f"{key}/{letter}", side * 90),
            "width": side,
            "height": side * 3 // 4,
            "progressive_sizes": [],
        }
        for letter, side in (("m", 320), ("x", 800))
    ]
    return {
        "@type": "messagePhoto",
        "photo": {"@type": "photo", "has_stickers": False, "sizes": sizes},
        "caption": formatted(said),
        "show_caption_above_media": False,
        "has_spoiler": False,
        "is_secret": False,
    }


def _video(key: str, said: str) -> Json:
    video = {
        "@type": "video",
        "duration": 12,
        "width": 640,
        "height": 360,
        "file_name": "",
        "mime_type": "video/mp4",
        "has_stickers": False,
        "supports_streaming": True,
        "video": file(key, 900_000),
    }
    return {
        "@type": "messageVideo",
        "video": video,
        "alternative_videos": [],
        "storyboards": [],
        "start_timestamp": 0,
        "caption": formatted(said),
        "show_caption_above_media": False,
        "has_spoiler": False,
        "is_secret": False,
    }


def _document(key: str, said: str) -> Json:
    document = {
        "@type": "document",
        "file_name": f"{word(key)}.pdf",
        "mime_type": "application/pdf",
        "document": file(key, 120_000),
    }
    return {"@type": "messageDocument", "document": document, "caption": formatted(said)}


def _voice(key: str, dice: bytes) -> Json:
    note = {
        "@type": "voiceNote",
        "duration": 1 + dice[7] % 90,
        "waveform": base64.b64encode(dice).decode(),
        "mime_type": "audio/ogg",
        "voice": file(key, 20_000),
    }
    return {
        "@type": "messageVoiceNote",
        "voice_note": note,
        "caption": formatted(""),
        "is_listened": True,
    }


def _sticker(key: str, dice: bytes) -> Json:
    sticker = {
        "@type": "sticker",
        "id": str(int.from_bytes(dice[:7], "big")),
        "set_id": "773947703670341676",
        "width": 512,
        "height": 512,
        "emoji": _EMOJI[dice[8] % 4],
        "format": {"@type": "stickerFormatWebp"},
        "full_type": {"@type": "stickerFullTypeRegular"},
        "sticker": file(key, 30_000),
    }
    return {"@type": "messageSticker", "sticker": sticker, "is_premium": False}


def _poll(key: str, dice: bytes) -> Json:
    options = [
        {
            "@type": "pollOption",
            "id": str(number),
            "text": formatted(name),
            "voter_count": 0,
            "vote_percentage": 0,
            "recent_voter_ids": [],
            "is_chosen": False,
            "is_being_chosen": False,
            "addition_date": 0,
        }
        for number, name in enumerate(("Yes", "No"))
    ]
    poll = {
        "@type": "poll",
        "id": str(int.from_bytes(dice[:7], "big")),
        "question": formatted(_words(key, dice) + "?"),
        "options": options,
        "total_voter_count": 0,
        "recent_voter_ids": [],
        "can_get_voters": False,
        "can_see_results": True,
        "is_anonymous": True,
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
        "country_codes": [],
        "option_order": [0, 1],
        "type": {"@type": "pollTypeRegular"},
        "open_period": 0,
        "close_date": 0,
        "is_closed": False,
    }
    return {
        "@type": "messagePoll",
        "poll": poll,
        "description": formatted(""),
        "can_add_option": False,
    }
