"""Text files: which encoding, and whether they are text at all."""

from __future__ import annotations

import codecs
import logging
import re

_MARKS = (
    # The longer first: UTF-32's little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SHIFTED = re.compile(rb"\x1b[$(]")
_SAMPLE = 64 * 1024
# Guessing an encoding costs time with every byte, and settles early; of a few words it is a lottery.
_GUESSED = 8 * 1024
_GUESSABLE = 32
# Python decodes these too, but they are no text's encoding.
_NO_ENCODINGS = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"}
)


def decode(data: bytes, parameters: str = "") -> str:
    """Return the text of some bytes; what cannot be decoded becomes U+FFFD.

    Encodings in turn: the byte order mark's, UTF-8, the one of `parameters` (as in a media type),
    the one that a `<meta>` names, the likeliest.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    # Before the one named: other text is hardly ever valid UTF-8, and names are often wrong. Mail
    # in 7 bits (ISO-2022, UTF-7, HZ) is valid UTF-8 as it stands, and rightly named.
    named = _named(parameters, data)
    if not _SHIFTED.search(data) and named not in {
        "utf-7",
        "hz",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
    }:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return data.decode(named or _guess(data), "replace")


def looks_like_text(data: bytes) -> bool:
    """Tell whether bytes of an unknown type are text: marked as such, or UTF-8 that prints."""
    sample = data[:_SAMPLE]
    if any(sample.startswith(mark) for mark, _ in _MARKS):
        return True
    if _CONTROL.search(sample):
        return False
    try:
        # A character may be cut at the sample's end.
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(data) <= _SAMPLE)
    except UnicodeDecodeError:
        return False
    return True


def _named(parameters: str, data: bytes) -> str | None:
    """The encoding named in the parameters or the document, if Python has it."""
    inside = _META.search(data[:2048])
    told = _CHARSET.search(parameters)
    name = told[1] if told else inside[1].decode("ascii", "replace") if inside else ""
    try:
        known = codecs.lookup(name).name
        # Python also finds codecs between bytes, such as base64 and zlib, by their name.
        b"x".decode(known, "ignore")
    except (LookupError, UnicodeError):
        return None
    return None if known.replace("_", "-") in _NO_ENCODINGS else known


def _guess(data: bytes) -> str:
    if len(data) < _GUESSABLE and not _SHIFTED.search(data):
        return "cp1252"
    # Heavy, and most text is UTF-8.
    from charset_normalizer import from_bytes

    # Its messages quote bytes.
    logging.getLogger("charset_normalizer").setLevel(logging.WARNING)
    # No encoding fits a sample that ends inside a character.
    sample = data[:_GUESSED].rpartition(b"\n")[0] or data[:_SAMPLE]
    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"
