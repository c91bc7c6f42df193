"""The texts of a message that do not come with it: large bodies, attached documents.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments/get
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.google.batch import Answers, send_all
from connectors.google.client import GmailClient
from connectors.google.gmail_parts import (
    Attachment,
    Content,
    attachments,
    bodies_elsewhere,
    body_text,
    decode_bytes,
    header,
    inline_text,
    part_id,
)
from connectors.sdk.errors import ConnectorError
from connectors.sdk.http import Api
from connectors.sdk.records import Json

#: Bytes of attachments in one batch, which is held in memory as a whole.
_BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Bytes to fetch: a body's when `attachment` is None."""

    message_id: str
    part: Json
    attachment: Attachment | None

    @property
    def size(self) -> int:
        return int((self.part.get("body") or {}).get("size") or 0)


class PartMissingError(ConnectorError):
    """A part of a message could not be had."""


@dataclass(slots=True)
class Contents:
    """The texts of some messages.

    Args:
        texts: By message id, by part id. A message in it has all that could be had.
        error: Why the messages that are not in it lack something.
        odd: By message id, what came of looking at messages that make no sense.
        unread: By message id, what was fetched and is still to be read.
        read: Reads it.
    """

    texts: dict[str, dict[str, Content]]
    error: ConnectorError | None
    odd: dict[str, Exception]
    unread: dict[str, list[tuple[_Wanted, bytes]]]
    read: Callable[[bytes, _Wanted], Content]

    def of(self, message_id: str) -> dict[str, Content]:
        """A message's texts by part id, read out. Threads may ask at the same time."""
        late = self.unread.get(message_id, ())
        return self.texts[message_id] | {
            part_id(want.part): self.read(data, want) for want, data in late
        }


class ContentReader:
    """Fetches and reads what belongs to messages.

    Args:
        gmail: The client.
        api: Where refusals are waited out.
        size: Parts of one batch at most.
        limit: Largest attachment whose text is read, in bytes.
    """

    def __init__(self, gmail: GmailClient, api: Api, *, size: int, limit: int) -> None:
        self._gmail = gmail
        self._api = api
        self._size = size
        self._limit = limit

    def read(self, messages: Mapping[str, Json], *, last: bool = False) -> Contents:
        """Fetch the texts of the messages, in batches over all of them.

        A message of which a part could not be had though it is there is `odd`: the next run may
        have better luck. At the `last` try it is done without.

        They are read out when they are asked for, but for more than one batch's bytes: these
        would fill the memory.
        """
        contents = Contents({}, None, {}, {}, self._extract)
        wanted: dict[str, _Wanted] = {}
        for key, message in messages.items():
            found: dict[str, Content] = {}
            try:
                wants = list(self._wanted(key, message, found))
            except Exception as error:
                # Whatever is odd about one mail must not stop the others.
                contents.odd[key] = error
                continue
            contents.texts[key] = found
            wanted |= {str(len(wanted) + n): want for n, want in enumerate(wants)}
        for number, piece in enumerate(_by_bytes(wanted)):
            answers = self._fetch({key: wanted[key] for key in piece})
            for key in piece:
                if key in answers.failed and not last:
                    contents.texts.pop(wanted[key].message_id, None)
                    contents.odd[wanted[key].message_id] = PartMissingError(
                        "a part of it could not be had; the next run tries again"
                    )
                self._take(key, wanted[key], answers, contents, at_once=number > 0)
            if answers.error:
                contents.texts = _without_later(contents.texts, wanted, piece)
                contents.error = answers.error
                break
        return contents

    def _take(
        self, key: str, want: _Wanted, answers: Answers, contents: Contents, *, at_once: bool
    ) -> None:
        """Note what was answered of one part; a message that lacks one is taken out."""
        texts = contents.texts.get(want.message_id)
        if texts is None:
            return
        if key in answers.found:
            data = decode_bytes(answers.found[key].get("data"))
            if at_once:
                texts[part_id(want.part)] = self._extract(data, want)
            else:
                contents.unread.setdefault(want.message_id, []).append((want, data))
        elif key in answers.failed or key in answers.gone:
            texts[part_id(want.part)] = Content("", "not available")
        else:
            del contents.texts[want.message_id]

    def _wanted(self, key: str, message: Json, texts: dict[str, Content]) -> Iterator[_Wanted]:
        """What to fetch of a message; notes in `texts` what is not worth fetching."""
        payload = message.get("payload") or {}
        for part in bodies_elsewhere(payload):
            yield _Wanted(key, part, None)
        for attachment in attachments(payload):
            if attachment.in_the_answer:
                if not inline_text(attachment, texts):
                    note = "no text" if attachment.readable else "unsupported type"
                    texts[attachment.id] = Content("", note)
            elif not attachment.readable:
                texts[attachment.id] = Content("", "unsupported type")
            elif attachment.size > self._limit:
                texts[attachment.id] = Content("", "too large")
            else:
                yield _Wanted(key, attachment.part, attachment)

    def _fetch(self, wanted: Mapping[str, _Wanted]) -> Answers:
        requests: dict[str, Any] = {
            key: self._gmail.attachment_request(want.message_id, want.part["body"]["attachmentId"])
            for key, want in wanted.items()
        }
        return send_all(self._gmail, self._api, requests, self._size)

    def _extract(self, data: bytes, want: _Wanted) -> Content:
        from connectors.sdk.text.documents import extract_text

        if want.attachment is None:
            return Content(body_text(data, want.part))
        extracted = extract_text(
            data,
            filename=want.attachment.filename,
            media_type=_told_type(want.attachment),
            limit=self._limit,
        )
        return Content(extracted.text, str(extracted.reason) if extracted.reason else None)


def _told_type(attachment: Attachment) -> str:
    """The type to read it by, with the charset that the header names."""
    if attachment.media_type.startswith("message/"):
        # Delivery reports and the like are lines of text.
        return "text/plain"
    written = header(attachment.part, "content-type")
    # Gmail's own reading of the type rules.
    return written if written.lower().startswith(attachment.media_type) else attachment.media_type


def _without_later(
    texts: dict[str, dict[str, Content]], wanted: Mapping[str, _Wanted], piece: list[str]
) -> dict[str, dict[str, Content]]:
    """The texts of the messages that needed nothing from the pieces after this one."""
    later = {want.message_id for key, want in wanted.items() if int(key) > int(piece[-1])}
    return {key: value for key, value in texts.items() if key not in later}


def _by_bytes(wanted: Mapping[str, _Wanted]) -> Iterator[list[str]]:
    """The keys, in order, in lists whose bytes together are bounded."""
    piece: list[str] = []
    size = 0
    for key, want in wanted.items():
        if piece and size + want.size > _BATCH_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(key)
        size += want.size
    if piece:
        yield piece
