"""Where a mailbox's messages come from, and reading them from files.

A source tells the outline of each message at once and its bytes when they are asked for, so
that a mailbox of any size starts quickly.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Protocol

from sandbox.mail.headers import read_fields
from sandbox.mail.mime import parse

# A line of prose may begin with "From " too; a separator names a time.
_MBOX_FROM = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\n]*\d\d:\d\d[^\n]*\n")
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Outline:
    """What a mailbox must know of a message without reading it.

    Args:
        id: Hexadecimal, 16 digits.
        thread_id: Id of the thread's first message.
        date: When the provider took the message in, milliseconds since 1970.
        labels: Label ids.
        ref: What the source finds the message by.
    """

    id: str
    thread_id: str
    date: int
    labels: tuple[str, ...]
    ref: int


class Source(Protocol):
    """Messages for one mailbox."""

    def outlines(self) -> Iterator[Outline]:
        """All messages that the mailbox starts with."""

    def raw(self, ref: int) -> bytes:
        """One message's bytes (RFC 5322, CRLF)."""

    def canaries(self, ref: int) -> list[str]:
        """Words of one message's subject and body that stand nowhere else by chance."""


def message_id(*seed: object) -> str:
    """A message id of 16 hexadecimal digits, always the same for the same seed."""
    text = "\0".join(map(str, seed)).encode("utf-8", "surrogateescape")
    return "1" + hashlib.blake2b(text, digest_size=8).hexdigest()[1:]


def with_crlf(raw: bytes) -> bytes:
    """The message with line ends as mail travels: CRLF."""
    return _BARE_NEWLINE.sub(b"\r\n", raw) if b"\n" in raw else raw


class FileSource:
    """Messages from a folder of `.eml` files, searched recursively, or from an mbox file.

    The time of taking in is the Date header's, as for mail migrated into Gmail; a message
    without a usable date gets `fallback`, one dated before 1970 the year 1970. A message from
    the owner is SENT, all others are in the INBOX.

    Args:
        path: The folder or the mbox file.
        owner: Address of the mailbox's owner.
        fallback: Milliseconds since 1970.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: There is no mail in it.
    """

    def __init__(self, path: Path, owner: str, fallback: int) -> None:
        if not path.exists():
            raise FileNotFoundError(path)
        self._owner, self._fallback, self._root = owner.lower(), fallback, path
        self._files = sorted(path.rglob("*.eml")) if path.is_dir() else []
        self._spans = [] if path.is_dir() else _mbox_spans(path)
        if not self._files and not self._spans:
            raise ValueError(f"there is no mail in {path}: no .eml file, and it is no mbox")

    def outlines(self) -> Iterator[Outline]:
        """One outline a file, oldest name first."""
        for ref in range(len(self._files) or len(self._spans)):
            yield self.outline(ref, self._read(ref, _HEAD_BYTES))

    def outline(self, ref: int, head: bytes) -> Outline:
        """The outline of a message of which at least the header is given."""
        fields = {name.lower(): value for name, value in reversed(read_fields(head)[0])}
        ident = message_id(self._name(ref), hashlib.blake2b(head).hexdigest())
        labels = _labels(fields.get("from", ""), self._owner)
        return Outline(ident, ident, _date(fields.get("date"), self._fallback), labels, ref)

    def raw(self, ref: int) -> bytes:
        """The message with CRLF line ends."""
        return with_crlf(self._read(ref))

    def canaries(self, ref: int) -> list[str]:
        """The subject and the longest line of text, where they are long enough to be telling."""
        return canaries_of(self.raw(ref))

    def _name(self, ref: int) -> str:
        return self._files[ref].relative_to(self._root).as_posix() if self._files else str(ref)

    def _read(self, ref: int, size: int = -1) -> bytes:
        if self._files:
            with self._files[ref].open("rb") as file:
                return file.read(size)
        start, end = self._spans[ref]
        with self._root.open("rb") as file:
            file.seek(start)
            raw = file.read(end - start if size < 0 else min(size, end - start))
        return _QUOTED_FROM.sub(rb"\1", raw)


def canaries_of(raw: bytes) -> list[str]:
    """The subject of a message and the longest line of its text, if 12 characters or more."""
    root = parse(raw)
    text = next((part.text() for part in root.walk() if part.mime_type == "text/plain"), "")
    longest = max((line.strip() for line in text.splitlines()), key=len, default="")
    return [found for found in (root.header("subject") or "", longest) if len(found) >= 12]


def _mbox_spans(path: Path) -> list[tuple[int, int]]:
    data = path.read_bytes()
    marks = [(match.start(), match.end()) for match in _MBOX_FROM.finditer(data)]
    if not marks:
        return []
    ends = [start for start, _ in marks[1:]] + [len(data)]
    return [(begin, end) for (_, begin), end in zip(marks, ends, strict=True)]


def _date(value: str | None, fallback: int) -> int:
    try:
        moment = parsedate_to_datetime(value or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0, int(moment.timestamp() * 1000))
    except (ValueError, TypeError, IndexError, OverflowError):
        return fallback


def _labels(sender: str, owner: str) -> tuple[str, ...]:
    if any(address.lower() == owner for _, address in getaddresses([sender])):
        return ("SENT",)
    return ("UNREAD", "CATEGORY_PERSONAL", "INBOX")
