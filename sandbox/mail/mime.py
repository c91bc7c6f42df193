"""The MIME tree of a message, read leniently: no input makes it fail.

Written for the sandbox rather than taken from `email`, which needs milliseconds for a message
where a sandbox on one core has a fraction of one.

https://datatracker.ietf.org/doc/html/rfc2045 and https://datatracker.ietf.org/doc/html/rfc2046
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.mail.headers import decode_bytes, lenient_base64, read_fields, read_params

MAX_DEPTH = 30
_TOKEN = re.compile(r"^[\w.+-]+/[\w.+-]+$", re.ASCII)
_MARKUP = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")
_BLANKS = re.compile(r"\s+")


@dataclass(slots=True)
class Part:
    """One node of the tree.

    Args:
        part_id: Path from the root, Gmail's way: "" for the root, "0", "0.1".
        headers: Names and decoded values, in order.
        mime_type: Lower case.
        filename: "" when the part has no name.
        charset: What Content-Type names, if it does.
        content: Bytes with the transfer encoding undone; empty for a multipart.
        parts: Children, of a multipart or of a message/rfc822.
    """

    part_id: str
    headers: list[tuple[str, str]]
    mime_type: str
    filename: str = ""
    charset: str | None = None
    content: bytes = b""
    parts: list[Part] = field(default_factory=list)

    @property
    def inline_text(self) -> bool:
        """Whether the content comes with the message: text without a name."""
        return self.mime_type.startswith("text/") and not self.filename

    def text(self) -> str:
        """The content as text, whatever its charset claims."""
        return decode_bytes(self.content, self.charset)

    def walk(self) -> Iterator[Part]:
        """This part and all below it, depth first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case; None when it is missing."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


def parse(raw: bytes) -> Part:
    """Read a message (RFC 5322) into its tree."""
    return _parse(raw, "", "text/plain", 0)


def _parse(raw: bytes, part_id: str, default_type: str, depth: int) -> Part:
    headers, body_at = read_fields(raw)
    lower = {name.lower(): value for name, value in reversed(headers)}
    mime_type, params = read_params(lower.get("content-type", default_type))
    if not _TOKEN.match(mime_type):
        mime_type = default_type
    disposition = (
        read_params(lower["content-disposition"])[1] if "content-disposition" in lower else {}
    )
    part = Part(part_id, headers, mime_type, disposition.get("filename") or params.get("name", ""))
    part.charset = params.get("charset")
    body = raw[body_at:]
    if mime_type.startswith("multipart/"):
        _fill_multipart(part, body, params.get("boundary", ""), depth)
        return part
    part.content = _decoded(body, lower.get("content-transfer-encoding", ""))
    if mime_type == "message/rfc822" and depth < MAX_DEPTH:
        part.parts = [_parse(part.content, _child_id(part_id, 0), "text/plain", depth + 1)]
    return part


def _child_id(part_id: str, index: int) -> str:
    return f"{part_id}.{index}" if part_id else str(index)


def _fill_multipart(part: Part, body: bytes, boundary: str, depth: int) -> None:
    sections = _sections(body, boundary) if boundary and depth < MAX_DEPTH else []
    if not sections:
        # Nothing to take apart: what stands there is shown as text rather than lost.
        part.mime_type, part.content, part.filename = "text/plain", body, ""
        return
    default = "message/rfc822" if part.mime_type == "multipart/digest" else "text/plain"
    part.parts = [
        _parse(section, _child_id(part.part_id, index), default, depth + 1)
        for index, section in enumerate(sections)
    ]


def _sections(body: bytes, boundary: str) -> list[bytes]:
    mark = b"--" + boundary.rstrip().encode("utf-8", "replace")
    found: list[bytes] = []
    start: int | None = None
    at = body.find(mark)
    while at >= 0:
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        rest = body[at + len(mark) : end].rstrip(b" \t\r")
        # The boundary stands alone in its line: a longer one may begin with a shorter one.
        if (at == 0 or body[at - 1] == 0x0A) and rest in (b"", b"--"):
            if start is not None:
                found.append(_without_newline(body[start:at]))
            if rest:
                return found
            start = min(end + 1, len(body))
        at = body.find(mark, end)
    if start is not None and start < len(body):
        found.append(body[start:])
    return found


def _without_newline(section: bytes) -> bytes:
    """The section less the line end before the boundary, which belongs to the boundary."""
    return section[: -2 if section.endswith(b"\r\n") else -1] if section else section


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return lenient_base64(body)
        case "quoted-printable":
            return binascii.a2b_qp(body)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _uudecoded(body)
    return body


def _uudecoded(body: bytes) -> bytes:
    out = b""
    for line in body.splitlines():
        if line.startswith(b"begin ") or line == b"end":
            continue
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return out


def snippet(root: Part, length: int = 200) -> str:
    """The beginning of the message's text, HTML-escaped as Gmail gives it.

    The documentation calls it "a short part of the message text"; the length is our choice.
    """
    texts = [part for part in root.walk() if part.inline_text]
    plain = next((part for part in texts if part.mime_type == "text/plain"), None)
    chosen = plain or next(iter(texts), None)
    if chosen is None:
        return ""
    text = decode_bytes(chosen.content[: length * 40], chosen.charset)
    if chosen.mime_type == "text/html":
        text = html.unescape(_MARKUP.sub(" ", text))
    return html.escape(_BLANKS.sub(" ", text).strip()[:length]).replace("&#x27;", "&#39;")
