"""Plain text from attached documents: PDF, Word, Excel, PowerPoint, HTML and text files.

Attachments come from strangers. So nothing here raises because of what a document holds; size in,
size unpacked, text out and time are bounded; and no library logs a document's content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from connectors.sdk.text._bounds import (
    MAX_CHARACTERS,
    EncryptedError,
    TooLargeError,
    UnsupportedError,
)
from connectors.sdk.text._clean import clean
from connectors.sdk.text._office import office_text
from connectors.sdk.text._pdf import pdf_text
from connectors.sdk.text._plain import decode, looks_like_text
from connectors.sdk.text.html import html_to_text

_LIMIT = 10 * 1024 * 1024
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The name of the stream that holds a password-protected Office document.
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_MARKED_UP = frozenset({"text/rtf", "text/richtext", "text/enriched"})
_TEXT_TYPES = re.compile(
    r"text/.+|application/(?:(?:.+\+)?(?:json|xml)|x-ndjson|(?:x-)?yaml|toml|sql|csv"
    r"|(?:x-)?javascript|x-sh)"
)
_HTML_NAMES = frozenset({".html", ".htm", ".xhtml"})
_TEXT_NAMES = re.compile(
    r"\.(?:txt|text|md|rst|csv|tsv|json|ndjson|xml|ya?ml|toml|ini|log|ics|vcf|sql|py|js|ts|css|sh"
    r"|c|h|java|go|rs|rb|diff|patch|tex|srt)"
)
# What these hold begins with a signature, or is damaged.
_SIGNED_TYPES = re.compile(r"application/(?:pdf|vnd\.openxmlformats-.+)")
_SIGNED_NAMES = frozenset({".pdf", ".docx", ".xlsx", ".pptx"})
_UNTOLD = frozenset(
    {
        "",
        "application/octet-stream",
        "application/octetstream",
        "application/unknown",
        "application/x-download",
        "binary/octet-stream",
    }
)


class Reason(StrEnum):
    """Why a document gave no text."""

    TOO_LARGE = "too large"
    ENCRYPTED = "encrypted"
    UNSUPPORTED = "unsupported type"
    DAMAGED = "damaged"
    NO_TEXT = "no text"


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's text, or why there is none.

    Attributes:
        text: at most `MAX_CHARACTERS` characters; no NUL, no lone surrogates; may be empty.
        reason: None if there is text.
    """

    text: str
    reason: Reason | None = None


def extract_text(
    data: bytes, *, filename: str | None, media_type: str | None, limit: int = _LIMIT
) -> Extracted:
    """Return the text of a document.

    What the bytes show decides over what is said of them; a type of `application/octet-stream`,
    or none, is made up for by the file name, then by whether the bytes look like text.

    Args:
        data: the document's bytes.
        filename: the name it came with; only its extension counts.
        media_type: the type it came with; parameters other than `charset` are ignored.
        limit: largest size read, in bytes.
    """
    if len(data) > limit:
        return Extracted("", Reason.TOO_LARGE)
    try:
        text = _bounded(_reader(data, filename or "", media_type or "")(data))
    except EncryptedError:
        return Extracted("", Reason.ENCRYPTED)
    except TooLargeError:
        return Extracted("", Reason.TOO_LARGE)
    except UnsupportedError:
        return Extracted("", Reason.UNSUPPORTED)
    except Exception:
        # Hostile bytes make the parsers raise whatever there is, and their messages quote them.
        return Extracted("", Reason.DAMAGED)
    return Extracted(text, None if text else Reason.NO_TEXT)


Reader = Callable[[bytes], Iterator[str]]


def _reader(data: bytes, filename: str, media_type: str) -> Reader:
    """Return what reads this document piece by piece."""
    essence, _, parameters = media_type.partition(";")
    essence = essence.strip().lower()
    # Some PDFs begin with a mail header or a byte order mark.
    if b"%PDF-" in data[:1024] and not essence.startswith("text/"):
        return pdf_text
    if data.startswith(_ZIP):
        return office_text
    if data.startswith(_OLE):
        if _OLE_ENCRYPTED in data:
            raise EncryptedError
        raise UnsupportedError
    return _claimed_reader(data, PurePosixPath(filename).suffix.lower(), essence, parameters)


def _claimed_reader(data: bytes, suffix: str, essence: str, parameters: str) -> Reader:
    """Choose by what is said of a document whose bytes show nothing."""
    untold = essence in _UNTOLD
    if _SIGNED_TYPES.fullmatch(essence) or (untold and suffix in _SIGNED_NAMES):
        raise ValueError("the document lacks its signature")
    if essence in _HTML_TYPES or (untold and suffix in _HTML_NAMES):
        return lambda html: iter([html_to_text(decode(html, parameters))])
    if essence in _MARKED_UP:
        raise UnsupportedError
    told = _TEXT_TYPES.fullmatch(essence) or (untold and _TEXT_NAMES.fullmatch(suffix))
    if told or (untold and looks_like_text(data)):
        return lambda text: iter([decode(text, parameters)])
    raise UnsupportedError


def _bounded(pieces: Iterator[str]) -> str:
    """Join no more pieces than the text may have characters."""
    taken: list[str] = []
    left = 2 * MAX_CHARACTERS  # cleaning takes some away
    for piece in pieces:
        taken.append(piece[:left])
        left -= len(taken[-1])
        if left <= 0:
            break
    return clean("".join(taken))[:MAX_CHARACTERS].rstrip()
