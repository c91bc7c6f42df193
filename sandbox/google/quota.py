"""The quota of one user, in a sliding window, and the limit on requests at once.

Costs are those of projects made since May 2026; the older table has 5 for messages.get. The new
price of attachments.get is taken to be that of messages.get, as it was in the older table.
https://developers.google.com/workspace/gmail/api/reference/quota

The documentation does not say whether the window slides or starts anew each minute, nor whether
refused calls count. Here it slides, and refused calls cost nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.options import Quota

COSTS = {
    "gmail.users.getProfile": 1,
    "gmail.users.history.list": 2,
    "gmail.users.labels.get": 1,
    "gmail.users.labels.list": 1,
    "gmail.users.messages.attachments.get": 20,
    "gmail.users.messages.get": 20,
    "gmail.users.messages.list": 5,
}


class Meter:
    """Spends one user's units.

    Args:
        quota: Units and window; None for no limit.
        clock: Seconds that only grow.
    """

    def __init__(self, quota: Quota | None, clock: Callable[[], float]) -> None:
        self._quota, self._clock = quota, clock
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def spend(self, units: int) -> bool:
        """Spend units if the window has room for them; False when it has not."""
        if self._quota is None:
            return True
        with self._lock:
            now = self._clock()
            while self._spent and self._spent[0][0] <= now - self._quota.seconds:
                self._sum -= self._spent.popleft()[1]
            if self._sum + units > self._quota.units:
                return False
            self._spent.append((now, units))
            self._sum += units
            return True


class Slots:
    """How many of one user's requests are being worked on.

    Args:
        limit: How many may be.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._lock = threading.Lock()

    @contextmanager
    def take(self, wanted: int) -> Iterator[int]:
        """Take as many of the wanted slots as are free, for as long as the block runs."""
        with self._lock:
            taken = min(wanted, self._free)
            self._free -= taken
        try:
            yield taken
        finally:
            with self._lock:
                self._free += taken
