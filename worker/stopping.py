"""`StoppedError`: ends a slice from within a call."""

from __future__ import annotations


class StoppedError(Exception):
    """A slice is to end now: its time is over, shutdown, a cancel or a lost lease.

    Args:
        reason: As the engine knows it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
