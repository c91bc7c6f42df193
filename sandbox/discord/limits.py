"""Discord's limits: of a user's calls of a route, and of refused requests of an address.

https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from sandbox.discord.errors import RefusedError, limited, shut_out


class Window:
    """One user's calls of one route: so many in a window, which begins with the first call.

    Discord names no numbers and tells in each answer how many calls are left.

    Args:
        bucket: What the limit is called.
        calls: Calls in a window.
        seconds: Length of a window.
        clock: Unix time in seconds.
    """

    def __init__(self, bucket: str, calls: int, seconds: float, clock: Callable[[], float]) -> None:
        self._bucket, self._calls, self._seconds, self._clock = bucket, calls, seconds, clock
        self._lock = threading.Lock()
        self._ends = 0.0
        self._left = calls

    def take(self) -> tuple[tuple[str, str], ...]:
        """Make a call; the headers that its answer has.

        Raises:
            RefusedError: None is left.
        """
        with self._lock:
            now = self._clock()
            if now >= self._ends:
                self._ends, self._left = now + self._seconds, self._calls
            if not self._left:
                raise limited(round(self._ends - now, 3), headers=self._headers(now))
            self._left -= 1
            return self._headers(now)

    def _headers(self, now: float) -> tuple[tuple[str, str], ...]:
        return (
            ("X-RateLimit-Limit", str(self._calls)),
            ("X-RateLimit-Remaining", str(self._left)),
            ("X-RateLimit-Reset", f"{self._ends:.3f}"),
            ("X-RateLimit-Reset-After", f"{self._ends - now:.3f}"),
            ("X-RateLimit-Bucket", self._bucket),
        )


class Address:
    """The address that all calls come from. Too many refused ones shut it out.

    For how long is not documented; here until a test lets it in again (`clear`).

    Args:
        clock: Unix time in seconds.
        most: Refusals (401, 403, and 429 but for those of scope `shared`) that are borne.
        seconds: Within so long.
    """

    def __init__(
        self, clock: Callable[[], float], most: int = 10_000, seconds: float = 600.0
    ) -> None:
        self.most = most
        self.out = False
        self._clock, self._seconds = clock, seconds
        self._refused: deque[float] = deque()

    def check(self) -> None:
        """Let a call in.

        Raises:
            RefusedError: The address is shut out.
        """
        if self.out:
            raise shut_out()

    def note(self, error: RefusedError) -> None:
        """Count a refusal."""
        if not error.counts:
            return
        self._refused.append(self._clock())
        self.out = self.out or self.refused() >= self.most

    def refused(self) -> int:
        """How many refusals count at present."""
        while self._refused and self._refused[0] <= self._clock() - self._seconds:
            self._refused.popleft()
        return len(self._refused)

    def clear(self) -> None:
        """Forget all refusals."""
        self._refused.clear()
        self.out = False
