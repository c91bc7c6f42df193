"""A message's JSON as messages.get gives it.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages

Text bodies come in UTF-8 whatever their Content-Type says; each part with a name and each part
that is not text comes by an attachment id, which is another one in each answer. A
message/rfc822 part has both an attachment id and, as its child, the message in it; the
documentation does not say so, published answers do. The size of a text body is that of the
UTF-8 that is sent.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sandbox.google.mailbox import Entry
from sandbox.mail.mime import Part, parse, snippet
from sandbox.oddities import Oddities

_CACHE_BYTES = 64 * 1024 * 1024
_NONCE_BYTES = 48


def b64url(data: bytes) -> str:
    """Base64 with the URL alphabet and padding, as the API sends bytes."""
    return base64.urlsafe_b64encode(data).decode("ascii")


def attachment_id(message: str, part_id: str) -> str:
    """A new id for an attachment; it says which part it is and looks random."""
    sealed = _seal(message, part_id)
    return "ANGjdJ" + base64.urlsafe_b64encode(
        secrets.token_bytes(_NONCE_BYTES) + sealed + part_id.encode()
    ).decode("ascii").rstrip("=")


def attachment_part(message: str, ident: str) -> str | None:
    """The part that an attachment id of this message names; None when it names none."""
    text = ident.removeprefix("ANGjdJ")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        part_id = data[_NONCE_BYTES + 4 :].decode("ascii")
    except ValueError:
        return None
    return part_id if data[_NONCE_BYTES : _NONCE_BYTES + 4] == _seal(message, part_id) else None


def _seal(message: str, part_id: str) -> bytes:
    return zlib.crc32(f"{message}/{part_id}".encode()).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class _Rendered:
    """The unchanging part of an answer, cut where attachment ids go."""

    pieces: tuple[str, ...]
    size: int

    def fill(self, message: str) -> str:
        """The text with new attachment ids; every other piece is a part id."""
        if len(self.pieces) == 1:
            return self.pieces[0]
        return "".join(
            attachment_id(message, piece) if index % 2 else piece
            for index, piece in enumerate(self.pieces)
        )


class Renderer:
    """Makes the JSON of messages and keeps the latest, so that asking again costs little.

    Args:
        limit: Bytes of JSON kept at most.
        remember: Whether to remember what was sent of each message.
    """

    def __init__(self, limit: int = _CACHE_BYTES, *, remember: bool = False) -> None:
        self.oddities = Oddities(optional="snippet", essential="payload", remember=remember)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Rendered] = OrderedDict()
        self._bytes, self._limit = 0, limit
        self._mark = secrets.token_hex(12)
        self._cut = re.compile(f"{self._mark}:([0-9.]*):")

    def full(self, entry: Entry) -> bytes:
        """The answer of format=full."""
        with self._lock:
            rendered = self._kept.get(entry.id)
            if rendered is not None:
                self._kept.move_to_end(entry.id)
        if rendered is None:
            rendered = self._render(entry)
            self._keep(entry.id, rendered)
        text = f"{_envelope(entry)[:-1]}, {rendered.fill(entry.id)}}}"
        if not self.oddities.idle:
            text = json.dumps(self.oddities.send(entry.id, json.loads(text)))
        return text.encode()

    def _render(self, entry: Entry) -> _Rendered:
        raw = entry.load()
        root = parse(raw)
        inner = {
            "snippet": snippet(root),
            "payload": self._part(root),
            "sizeEstimate": len(raw),
            "internalDate": str(entry.date),
        }
        pieces = tuple(self._cut.split(json.dumps(inner)[1:-1]))
        return _Rendered(pieces, sum(map(len, pieces)))

    def _keep(self, ident: str, rendered: _Rendered) -> None:
        with self._lock:
            if ident in self._kept:
                return
            self._kept[ident] = rendered
            self._bytes += rendered.size
            while self._bytes > self._limit:
                self._bytes -= self._kept.popitem(last=False)[1].size

    def _part(self, part: Part) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "partId": part.part_id,
            "mimeType": part.mime_type,
            "filename": part.filename,
            "headers": _headers(part),
            "body": self._body(part),
        }
        if part.parts:
            shown["parts"] = [self._part(child) for child in part.parts]
        return shown

    def _body(self, part: Part) -> dict[str, Any]:
        if part.mime_type.startswith("multipart/"):
            return {"size": 0}
        if not part.inline_text:
            return {"attachmentId": f"{self._mark}:{part.part_id}:", "size": len(part.content)}
        data = part.text().encode("utf-8", "replace")
        return {"size": len(data), "data": b64url(data)} if data else {"size": 0}


def _headers(part: Part) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in part.headers]


def _envelope(entry: Entry, **more: Any) -> str:
    shown: dict[str, Any] = {"id": entry.id, "threadId": entry.thread_id}
    if entry.labels:
        shown["labelIds"] = list(entry.labels)
    return json.dumps({**shown, "historyId": str(entry.history_id), **more})


def minimal(entry: Entry) -> bytes:
    """The answer of format=minimal: no headers, no payload."""
    raw = entry.load()
    return _described(entry, raw, parse(raw)).encode()


def metadata(entry: Entry, names: list[str]) -> bytes:
    """The answer of format=metadata: the message's headers, or those of these names.

    Args:
        entry: The message.
        names: `metadataHeaders`; all headers when empty.
    """
    raw = entry.load()
    root = parse(raw)
    wanted = {name.lower() for name in names}
    headers = [item for item in _headers(root) if not wanted or item["name"].lower() in wanted]
    payload = {"mimeType": root.mime_type, "headers": headers}
    return _described(entry, raw, root, payload=payload).encode()


def raw_form(entry: Entry) -> bytes:
    """The answer of format=raw: the message as it was received, base64url."""
    raw = entry.load()
    return _described(entry, raw, parse(raw), raw=b64url(raw)).encode()


def attachment(entry: Entry, ident: str) -> bytes | None:
    """The answer of attachments.get; None when the id names no part of this message."""
    part_id = attachment_part(entry.id, ident)
    if part_id is None:
        return None
    part = next((found for found in parse(entry.load()).walk() if found.part_id == part_id), None)
    if part is None:
        return None
    return json.dumps({"size": len(part.content), "data": b64url(part.content)}).encode()


def _described(entry: Entry, received: bytes, root: Part, **more: Any) -> str:
    return _envelope(
        entry,
        snippet=snippet(root),
        sizeEstimate=len(received),
        internalDate=str(entry.date),
        **more,
    )
