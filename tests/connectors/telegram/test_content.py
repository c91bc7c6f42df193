"""What messages say in words, and what of a file stays the same from client to client."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.telegram.content import lasting, said, words

CAPTION = {"@type": "formattedText", "text": "at the lake", "entities": []}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"@type": "messageText", "text": {"text": "hello\nyou"}}, "hello\nyou"),
        ({"@type": "messagePhoto", "caption": CAPTION}, "at the lake"),
        ({"@type": "messagePhoto", "caption": {"text": ""}}, "photo"),
        ({"@type": "messagePhoto"}, "photo"),
        ({"@type": "messageVoiceNote", "caption": None}, "voice note"),
        ({"@type": "messageVideoNote"}, "video note"),
        ({"@type": "messageAnimation"}, "GIF"),
        ({"@type": "messageSticker", "sticker": {"emoji": "\U0001f44d"}}, "sticker: \U0001f44d"),
        ({"@type": "messageSticker", "sticker": {"emoji": ""}}, "sticker"),
        ({"@type": "messageAnimatedEmoji", "emoji": "\U0001f389"}, "emoji: \U0001f389"),
        ({"@type": "messagePoll", "poll": {"question": {"text": "When?"}}}, "poll: When?"),
        ({"@type": "messageDocument", "document": {"file_name": "a.pdf"}}, "document: a.pdf"),
        ({"@type": "messageCall", "duration": 3}, "call"),
        ({"@type": "messageLocation"}, "location"),
        ({"@type": "messageVenue", "venue": {"title": "Café"}}, "venue: Café"),
        ({"@type": "messageChatAddMembers", "member_user_ids": [1]}, "members added"),
        ({"@type": "messageChatChangeTitle", "title": "Garden"}, "new group name: Garden"),
        ({"@type": "messageCustomServiceAction", "text": "it rains"}, "it rains"),
        ({"@type": "messageVideoChatStarted"}, "video chat started"),
        ({"@type": "messageHologramFromMars", "text": 7}, "hologram from mars"),
        ({"@type": "message"}, "message"),
    ],
)  # fmt: skip
def test_a_message_says_its_text_or_a_plain_word(content: dict[str, Any], text: str) -> None:
    if content["@type"] == "messageCustomServiceAction":
        text = f"service message: {text}"
    assert words(content) == text


def test_the_text_of_a_rich_message_is_that_of_its_blocks() -> None:
    plain = [{"@type": "richTextPlain", "text": text} for text in ("one", " two", "three")]
    bold = {"@type": "richTextBold", "text": plain[1]}
    blocks = [
        {"@type": "pageBlockParagraph", "text": {"@type": "richTexts", "texts": [plain[0], bold]}},
        {"@type": "pageBlockTitle", "title": plain[2]},
    ]
    content = {"@type": "messageRichMessage", "message": {"blocks": blocks, "is_full": True}}
    assert said(content) == "one two\nthree"
    assert words({"@type": "messageRichMessage", "message": {"blocks": []}}) == "rich message"


@pytest.mark.parametrize("content", [7, None, {}, []])
def test_what_is_no_content_is_not_taken_for_a_message(content: Any) -> None:
    with pytest.raises((TypeError, KeyError)):
        words(content)


def test_a_file_is_the_same_from_client_to_client() -> None:
    def photo(number: int, unique: str) -> dict[str, Any]:
        remote = {"@type": "remoteFile", "id": f"AgA{number}", "unique_id": unique}
        local = {"@type": "localFile", "path": f"/{number}"}
        file = {"@type": "file", "id": number, "local": local, "remote": remote}
        return {"@type": "messagePhoto", "photo": {"sizes": [{"width": 3, "photo": file}]}}

    assert lasting(photo(1, "u")) == lasting(photo(2, "u"))
    assert lasting(photo(1, "u")) != lasting(photo(1, "v"))
