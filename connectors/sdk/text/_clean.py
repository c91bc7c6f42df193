"""What every extracted text has in common: characters that can be stored, lines without litter."""

from __future__ import annotations

import re

# NUL and the other control characters but newline and tab, lone surrogates, noncharacters.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TRAILING = re.compile(r"[^\S\n]+\n")
_BLANK_LINES = re.compile(r"\n{3,}")


def clean(text: str) -> str:
    """Normalise line ends, drop what cannot be stored, collapse blank lines, strip."""
    text = _UNSTORABLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _TRAILING.sub("\n", text + "\n")
    return _BLANK_LINES.sub("\n\n", text).strip()
