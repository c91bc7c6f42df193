"""Where the reading of a list stands. Pure: JSON in, JSON out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self

from connectors.sdk.records import Position

#: What is to be done next: the backfill, a look at the head after it, the whole list again, or
#: nothing but a look at the head.
Phase = Literal["walk", "settle", "sweep", "done"]


@dataclass(slots=True)
class State:
    """Where the reading stands. Its size does not depend on the list's.

    Args:
        phase: What is to be done next; "" at the start.
        page: Token of the page that the backfill reads next; None for the first.
        total: How long the list is when all that is kept accounts for it: the length that was
            told, and one more for each new item since. Another length than this, told later,
            means that something else changed as well.
        shifted: The length changed during the backfill.
        barren: Pages in a row of the backfill that brought nothing new.
        head: Digest of the first page, when it was last seen to.
        slack: By how much the length was last seen to differ without a reason.
        trusted: When that was, ISO 8601; "" for never.
        whole: When the list was last read as a whole, ISO 8601.
        notes: What the handler itself remembers.
    """

    phase: Phase | Literal[""] = ""
    page: str | None = None
    total: int | None = None
    shifted: bool = False
    barren: int = 0
    head: str = ""
    slack: int = 0
    trusted: str = ""
    whole: str = ""
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        values = dict(position)
        # The caller's position stays as it was kept.
        values["notes"] = dict(values.get("notes", {}))
        return cls(**values)

    def to_json(self) -> Position:
        """The position."""
        return asdict(self)

    def old(self, now: datetime, age: timedelta) -> bool:
        """Whether the list was last read as a whole longer ago than that."""
        return not self.whole or now - datetime.fromisoformat(self.whole) >= age

    def trusts(self, now: datetime, age: timedelta) -> bool:
        """Whether the length was seen to differ without a reason, no longer ago than that."""
        return bool(self.trusted) and now - datetime.fromisoformat(self.trusted) < age
