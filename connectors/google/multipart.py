"""The form of Google's batch requests and answers: HTTP messages within a MIME multipart.

Google's own client writes and reads these by Python's e-mail package, which takes more time than
all else that is done with a message. The form is small and fixed, so it is written and read here;
the requests themselves are made by Google's client.

https://developers.google.com/workspace/gmail/api/guides/batch#format-of-a-batch-request
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})\b")
#: Where a head ends, whichever of the two line ends was used.
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
#: Google answers a part with this before the id that it was sent with.
_ANSWERS = "response-"


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of a batch. Never shown by `repr`.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def write(requests: Mapping[str, Any]) -> tuple[str, bytes]:
    """Make the body of a batch.

    Args:
        requests: Requests for GET, made by Google's client, by the id of their part: letters,
            digits and the like.

    Returns:
        The `Content-Type` and the body.
    """
    boundary = f"batch_{secrets.token_hex(16)}"
    lines: list[str] = []
    for key, request in requests.items():
        parts = urlsplit(request.uri)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines += (
            f"--{boundary}",
            "Content-Type: application/http",
            f"Content-ID: <{key}>",
            "",
            f"GET {target} HTTP/1.1",
            "",
            "",
        )
    lines += (f"--{boundary}--", "")
    return f'multipart/mixed; boundary="{boundary}"', "\r\n".join(lines).encode("ascii")


def read(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of a batch's answer, by the id of their request.

    A part that makes no sense is left out: whoever asked sees that it is missing.

    Raises:
        ValueError: This is no batch's answer at all.
    """
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/") or boundary is None:
        raise ValueError("no multipart answer")
    return dict(_parts(b"\n--" + boundary[1].strip().encode("latin-1"), b"\n" + body))


def _parts(mark: bytes, body: bytes) -> Iterator[tuple[str, Part]]:
    # Before the first mark there is nothing of interest; after the last stands "--".
    for piece in body.split(mark)[1:]:
        if piece.startswith(b"--"):
            return
        head, rest = _cut(piece.lstrip(b"\r\n"))
        key = _headers(head).get("content-id", "").strip("<> ")
        inner, content = _cut(rest)
        status = _STATUS.match(inner)
        if status and key:
            headers = _headers(inner.partition(b"\n")[2])
            yield key.removeprefix(_ANSWERS), Part(int(status[1]), headers, content)


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """What stands before the first empty line, and after it."""
    empty = _EMPTY_LINE.search(text)
    return (text[: empty.start()], text[empty.end() :]) if empty else (text, b"")


def _headers(head: bytes) -> dict[str, str]:
    found = {}
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
