"""Reading single fields of X's posts and users, in both of its dialects.

Ids are made of their time: https://docs.x.com/fundamentals/x-ids. That the milliseconds since
2010-11-04 stand above the lowest 22 bits is not on that page; it is how X published the method
(https://github.com/twitter-archive/snowflake).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sdk.records import Json, iso

_EPOCH = datetime.fromtimestamp(1_288_834_974.657, UTC)
#: Ids below were given out one after the other, before they were made of times.
_FIRST_TIMED = 1 << 45
#: Before X's first day there is nothing.
_FIRST_DAY = datetime(2006, 3, 21, tzinfo=UTC)
_MEANT = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ESCAPED = re.compile("|".join(_MEANT))
#: Characters of a word that is rather cut than left out.
_LONG_WORD = 20


def text(value: Any) -> str | None:
    """A string that is there and not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> int | None:
    """A whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def dictionary(value: Any) -> Mapping[str, Any]:
    """An object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def either(item: Json, *names: str) -> Any:
    """The first of these fields that is there: the dialects call it differently."""
    return next((item[name] for name in names if item.get(name) is not None), None)


def ident(item: Json) -> int | None:
    """An item's id as a number, which grows with time; None without one."""
    found = item.get("id")
    return int(found) if isinstance(found, str) and found.isdecimal() else None


def moment(value: Any, *, by_id: str) -> str:
    """A time of the API as records write it; where there is none, the id's.

    Raises:
        TypeError: It is no text.
        ValueError: It is no time.
    """
    return time_of(by_id) if value is None else iso(datetime.fromisoformat(value))


def time_of(id_: str) -> str:
    """The time that an id is made of, as records write it."""
    return iso(made_at(int(id_)))


def made_at(id_: int) -> datetime:
    """The time that an id is made of; X's first day for one that is made of none."""
    if id_ < _FIRST_TIMED:
        return _FIRST_DAY
    return _EPOCH + timedelta(milliseconds=id_ >> 22)


def plain(words: str, entities: Any) -> str:
    """A text as a person wrote it: X escapes `&`, `<` and `>`, and shortens addresses.

    That it escapes these three is not documented; it is how texts come. The addresses that short
    ones lead to are not escaped: `&copy=2` in one of them is no sign.

    Args:
        words: The text.
        entities: Its `entities`, which tell where a short address leads.
    """
    words = _ESCAPED.sub(lambda found: _MEANT[found[0]], words)
    urls = dictionary(entities).get("urls")
    longer: dict[str, str] = {}
    for entry in urls if isinstance(urls, list) else ():
        short, whole = (
            text(dictionary(entry).get("url")),
            text(dictionary(entry).get("expanded_url")),
        )
        if short and whole:
            longer[short] = whole
    if not longer:
        return words
    # In one go, the longest first: an address must not be replaced within another.
    shorts = "|".join(re.escape(short) for short in sorted(longer, key=len, reverse=True))
    return re.sub(shorts, lambda found: longer[found[0]], words)


def beginning(words: str, most: int) -> str:
    """A text in one line, cut to so many characters; not all writing has spaces to cut at.

    Args:
        words: The text.
        most: Characters of the result, `…` included.
    """
    line = " ".join(words.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    # Between two words where the last of them is not long.
    whole = cut if line[most - 1] == " " else cut.rpartition(" ")[0]
    return (whole if len(whole) > most - _LONG_WORD else cut).rstrip() + "…"
