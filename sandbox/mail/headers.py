"""Header fields as Gmail shows them: unfolded, encoded words decoded, 8-bit bytes made text.

https://datatracker.ietf.org/doc/html/rfc2047 (encoded words)
https://datatracker.ietf.org/doc/html/rfc2231 (parameter values)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*")
_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_PARAM = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)')
_CONTINUED = re.compile(r"^(.*?)(?:\*(\d+))?(\*)?$")


def decode_bytes(data: bytes, charset: str | None) -> str:
    """Text of bytes in a charset that may be wrong, unknown or missing.

    The named charset is tried first, then UTF-8, then Windows-1252, which takes nearly all bytes.
    """
    for name in (charset, "utf-8", "cp1252"):
        if not name:
            continue
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode(_known(charset), "replace")


def _known(charset: str | None) -> str:
    try:
        b"".decode(charset or "")
    except (LookupError, ValueError):
        return "latin-1"
    return charset or "latin-1"


def decode_words(value: str) -> str:
    """The value with its encoded words (RFC 2047) decoded.

    Neighbours of one charset are joined as bytes first: senders cut characters in half.
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for match in _WORD.finditer(value):
        between = value[end : match.start()]
        content = _word_bytes(match[2], match[3])
        adjacent = end > 0 and not between.strip()
        if adjacent and match[1].lower() == charset:
            pending += content
        else:
            out.append(decode_bytes(pending, charset) if pending else "")
            out.append("" if adjacent else between)
            pending, charset = content, match[1].lower()
        end = match.end()
    out.append(decode_bytes(pending, charset) if pending else "")
    out.append(value[end:])
    return "".join(out)


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return lenient_base64(raw)


def lenient_base64(data: bytes) -> bytes:
    """Decode base64 that may have foreign characters in it or padding missing."""
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        # A single leftover character carries less than a byte.
        kept = kept[:-1] if len(kept) % 4 == 1 else kept
        return base64.b64decode(kept + b"=" * (-len(kept) % 4))


def read_fields(raw: bytes) -> tuple[list[tuple[str, str]], int]:
    """The header fields at the start of an entity.

    Args:
        raw: An entity: header, blank line, body.

    Returns:
        Names and values, in order and as often as they stand there, and the offset of the body.
        A line that is no field ends the header, as if the blank line had been forgotten.
    """
    fields: list[tuple[str, str]] = []
    head_end, body = _split(raw)
    offset = 0
    for line in _FOLD.sub(b"\0", raw[:head_end]).split(b"\n"):
        match = _FIELD.match(line)
        if match is None:
            if offset == 0 and line.startswith((b"From ", b">From ")):
                offset += len(line) + 1
                continue
            if line.strip(b"\r \0"):
                return fields, _original_offset(raw, offset)
        else:
            value = line[match.end() :].rstrip(b"\r")
            fields.append((match[1].decode("ascii"), _value(value)))
        offset += len(line) + 1
    return fields, body


def _original_offset(raw: bytes, folded: int) -> int:
    """Where in `raw` the byte at an offset of its unfolded form stands."""
    grown = 0
    for match in _FOLD.finditer(raw):
        if match.start() - grown >= folded:
            break
        grown += len(match[0]) - 1
    return folded + grown


def _split(raw: bytes) -> tuple[int, int]:
    """Where the header ends and where the body begins."""
    if raw.startswith((b"\r\n", b"\n")):
        return 0, raw.index(b"\n") + 1
    crlf, lf = raw.find(b"\r\n\r\n"), raw.find(b"\n\n")
    if crlf >= 0 and (lf < 0 or crlf < lf):
        return crlf, crlf + 4
    if lf >= 0:
        return lf, lf + 2
    return len(raw), len(raw)


def _value(raw: bytes) -> str:
    unfolded = raw.replace(b"\0", b"")
    text = unfolded.decode("ascii") if unfolded.isascii() else decode_bytes(unfolded, None)
    return decode_words(text).strip(" \t")


def read_params(value: str) -> tuple[str, dict[str, str]]:
    """The main value of a Content-Type or Content-Disposition, lower case, and its parameters.

    Continuations and charsets of RFC 2231 are put together.
    """
    main, _, rest = value.partition(";")
    params: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in _raw_params(";" + rest if rest else ""):
        match = _CONTINUED.match(name)
        if match is None or (match[2] is None and match[3] is None):
            params.setdefault(name, text)
        else:
            pieces.setdefault(match[1], []).append((int(match[2] or 0), bool(match[3]), text))
    for name, parts in pieces.items():
        params[name] = _joined(sorted(parts))
    return main.strip().lower(), params


def _raw_params(rest: str) -> Iterator[tuple[str, str]]:
    for match in _PARAM.finditer(rest):
        text = match[2].strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text.strip('"'))
        yield match[1].lower(), text


def _joined(parts: list[tuple[int, bool, str]]) -> str:
    charset, data = "utf-8", b""
    for index, (_, extended, text) in enumerate(parts):
        if extended and index == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)  # noqa: PLW2901 - the prefix is dropped
        data += unquote_to_bytes(text) if extended else text.encode()
    return decode_bytes(data, charset)
