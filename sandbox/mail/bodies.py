"""Bodies of synthetic messages: every MIME shape that mail programs send."""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.mail import attachments
from sandbox.mail.words import CHARSET_TEXTS, SUBJECTS, WORDS


@dataclass(frozen=True, slots=True)
class Entity:
    """A MIME entity ready to be sent.

    Args:
        headers: Lines of the MIME header, each ending in CRLF.
        content: The body, already in its transfer encoding.
    """

    headers: str
    content: bytes

    def encoded(self) -> bytes:
        """Header, blank line, body."""
        return self.headers.encode() + b"\r\n" + self.content


def body(rng: random.Random, word: str) -> Entity:
    """A body of some shape that says `word` somewhere, or says nothing at all (one in fifty)."""
    roll = rng.random()
    for limit, make in _SHAPES:
        if roll < limit:
            return make(rng, word)
    return Entity("Content-Type: text/plain; charset=UTF-8\r\n", b"")


def prose(rng: random.Random, word: str, sentences: int) -> str:
    """Sentences in lines of their own, one of them with `word`."""
    lines = [" ".join(rng.choices(WORDS, k=rng.randint(6, 18))) for _ in range(sentences)]
    at = rng.randrange(sentences)
    lines[at] = f"{lines[at]} {word}"
    return ".\r\n".join(line.capitalize() for line in lines) + "."


def text(content: str, subtype: str = "plain", charset: str = "utf-8") -> Entity:
    """A text entity: as it is when ASCII, else quoted-printable or base64."""
    head = f"Content-Type: text/{subtype}; charset={charset}\r\n"
    data = content.encode(charset, "replace")
    if data.isascii() and charset != "iso-2022-jp":
        return Entity(head + "Content-Transfer-Encoding: 7bit\r\n", data)
    if charset in ("utf-8", "iso-2022-jp", "shift_jis", "big5", "gb2312", "euc-kr"):
        return Entity(head + "Content-Transfer-Encoding: base64\r\n", _base64_lines(data))
    quoted = binascii.b2a_qp(data.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
    return Entity(head + "Content-Transfer-Encoding: quoted-printable\r\n", quoted)


def multipart(rng: random.Random, subtype: str, parts: list[Entity]) -> Entity:
    """Entities under one multipart."""
    boundary = f"=_{rng.getrandbits(64):016x}"
    mark = boundary.encode()
    joined = b"".join(b"--%b\r\n%b\r\n" % (mark, part.encoded()) for part in parts)
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n'
    return Entity(head, joined + b"--%b--\r\n" % mark)


def attachment(mime_type: str, filename: str, data: bytes) -> Entity:
    """A file as an attachment."""
    head = (
        f'Content-Type: {mime_type}; name="{filename}"\r\n'
        f'Content-Disposition: attachment;\r\n filename="{filename}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
    )
    return Entity(head, _base64_lines(data))


def _base64_lines(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _plain(rng: random.Random, word: str) -> Entity:
    return text(prose(rng, word, rng.randint(2, 25)))


def _page(rng: random.Random, word: str) -> str:
    lines = prose(rng, word, rng.randint(4, 20)).split("\r\n")
    rows = "".join(f'<p style="margin:0 0 8px">{line}</p>\r\n' for line in lines)
    return (
        "<!DOCTYPE html>\r\n<html><head><style>p { color: #222 }</style></head><body>\r\n"
        f'<h1>{rng.choice(SUBJECTS)}</h1>\r\n{rows}<a href="https://www.example.com/?u=1&amp;v=2">'
        "Read&nbsp;on</a></body></html>"
    )


def _html_only(rng: random.Random, word: str) -> Entity:
    return text(_page(rng, word), "html")


def _alternative(rng: random.Random, word: str) -> Entity:
    plain = text(prose(rng, word, rng.randint(3, 12)))
    return multipart(rng, "alternative", [plain, text(_page(rng, word), "html")])


def _charset(rng: random.Random, word: str) -> Entity:
    charset, sample = rng.choice(CHARSET_TEXTS)
    return text(f"{sample}\r\n{prose(rng, word, 3)}", charset=charset)


def _related(rng: random.Random, word: str) -> Entity:
    cid = f"{rng.getrandbits(32):08x}@example.com"
    page = text(_page(rng, word).replace("</h1>", f'</h1><img src="cid:{cid}">'), "html")
    picture = attachments.png(*rng.choices(range(256), k=3))
    data = _base64_lines(picture)
    head = (
        f"Content-Type: image/png\r\nContent-ID: <{cid}>\r\nContent-Disposition: inline\r\n"
        "Content-Transfer-Encoding: base64\r\n"
    )
    related = multipart(rng, "related", [page, Entity(head, data)])
    if rng.random() < 0.5:
        return related
    return multipart(rng, "alternative", [text(prose(rng, word, 4)), related])


def _mixed(rng: random.Random, word: str) -> Entity:
    first = _alternative(rng, word) if rng.random() < 0.5 else _plain(rng, word)
    files = [_file(rng, word) for _ in range(rng.randint(1, 3))]
    return multipart(rng, "mixed", [first, *files])


def _file(rng: random.Random, word: str) -> Entity:
    lines = prose(rng, word, 6).split("\r\n")
    match rng.randrange(4):
        case 0:
            return attachment("text/plain", "notes.txt", "\r\n".join(lines).encode())
        case 1:
            rows = [[str(n), line.replace(",", "")] for n, line in enumerate(lines)]
            return attachment("text/csv", "table.csv", attachments.csv(rows))
        case 2:
            return attachment("application/pdf", "report.pdf", attachments.pdf(lines))
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return attachment(kind, "draft.docx", attachments.docx(lines))


def _forwarded(rng: random.Random, word: str) -> Entity:
    inner = (
        f"From: someone{rng.randrange(99)}@example.org\r\nSubject: {rng.choice(SUBJECTS)}\r\n"
        "Date: Tue, 3 Mar 2020 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    ).encode() + text(prose(rng, word, 5)).encoded()
    forwarded = Entity("Content-Type: message/rfc822\r\n", inner)
    return multipart(rng, "mixed", [text("See below.\r\n"), forwarded])


def _invitation(rng: random.Random, word: str) -> Entity:
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
        f"UID:{word}\r\nDTSTART:20250{rng.randint(1, 9)}05T100000Z\r\n"
        f"SUMMARY:{rng.choice(SUBJECTS)}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    calendar = Entity(
        "Content-Type: text/calendar; charset=UTF-8; method=REQUEST\r\n", event.encode()
    )
    plain = text(prose(rng, word, 3))
    alternative = multipart(rng, "alternative", [plain, calendar])
    file = attachment("application/ics", "invite.ics", event.encode())
    return multipart(rng, "mixed", [alternative, file])


_SHAPES: tuple[tuple[float, Callable[[random.Random, str], Entity]], ...] = (
    (0.24, _plain),
    (0.54, _alternative),
    (0.66, _html_only),
    (0.76, _charset),
    (0.85, _related),
    (0.93, _mixed),
    (0.955, _forwarded),
    (0.98, _invitation),
)
