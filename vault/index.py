"""The full-text index: what is found by which words.

A contentless FTS5 table: it holds the words and no second copy of the text.

https://www.sqlite.org/fts5.html#contentless_delete_tables
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from connectors.sdk.records import Record

#: A row of the index: number of the record's row, name, summary, text.
Row = tuple[int, str, str, str]

_MOST_TERMS = 32
_SNIPPET_LENGTH = 160
#: How far into a text a snippet is looked for, in characters.
_SNIPPET_REACH = 200_000
_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r'"([^"]*)"?|([^\s"]+)')
# Half of a pair is not text (UTF-8 has no form for it), and the tokenizer stops at a zero.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


def create(connection: Connection) -> None:
    """Make the index."""
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE records_text USING fts5(name, summary, text, content='',"
        " contentless_delete=1, tokenize='unicode61 remove_diacritics 2')"
    )


def put(connection: Connection, rows: Sequence[Row]) -> None:
    """Index records, replacing what was there of the same rows."""
    if rows:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO records_text(rowid, name, summary, text) VALUES (?, ?, ?, ?)",
            list(rows),
        )


def remove(connection: Connection, rows: Iterable[int]) -> None:
    """Take records out of the index."""
    values = [(row,) for row in rows]
    if values:
        connection.exec_driver_sql("DELETE FROM records_text WHERE rowid = ?", values)


def texts(record: Record, searchable: Sequence[str]) -> tuple[str, str, str]:
    """Name, summary, and the text of the searchable fields, one string of a field a line."""
    text = "\n".join(s for field in searchable for s in _strings(record.get(field)))
    return clean(record["name"]), clean(record.get("summary") or ""), clean(text)


def clean(text: str) -> str:
    """The text without characters that cannot be kept in a text column."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNUSABLE.sub("\ufffd", text)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


@dataclass(frozen=True, slots=True)
class Question:
    """What a person typed, made safe.

    Args:
        match: For FTS5's MATCH; empty when there is no word in it.
        words: The words, folded.
        prefix: Whether the last word may go on.
    """

    match: str
    words: frozenset[str]
    prefix: str


def question(text: str) -> Question:
    """Read what a person typed: all words must occur; `"words in quotes"` stand together.

    The last word finds words that begin with it, unless it is in quotes. Whatever else is typed
    is taken for separators: nothing raises.
    """
    phrases: list[str] = []
    prefix = ""
    for quoted, bare in _PIECE.findall(clean(text)):
        words = _words(quoted or bare)
        if words and len(phrases) < _MOST_TERMS:
            phrases.append(" ".join(words))
            prefix = "" if quoted else words[-1]
    terms = [f'"{phrase}"' for phrase in phrases]
    if prefix:
        terms[-1] += "*"
    return Question(
        match=" AND ".join(terms),
        words=frozenset(fold(word) for phrase in phrases for word in phrase.split()),
        prefix=fold(prefix),
    )


def _words(text: str) -> list[str]:
    """The runs of characters that the tokenizer keeps: letters, marks on them, numbers."""
    # Private-use characters (Co) are tokens for unicode61; nobody searches for them.
    return "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text).split()


def fold(word: str) -> str:
    """The word in lower case and without diacritics, about as the tokenizer folds it."""
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def snippet(record: Record, searchable: Sequence[str], asked: Question) -> str:
    """The words around the first hit; the beginning of the text where none is seen."""
    name, summary, text = texts(record, searchable)
    candidates = [summary, text[:_SNIPPET_REACH], name]
    for candidate in candidates:
        for word in _WORD.finditer(candidate):
            folded = fold(word.group())
            if folded in asked.words or (asked.prefix and folded.startswith(asked.prefix)):
                return _around(candidate, word.start())
    return _around(next(filter(None, candidates), ""), 0)


def _around(text: str, place: int) -> str:
    start = max(0, place - _SNIPPET_LENGTH // 3)
    if start:
        start = text.find(" ", start, place) + 1 or start
    piece = text[start : start + _SNIPPET_LENGTH]
    cut = start + _SNIPPET_LENGTH < len(text)
    return ("…" if start else "") + " ".join(piece.split()) + ("…" if cut else "")
