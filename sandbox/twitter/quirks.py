"""What X does now and then though its pages do not say so; all of it is off until a test asks.

That a user's `connection_status` is left out where there is no connection is how it is reported
(https://github.com/xdevplatform/twitter-api-typescript-sdk/issues/89) and therefore the default;
X's description allows for an empty one as well. A field that X does not know, or knows no more, it
drops without a word. Counts and lists are kept apart from each other at X, so that one is late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Quirks:
    """Switches.

    Args:
        late: The profile's counts of follows and posts as they were; None: they are up to date.
            See `Store.let_counts_lag`.
        endless: What the last page of a list names as the next one: nothing; a page that names
            itself; or another one each time. All of them are empty.
        dropped: Fields that are left out of each answer without a word.
        empty_status: Whether there is an empty `connection_status` where there is no connection.
    """

    late: tuple[int, int] | None = None
    endless: Literal["", "same", "new"] = ""
    dropped: set[str] = field(default_factory=set)
    empty_status: bool = False
