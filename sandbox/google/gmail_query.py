"""The part of Gmail's search language that the sandbox plays.

`after:` and `before:` (also `newer:`, `older:`) with a date (`2004/04/16`, midnight Pacific time
as the guide says) or seconds since 1970, `is:unread|starred|important|read`, `in:` and `label:`
with a label's id in small letters. Everything else is refused, rather than silently ignored.
The guide does not say whether `after:` includes its own moment: here it does, and `before:` does
not.

https://developers.google.com/workspace/gmail/api/guides/filtering
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sandbox.google.errors import invalid_argument
from sandbox.google.mailbox import Entry

_PACIFIC = timezone(timedelta(hours=-8))
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})")

Filter = Callable[[Entry], bool]


def filters(query: str) -> list[Filter]:
    """Tests that a message must pass to match.

    Raises:
        GoogleError: A term is not one of those above.
    """
    return [_filter(term) for term in query.split()]


def _filter(term: str) -> Filter:
    name, _, value = term.partition(":")
    negated, name = name.startswith("-"), name.lower().lstrip("-")
    test = _test(name, value, term)
    return (lambda entry: not test(entry)) if negated else test


def _test(name: str, value: str, term: str) -> Filter:
    if name in ("after", "newer"):
        start = _moment(value, term)
        return lambda entry: entry.date >= start
    if name in ("before", "older"):
        end = _moment(value, term)
        return lambda entry: entry.date < end
    if name == "is" and value == "read":
        return lambda entry: "UNREAD" not in entry.labels
    if name == "in" and value == "anywhere":
        return lambda _: True
    if name in ("is", "in", "label", "category") and value:
        wanted = f"CATEGORY_{value}".upper() if name == "category" else value.upper()
        return lambda entry: any(label.upper() == wanted for label in entry.labels)
    raise invalid_argument(f"The sandbox does not play the search term {term[:40]!r}.")


def _moment(value: str, term: str) -> int:
    """A point in time, milliseconds since 1970."""
    if value.isdigit():
        return int(value) * 1000
    match = _DATE.fullmatch(value)
    if match is None:
        raise invalid_argument(f"The sandbox does not play the search term {term[:40]!r}.")
    year, month, day = map(int, match.groups())
    try:
        return int(datetime(year, month, day, tzinfo=_PACIFIC).timestamp() * 1000)
    except ValueError as error:
        raise invalid_argument(f"Invalid date in {term[:40]!r}.") from error
