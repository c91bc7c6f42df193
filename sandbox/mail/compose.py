"""Writes one synthetic message: its header with all its oddities, and a body of some shape."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from email.utils import formatdate

from sandbox.mail.bodies import body
from sandbox.mail.words import DOMAINS, FIRST_NAMES, FOREIGN_SUBJECTS, LAST_NAMES, SUBJECTS

_ABSURD_DATES = (
    "Thu, 32 Foo 2099 99:99:99 +9999", "yesterday", "Fri, 01 Jan 0001 00:00:00 +0000",
    "Mon, 19 Jan 2038 03:14:08 +0000", "Wed, 31 Dec 1969 23:59:59 -1200", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Brief:
    """What a message must have.

    Args:
        seed: Decides all that the brief leaves open.
        ident: The message's id.
        owner: The mailbox's address.
        owner_name: The mailbox's owner.
        sent: Whether the owner wrote it.
        date: Milliseconds since 1970.
        subject_word: Stands in the subject, unless the subject is empty.
        body_word: Stands in the body, unless the body is empty.
    """

    seed: int
    ident: str
    owner: str
    owner_name: str
    sent: bool
    date: int
    subject_word: str
    body_word: str


def compose(brief: Brief) -> bytes:
    """The message of a brief (RFC 5322, CRLF)."""
    rng = random.Random(brief.seed)
    entity = body(rng, brief.body_word)
    head = "".join(f"{name}: {value}\r\n" for name, value in _head(rng, brief))
    return head.encode() + entity.encoded()


def _head(rng: random.Random, brief: Brief) -> list[tuple[str, str]]:
    owner = mailbox(brief.owner_name, brief.owner)
    sender, to = (owner, person(rng)) if brief.sent else (person(rng), owner)
    stamp = formatdate(brief.date / 1000)
    fields = [] if brief.sent else _received(brief, stamp)
    quirk = rng.random()
    fields += [
        ("Message-ID", f"<{brief.ident}@mail.example.com>"),
        ("Date", stamp),
        ("From", brief.owner if brief.sent and quirk < 0.06 else sender),
        ("To", to),
    ]
    if quirk < 0.30:
        fields = _quirky(rng, quirk, fields, brief)
    if rng.random() < 0.15:
        fields.append(("Cc", f"{person(rng)},\r\n\t{person(rng)}"))
    subject = None if 0.24 <= quirk < 0.26 else _subject(rng, quirk, brief)
    if subject is not None:
        fields.append(("Subject", subject))
    return [*fields, ("MIME-Version", "1.0")]


def _received(brief: Brief, stamp: str) -> list[tuple[str, str]]:
    trace = (
        "from relay.example.net (relay.example.net [192.0.2.7])\r\n"
        f"        by mx.example.com with ESMTPS id {brief.ident};\r\n        {stamp}"
    )
    return [
        ("Delivered-To", brief.owner),
        ("Received", trace),
        ("Return-Path", "<bounces@example.net>"),
    ]


def _quirky(
    rng: random.Random, quirk: float, fields: list[tuple[str, str]], brief: Brief
) -> list[tuple[str, str]]:
    if quirk < 0.06:
        return _with(fields, "To", address(rng) if brief.sent else brief.owner)
    if quirk < 0.11:
        many = ",\r\n ".join(person(rng) for _ in range(rng.randint(20, 80)))
        return _with(fields, "To", many)
    if quirk < 0.14:
        group = f"Team: {person(rng)}, {address(rng)};, undisclosed-recipients:;"
        return _with(fields, "To", group)
    if quirk < 0.16:
        return _with(fields, "Date", rng.choice(_ABSURD_DATES))
    missing = {16: "Date", 17: "To", 18: "Message-ID"}.get(int(quirk * 100))
    if missing is None and quirk < 0.20 and not brief.sent:
        missing = "From"
    return [field for field in fields if field[0] != missing]


def _with(fields: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [(key, value if key == name else old) for key, old in fields]


def _subject(rng: random.Random, quirk: float, brief: Brief) -> str:
    if 0.26 <= quirk < 0.28:
        return ""
    phrase = rng.choice(FOREIGN_SUBJECTS if rng.random() < 0.2 else SUBJECTS)
    return encoded_words(f"{phrase} {brief.subject_word}")


def encoded_words(text: str) -> str:
    """The text as a header may hold it (RFC 2047), folded between encoded words."""
    if text.isascii():
        return text
    pieces, piece = [], ""
    for char in text:
        if len((piece + char).encode()) > 42:
            pieces.append(piece)
            piece = ""
        piece += char
    words = (base64.b64encode(part.encode()).decode() for part in [*pieces, piece])
    return "\r\n ".join(f"=?UTF-8?B?{word}?=" for word in words)


def mailbox(name: str, email: str) -> str:
    """A name and an address as one mailbox of a header."""
    shown = encoded_words(name) if not name.isascii() else f'"{name}"' if "'" in name else name
    return f"{shown} <{email}>"


def person(rng: random.Random) -> str:
    """Somebody's mailbox."""
    name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    return mailbox(name, address(rng))


def address(rng: random.Random) -> str:
    """Somebody's address."""
    return (
        f"{rng.choice(('info', 'mail', 'post', 'team'))}{rng.randrange(500)}@{rng.choice(DOMAINS)}"
    )
