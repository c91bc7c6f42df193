"""How far one chat has been read. Pure: it follows from the messages and from itself alone.

What is kept of a chat is one stretch of its history, without a hole, and above it perhaps newer
messages with one gap in between. It is written down with the chat's record, in the same batch as
the messages that it answers for; so the handler's position stays small however many chats there are.

Ids only grow (https://github.com/tdlib/td/issues/69), and the place of a message that was deleted is
as good to go on from as any.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

Json = dict[str, Any]


@dataclass(slots=True)
class Progress:
    """How far a chat has been read.

    Args:
        newest: Id of the stretch's newest message; 0 while there is none.
        oldest: Id of its oldest one.
        since: When that was sent, Unix seconds.
        below: When the next older message was sent, Unix seconds, once that is known to be older
            than what is asked for; 0 when there is none at all; None while it is not known.
        head: Above a gap: the newest id, and the one below which the gap begins.
    """

    newest: int = 0
    oldest: int = 0
    since: int = 0
    below: int | None = None
    head: tuple[int, int] | None = None

    @classmethod
    def parse(cls, newest: Any, data: Any) -> Self:
        """As a record has it (`newestId`, `syncData`); from the start where it has nothing sound."""
        try:
            held = json.loads(data)
            below, head = held.get("below"), held.get("head")
            return cls(
                newest=int(newest or 0),
                oldest=int(held["oldest"]),
                since=int(held["since"]),
                below=None if below is None else int(below),
                head=(int(head[0]), int(head[1])) if head else None,
            )
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return cls()

    def dump(self) -> dict[str, str]:
        """The same, as fields of a record."""
        data: dict[str, Any] = {"oldest": self.oldest, "since": self.since}
        if self.below is not None:
            data["below"] = self.below
        if self.head:
            data["head"] = list(self.head)
        newest = {"newestId": str(self.newest)} if self.newest else {}
        return {**newest, "syncData": json.dumps(data, separators=(",", ":"))}

    @property
    def top(self) -> int:
        """Id of the newest message that was read."""
        return self.head[0] if self.head else self.newest

    @property
    def next_start(self) -> int:
        """Where the next page of what is missing begins."""
        return self.head[1] if self.head else self.oldest

    def is_done(self, floor: int) -> bool:
        """Whether nothing is missing.

        Args:
            floor: Unix time in seconds that the history is wanted from; 0 for all of it.
        """
        if self.head:
            return False
        return self.below is not None and (self.below == 0 or self.below < floor)

    def holds(self, message_id: int) -> bool:
        """Whether a message of this id, if there is one, has been read."""
        if self.head and self.head[1] <= message_id <= self.head[0]:
            return True
        return 0 < self.oldest <= message_id <= self.newest

    def cleared(self) -> None:
        """All messages are gone."""
        self.newest = self.oldest = self.since = self.below = 0
        self.head = None

    def read_head(self, page: Sequence[Json], floor: int) -> list[Json]:
        """Take in the newest messages of the chat.

        Args:
            page: Messages, newest first, without a hole; empty where the chat has none.
            floor: As `is_done` has it.

        Returns:
            Those that are new.
        """
        if not page:
            self.cleared()
            return []
        if not self.newest:
            return self.read_older(page, floor)
        first, last, top = page[0]["id"], page[-1]["id"], self.top
        if self.head:
            # Older than the gap nothing is new; a page that does not reach its upper end is not
            # noted, so that there is one gap at most: the pages below it come first.
            if last <= self.head[0]:
                self.head = (first, self.head[1])
        elif last <= self.newest:
            self.newest = first
        else:
            self.head = (first, last)
        # Those that came after others were kept are wanted whatever the range is.
        return [message for message in page if message["id"] > top]

    def read_gap(self, page: Sequence[Json]) -> list[Json]:
        """Take in the messages below the gap's upper end; returns those to keep."""
        top, below = self.head or (self.newest, self.newest), self.newest
        if not page or page[-1]["id"] <= below:
            self.newest, self.head = top[0], None
        else:
            self.head = (top[0], page[-1]["id"])
        return [message for message in page if message["id"] > below]

    def read_older(self, page: Sequence[Json], floor: int) -> list[Json]:
        """Take in the messages below the stretch, or the first ones of all.

        Args:
            page: Messages, newest first; empty where there are no more.
            floor: As `is_done` has it.

        Returns:
            Those to keep.
        """
        if not page:
            self.below = 0
            return []
        # Below the first that is too old nothing is looked at.
        dates = [_date(message) for message in page]
        end = next((n for n, date in enumerate(dates) if date is not None and date < floor), None)
        wanted = list(page[:end])
        if wanted:
            self.newest = self.newest or wanted[0]["id"]
            self.oldest = wanted[-1]["id"]
            self.since = next((d for d in reversed(dates[:end]) if d is not None), self.since)
        self.below = None if end is None else dates[end]
        return wanted


def _date(message: Json) -> int | None:
    """When a message was sent; None where it does not say, which is for its own record to tell."""
    date = message.get("date")
    return date if isinstance(date, int) else None
