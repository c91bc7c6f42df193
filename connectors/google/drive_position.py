"""Where a Google Drive sync stands. Pure: JSON in, JSON out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Self

from connectors.sdk.records import Position

#: Value of the option for all files that the account sees, not its own alone.
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Backfill:
    """The listing of the files, and how far it has come.

    Args:
        page: Token of the page to list next; None for the first.
        shifted: Files left the list meanwhile, so that pages moved and may have skipped some.
        ended: The last page has been seen.
        done: Nothing is left to do.
    """

    page: str | None = None
    shifted: bool = False
    ended: bool = False
    done: bool = False

    @property
    def begun(self) -> bool:
        """Whether it is under way, past its first page."""
        return not self.done and (self.ended or self.page is not None)

    def turned(self, next_page: str | None) -> Backfill:
        """After a page has been seen to."""
        return replace(self, page=next_page, ended=next_page is None)


@dataclass(slots=True)
class State:
    """Where a sync stands.

    Args:
        changes: Token of the changes that come next; "" at the start.
        files: The option's value that the listing was made with.
        backfill: The listing.
        later: Ids of files that could not be had because of a passing fault.
        missed: There were more of these than `later` holds.
        compare: The ids that Google lists are to be compared with those kept.
        compared: The last id that a comparison under way has seen to; None when there is none.
    """

    changes: str = ""
    files: str = ""
    backfill: Backfill = field(default_factory=Backfill)
    later: list[str] = field(default_factory=list)
    missed: bool = False
    compare: bool = False
    compared: str | None = None

    @property
    def comparing(self) -> bool:
        """Whether a comparison is due or under way."""
        return self.compare or self.compared is not None

    @classmethod
    def from_json(cls, position: Position) -> Self:
        """From a position; from an empty one, the start."""
        values = dict(position)
        backfill = Backfill(**values.pop("backfill", {}))
        later = list(values.pop("later", ()))
        return cls(**values, backfill=backfill, later=later)

    def to_json(self) -> Position:
        """The position."""
        return asdict(self)

    def list_again(self) -> None:
        """See the list from the start, and then what is kept and no longer listed."""
        self.backfill = Backfill()
        self.compare, self.compared = True, None

    def close(self) -> None:
        """After the last page: what moved pages may have skipped is found by comparing."""
        self.compare = self.compare or self.backfill.shifted
        self.backfill = Backfill(done=True)

    def choose(self, files: str) -> None:
        """Take up the person's choice of files, where it has changed.

        More files than before are listed from the start; what is kept and no longer chosen stays.
        """
        if files != self.files and (files == EVERYTHING or not self.backfill.done):
            # A page token is of no use for another query.
            self.backfill = Backfill()
        self.files = files
