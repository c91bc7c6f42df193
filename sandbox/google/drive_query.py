"""The part of Drive's search that the sandbox plays; anything else is refused.

https://developers.google.com/workspace/drive/api/guides/search-files
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.google.drive_store import Entry
from sandbox.google.errors import GoogleError

Test = Callable[[Entry], bool]

_TYPE = re.compile(r"mimeType\s*(=|!=)\s*'([^'\\]+)'")
_TRASHED = re.compile(r"trashed\s*=\s*(true|false)")
_OWNED = re.compile(r"'me'\s+in\s+owners")


def read(text: str | None) -> Test:
    """Whether a file is one of those that `q` asks for: terms joined by `and`.

    Raises:
        GoogleError: A term is not played here.
    """
    if not text:
        return lambda _: True
    tests = [_term(term.strip()) for term in re.split(r"\s+and\s+", text)]
    return lambda entry: all(test(entry) for test in tests)


def _term(term: str) -> Test:
    if _OWNED.fullmatch(term):
        return lambda entry: entry.mine
    if match := _TRASHED.fullmatch(term):
        wanted = match[1] == "true"
        return lambda entry: entry.trashed == wanted
    if match := _TYPE.fullmatch(term):
        same, mime = match[1] == "=", match[2]
        return lambda entry: (entry.kind.mime == mime) == same
    raise invalid("q")


def invalid(parameter: str) -> GoogleError:
    """400: a parameter's value is not understood."""
    return GoogleError(
        400,
        "Invalid Value",
        "invalid",
        extra={"locationType": "parameter", "location": parameter},
    )
