"""The MIME tree of a message as Gmail's API gives it: its text, its HTML, its attachments.

Text bodies come as base64url `data` in UTF-8, whatever their Content-Type says; named parts and
parts that are no text come by `attachmentId`, which differs from one get to the next.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from connectors.google.gmail_addresses import decoded
from connectors.sdk.records import Json

#: Parts nested deeper are not looked at: no mail program makes such a message.
_DEEPEST = 60
_BODY_TYPES = {"text/plain", "text/html", "text/enriched", "text/richtext", ""}
_UNFIT = re.compile("[\x00\ud800-\udfff\ufeff]")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:+-]+)", re.IGNORECASE)

_READABLE_TYPES = re.compile(
    r"text/.+|message/.+"
    r"|application/(?:pdf|x-pdf|json|xml|xhtml\+xml|csv|x-ndjson|yaml|x-yaml)"
    r"|application/vnd\.openxmlformats-officedocument\..+"
)
_READABLE_NAMES = frozenset(
    {
        ".pdf", ".docx", ".xlsx", ".pptx", ".txt", ".text", ".md", ".rst", ".log",
        ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html", ".htm", ".ics", ".vcf",
    }
)  # fmt: skip
_UNTOLD = {"", "application/octet-stream", "binary/octet-stream", "application/unknown"}


@dataclass(frozen=True, slots=True)
class Content:
    """What was fetched of a part: its text, and why there is none where there is none."""

    text: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is no body.

    Args:
        part: The API's part.
        id: Its `partId`, the same in each answer.
        filename: Its name; made up from the type where it has none.
        media_type: Its type, in lower case.
        size: Bytes.
        attachment_id: What its bytes are fetched by, in this answer; None when they are in it.
    """

    part: Json
    id: str
    filename: str
    media_type: str
    size: int
    attachment_id: str | None

    @property
    def in_the_answer(self) -> bool:
        """Whether what it holds came with the message: an attached message does, in its parts."""
        return self.attachment_id is None or self.embedded

    @property
    def embedded(self) -> bool:
        """Whether it is a message with its own parts."""
        return self.media_type == "message/rfc822" and bool(self.part.get("parts"))

    @property
    def readable(self) -> bool:
        """Whether it may hold text that can be read out of it."""
        return bool(_READABLE_TYPES.fullmatch(self.media_type)) or (
            self.media_type in _UNTOLD
            and PurePosixPath(self.filename).suffix.lower() in _READABLE_NAMES
        )


def header(part: Json, name: str) -> str:
    """The part's first header of that name, in whatever case; "" when there is none."""
    for entry in part.get("headers") or ():
        if str(entry.get("name", "")).lower() == name:
            return str(entry.get("value") or "")
    return ""


def headers_by_name(part: Json) -> dict[str, list[str]]:
    """The values of all headers, by name in lower case: for looking up many of them."""
    found: dict[str, list[str]] = {}
    for entry in part.get("headers") or ():
        name = str(entry.get("name", "")).lower()
        found.setdefault(name, []).append(str(entry.get("value") or ""))
    return found


def attachments(payload: Json) -> list[Attachment]:
    """Every attachment, those of attached messages too, in the order of the tree."""
    return [_attachment(part) for part, depth in _walk(payload, 0) if _attached(part, depth)]


def bodies_elsewhere(payload: Json) -> list[Json]:
    """The parts that are text bodies but must be fetched by their `attachmentId`."""
    return [
        part
        for part, depth in _walk(payload, 0)
        if not part.get("parts")
        and _is_body(part, depth)
        and _body(part).get("attachmentId")
        and not _body(part).get("data")
    ]


def text_and_html(payload: Json, fetched: Mapping[str, Content]) -> tuple[str, str]:
    """The message's text and its HTML; either may be empty.

    Args:
        payload: The tree.
        fetched: By `partId`, the text bodies that had to be fetched.
    """
    reader = _Reader(fetched)
    return reader.text(payload, 0).strip(), reader.html(payload, 0)


def inline_text(attachment: Attachment, fetched: Mapping[str, Content]) -> str | None:
    """The text of an attachment that is in the answer itself, of an attached message too."""
    part = attachment.part
    if attachment.embedded:
        inner = [_Reader(fetched).text(child, 1) for child in part["parts"]]
        return "\n\n".join(text for text in inner if text).strip() or None
    if attachment.attachment_id is None and attachment.media_type.startswith("text/"):
        return decode_data(_body(part).get("data")).strip() or None
    return None


def body_text(data: bytes, part: Json) -> str:
    """The text of a body fetched by its id: UTF-8 as all bodies, else what its type names."""
    charset = _CHARSET.search(header(part, "content-type"))
    for name in ("utf-8", charset[1] if charset else "cp1252"):
        try:
            return _UNFIT.sub("", data.decode(name))
        except (UnicodeDecodeError, LookupError):
            continue
    return _UNFIT.sub("", data.decode("utf-8", "replace"))


def decode_bytes(data: str | None) -> bytes:
    """Base64url, with or without padding, to bytes; what cannot be read gives none."""
    if not data:
        return b""
    try:
        return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        return b""


def decode_data(data: str | None) -> str:
    """The text of a body's `data`."""
    return _UNFIT.sub("", decode_bytes(data).decode("utf-8", "replace"))


def part_id(part: Json) -> str:
    """The part's id; the root's, which Gmail leaves empty, is `root`."""
    return str(part.get("partId") or "root")


class _Reader:
    """Reads text out of the tree, choosing among alternatives as a mail program would."""

    def __init__(self, fetched: Mapping[str, Content]) -> None:
        self._fetched = fetched

    def text(self, part: Json, depth: int) -> str:
        """The text of a part: of plain text where there is any, else made from HTML."""
        from connectors.sdk.text.html import html_to_text

        children = part.get("parts")
        if not children:
            if not _is_body(part, depth):
                return ""
            data = self._data(part)
            return html_to_text(data) if _type(part) == "text/html" and data else data
        if depth >= _DEEPEST or _type(part) == "message/rfc822":
            return ""
        if _type(part) == "multipart/alternative":
            plain_first = sorted(children, key=lambda child: _type(child) != "text/plain")
            texts = (self.text(child, depth + 1) for child in plain_first)
            return next((text for text in texts if text.strip()), "")
        texts = (self.text(child, depth + 1).strip() for child in children)
        return "\n\n".join(text for text in texts if text)

    def html(self, part: Json, depth: int) -> str:
        """The HTML of a part, all its HTML bodies one after the other."""
        children = part.get("parts")
        if not children:
            wanted = _type(part) == "text/html" and _is_body(part, depth)
            return self._data(part) if wanted else ""
        if depth >= _DEEPEST or _type(part) == "message/rfc822":
            return ""
        found = [html for child in children if (html := self.html(child, depth + 1))]
        # Of alternatives the last is the richest (RFC 2046, 5.1.4).
        return found[-1] if found and _type(part) == "multipart/alternative" else "\n".join(found)

    def _data(self, part: Json) -> str:
        data = _body(part).get("data")
        if data:
            return decode_data(data)
        content = self._fetched.get(part_id(part))
        return content.text if content else ""


def _walk(part: Json, depth: int) -> Iterator[tuple[Json, int]]:
    yield part, depth
    if depth < _DEEPEST:
        for child in part.get("parts") or ():
            yield from _walk(child, depth + 1)


def _attached(part: Json, depth: int) -> bool:
    if part.get("parts"):
        return _type(part) == "message/rfc822"
    return not _type(part).startswith("multipart/") and not _is_body(part, depth)


def _is_body(part: Json, depth: int) -> bool:
    """Whether a leaf is text to be read with the message, not an attachment."""
    if _type(part) not in _BODY_TYPES:
        return False
    if header(part, "content-disposition").lower().lstrip().startswith("attachment"):
        return False
    # A message that is nothing but one text is that text, even when it carries a name.
    return depth == 0 or not part.get("filename")


def _attachment(part: Json) -> Attachment:
    media_type = _type(part)
    body = _body(part)
    return Attachment(
        part=part,
        id=part_id(part),
        filename=_filename(part, media_type),
        media_type=media_type,
        size=int(body.get("size") or 0),
        attachment_id=body.get("attachmentId") or None,
    )


def _filename(part: Json, media_type: str) -> str:
    name = _UNFIT.sub("", decoded(str(part.get("filename") or ""))).strip()
    if name:
        return name
    if media_type == "message/rfc822":
        return "message.eml"
    return f"attachment-{part_id(part)}{mimetypes.guess_extension(media_type) or ''}"


def _type(part: Json) -> str:
    return str(part.get("mimeType") or "").lower()


def _body(part: Json) -> dict[str, Any]:
    return part.get("body") or {}
