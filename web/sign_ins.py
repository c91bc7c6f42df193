"""Sign-ins under way in this process: `connectors.sdk.signin.SignIn` is alive between two requests.

One request at a time may use a sign-in, and nobody waits for another person's: what is in use when
it is given up is closed by whoever uses it, once they are done.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from connectors.sdk.signin import SignIn

_log = logging.getLogger(__name__)

#: Seconds after which a sign-in that nobody goes on with is given up, and after which any is.
_IDLE_SECONDS = 300.0
_LONGEST_SECONDS = 900.0
#: Sign-ins that may be under way at once: each holds a client of the provider open.
_MOST = 20


@dataclass(slots=True)
class _Held:
    """A sign-in under way.

    Args:
        person: Whose it is.
        provider_id: Where.
        sign_in: The sign-in; used by the holder of `lock` alone.
        begun: When it began, on the monotonic clock.
        seen: When somebody was at it last.
        over: Whether it was given up.
    """

    person: str
    provider_id: str
    sign_in: SignIn
    begun: float
    seen: float
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Let go of it; the caller holds its lock."""
        try:
            self.sign_in.close()
        except Exception as error:
            # Of no concern to the person whose request this is.
            _log.warning("a sign-in could not be closed (%s)", type(error).__name__)


class SignIns:
    """All sign-ins under way."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, person: str, provider_id: str, sign_in: SignIn) -> str:
        """Hold one; its number. A person's earlier one is given up, and the idlest of too many."""
        number, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            others = sorted(self._held, key=lambda key: self._held[key].seen)
            doomed = [key for key in others if self._held[key].person == person]
            left = [key for key in others if key not in doomed]
            doomed += left[: max(0, len(left) + 1 - _MOST)]
            ended = [self._held.pop(key) for key in doomed]
            self._held[number] = _Held(person, provider_id, sign_in, now, now)
            self._watch()
        _give_up(ended)
        return number

    @contextmanager
    def use(
        self, number: str, person: str, provider_id: str, *, looks: bool = False
    ) -> Iterator[SignIn | None]:
        """A sign-in, for one request at a time; None when it is there no more.

        Args:
            number: Its number.
            person: Whose request this is.
            provider_id: At which provider.
            looks: Whether a page asks by itself, which keeps no sign-in alive.
        """
        with self._lock:
            held = self._held.get(number)
        if held is None or (held.person, held.provider_id) != (person, provider_id):
            yield None
            return
        with held.lock:
            # Another request may have come to its end while this one waited.
            try:
                yield None if held.over else held.sign_in
            finally:
                if not looks:
                    held.seen = time.monotonic()
                if held.over:
                    held.close()

    def end(self, number: str) -> None:
        """Give one up; also from within `use`, which closes it then."""
        with self._lock:
            held = self._held.pop(number, None)
        _give_up([held] if held else [])

    def sweep(self) -> None:
        """Give up those that nobody goes on with, and those that take too long."""
        now = time.monotonic()
        with self._lock:
            late = [
                key
                for key, held in self._held.items()
                if held.seen < now - _IDLE_SECONDS or held.begun < now - _LONGEST_SECONDS
            ]
            ended = [self._held.pop(key) for key in late]
            self._timer = None
            self._watch()
        _give_up(ended)

    def close(self) -> None:
        """Give all up."""
        with self._lock:
            ended, self._held = list(self._held.values()), {}
            if self._timer is not None:
                self._timer.cancel()
        _give_up(ended)

    def _watch(self) -> None:
        """Look again in a while, if there is anything to look after."""
        if self._held and self._timer is None:
            self._timer = threading.Timer(_IDLE_SECONDS / 5, self.sweep)
            self._timer.daemon = True
            self._timer.start()


def _give_up(ended: Iterable[_Held]) -> None:
    for held in ended:
        held.over = True
        if held.lock.acquire(blocking=False):
            try:
                held.close()
            finally:
                held.lock.release()
