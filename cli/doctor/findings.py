"""`Finding`: one thing that was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cli.doctor.advice import advice_on, reason
from config.logs import message_of, trace

#: `ok` may also be a mere fact; a `warning` can wait; a `problem` keeps something from working.
Level = Literal["ok", "warning", "problem"]

#: Makes the findings of one subject.
Check = Callable[[], Iterable["Finding"]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Holds no secret and no content.

    Args:
        area: Subject, such as `redis`.
        level: How bad it is.
        text: What it is.
        advice: What to do, as a sentence; None when there is nothing to do.
    """

    area: str
    level: Level
    text: str
    advice: str | None = None


def guarded(area: str, check: Check) -> Iterator[Finding]:
    """The findings of a check; one that breaks is itself a finding, and keeps no other back."""
    try:
        yield from check()
    except PermissionError as error:
        place = Path(str(error.filename or "."))
        yield Finding(
            area, "problem", f"could not be looked at: {reason(error)}", advice_on(error, place)
        )
    except Exception as error:
        # Whatever the trouble is that doctor was called for, the rest must be looked at.
        yield Finding(
            area,
            "problem",
            f"could not be looked at: {message_of(error)} ({trace(error)})",
            "Report it, with this line; it holds no content.",
        )


def many(count: int, thing: str) -> str:
    """A count with its word, such as `1 job` or `2 jobs`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """A time span for people, such as `4 min`."""
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def size(count: float) -> str:
    """Bytes for people, such as `1.2 GB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
