"""Addresses out of header values as Gmail's API gives them.

Gmail has unfolded the values and decoded their encoded words already. So what stood safely inside
an encoded word (a comma, a quote, a colon) now stands bare in the name, and a reader that keeps to
RFC 5322 would cut the name in two. This one reads for sense.

https://datatracker.ietf.org/doc/html/rfc5322#section-3.4
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache

_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")
_COMMENT = re.compile(r"\(((?:[^()\\]|\\.)*)\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPED = re.compile(r"\\(.)")
# Control characters and halves of surrogate pairs have no place in a name.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_PLAIN = re.compile(r"[^\s,;:<>()\"\\]+@[^\s,;:<>()\"\\]+")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: its address as written, and the name that goes with it (may be empty)."""

    email: str
    name: str = ""

    def to_json(self) -> dict[str, str]:
        """The form that the `Email` schema has."""
        return {"name": self.name, "email": self.email} if self.name else {"email": self.email}


@lru_cache(maxsize=4096)
def addresses(value: str) -> tuple[Address, ...]:
    """The mailboxes of a header value, in order; those of groups too, without the group's name.

    Remembers what it was asked: the same people write all the time.
    """
    return tuple(_read(value))


def _read(value: str) -> list[Address]:
    if _PLAIN.fullmatch(value):
        return [Address(value)]
    found: list[Address] = []
    halves: list[str] = []
    for piece in _pieces(value):
        if "<" not in piece and "@" not in piece:
            # A lone mailbox ("root"), or a name with a comma whose address is still to come.
            halves.append(piece)
            continue
        if halves and "<" in piece:
            piece = ", ".join((*halves, piece))  # noqa: PLW2901 - the whole of the piece
            halves.clear()
        found += _made_of(*halves, piece)
        halves.clear()
    return found + _made_of(*halves)


def _made_of(*pieces: str) -> list[Address]:
    return [address for piece in pieces if (address := _address(piece))]


def _pieces(value: str) -> Iterator[str]:
    """Cut a value at the commas and semicolons that are outside of quotes, <> and comments."""
    grouped = ";" in value
    start = index = 0
    while index < len(value):
        character = value[index]
        if character in '"<(':
            index = _closing(value, index)
        elif character in ",;":
            yield value[start:index].strip()
            start = index + 1
        elif character == ":" and grouped and _opens_group(value, start, index):
            start = index + 1
        index += 1
    yield value[start:].strip()


def _opens_group(value: str, start: int, colon: int) -> bool:
    """Whether a colon ends a group's name, which a semicolon after it must close."""
    name = value[start:colon]
    return value.find(";", colon) > 0 and "<" not in name and "@" not in name


def _closing(value: str, start: int) -> int:
    """The index at which what opens at `start` closes; `start` itself when it does not."""
    opening = value[start]
    if opening == '"':
        # A quote within a word (5" disk) is a character like any other.
        if value[:start].rstrip(" \t")[-1:] not in ("", ",", ";", ":"):
            return start
        match = _QUOTED.match(value, start)
        return match.end() - 1 if match else start
    if opening == "<":
        end = value.find(">", start)
        return end if end > 0 else start
    match = _COMMENT.match(value, start)
    return match.end() - 1 if match else start


def _address(text: str) -> Address | None:
    name, angle, rest = text.rpartition("<")
    if angle:
        # An old route (<@relay:me@example.org>) comes before the last colon.
        email = rest.partition(">")[0].rpartition(":")[2]
        return _made(email, name)
    comments = _COMMENT.findall(text)
    bare = _COMMENT.sub(" ", text).strip()
    if not bare or bare.endswith(":"):
        return None
    words = bare.split()
    at = next((word for word in words if "@" in word), None)
    if at is None:
        return _made(bare, " ".join(comments)) if len(words) == 1 else None
    others = " ".join(word for word in words if word is not at)
    return _made(at, others or " ".join(comments))


def _made(email: str, name: str) -> Address | None:
    email = _UNFIT.sub("", email).strip().strip("\"'").strip()
    return Address(email, clean_name(name)) if email else None


def clean_name(name: str) -> str:
    """A name without its quotes, what is left of encoded words decoded, on one line."""
    name = " ".join(name.split())
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = _ESCAPED.sub(r"\1", name[1:-1])
    return " ".join(_UNFIT.sub(" ", decoded(name)).split())


def decoded(value: str) -> str:
    """The value with any encoded words that Gmail left decoded (RFC 2047)."""
    if "=?" not in value or not _ENCODED_WORD.search(value):
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        # An unknown charset or broken base64: as it came is better than nothing.
        return value
