"""What a provider can do to its callers; see the sandbox's kinds of faults."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, ClassVar

import redis

from tests.chaos.fault import Fault, Scene, until
from tests.chaos.front import Front
from tests.chaos.people import Person
from vault.errors import VaultError

#: Any request to one of the provider's APIs, but for the token endpoint and the profile.
_ANY = "^/gmail/|^/batch|^/calendar|^/drive|^/youtube"
#: The lists from which items vanish, and how the sandbox counts refresh answers that are lost.
_LISTS = "/messages$|/files$"
_LOST = "fault:lost-refresh"
#: How long a fault waits for the rest of the requests that it can hit, in seconds.
_USED_SECONDS = 3.0
#: How long it waits for a sync that gives it something to hit, in seconds.
_SYNC_SECONDS = 10.0


class _Laid(Fault):
    """Laid at the sandbox: it hits some requests that fit, then a few more by chance."""

    kind: ClassVar[str]
    path: ClassVar[str] = _ANY
    #: How many requests are hit: from, to.
    requests: ClassVar[tuple[int, int]] = (1, 4)
    more: ClassVar[dict[str, Any]] = {}

    def inject(self, scene: Scene) -> None:
        self._count = self.chance.randint(*self.requests)
        scene.lay(
            self.kind, self.path, count=self._count, rate=1.0 if self.early else 0.7, **self.more
        )
        until(lambda: self.hits(scene) == self._count, _USED_SECONDS)

    def hits(self, scene: Scene) -> int:
        mine = (self.kind, self.path)
        pending = scene.world.faults.pending()
        left = sum(fault.count for fault in pending if (fault.kind, fault.path) == mine)
        return self._count - left

    def heal(self, scene: Scene) -> None:
        hits = self._count - scene.unlay(self.kind, self.path)
        scene.notes.append(f"{hits} of {self._count} hit: {self.name}")


def _laid(name: str, kind: str, **attributes: Any) -> type[_Laid]:
    return type(
        name.title().replace(" ", ""),
        (_Laid,),
        {"__module__": __name__, "name": name, "kind": kind, **attributes},
    )


_SIMPLE = [
    # Three in a row end the tries within a call, and then a whole minute is waited.
    _laid("429 without a time", "429", requests=(1, 2)),
    _laid("429 with seconds", "429-seconds", more={"retry_after": 2}),
    _laid("429 with a date", "429-date", more={"retry_after": 1}),
    _laid("403 quota", "403-quota", requests=(1, 2)),
    # Twice in a row, for the old token and the new one, means that access has ended.
    _laid("401 once", "401", requests=(1, 1)),
    _laid("500 for parts of a batch", "500", path="batch-part", requests=(5, 40)),
    _laid("502 from a proxy", "502"),
    _laid("504 from a proxy", "504"),
    _laid("503 for parts of a batch", "503", path="batch-part", requests=(5, 40)),
    _laid("429 for parts of a batch", "429", path="batch-part", requests=(5, 40)),
    _laid("connection reset", "reset"),
    _laid("no answer", "hang", requests=(1, 2), more={"seconds": 3}),
    _laid("answer drips", "slow-drip", requests=(1, 2), more={"seconds": 3}),
    _laid("answer cut in the body", "truncate"),
    _laid("answer longer than told", "wrong-length-less"),
    _laid("answer shorter than told", "wrong-length-more"),
    _laid("invalid JSON", "garbage-json"),
    _laid("JSON too deep", "deep-json", requests=(1, 2)),
    _laid("a list instead of an object", "list-json", requests=(1, 2)),
    _laid("null instead of an object", "null-json", requests=(1, 2)),
    _laid("gzip garbage", "gzip-garbage"),
    _laid("gzip bomb", "gzip-bomb", requests=(1, 1), more={"size": 120}),
    _laid("huge answer", "huge", requests=(1, 1), more={"size": 120}),
    _laid("redirect loop", "redirect-loop", requests=(1, 2)),
    _laid("page token refused", "page-token-refused", path=".", requests=(1, 1), early=True),
]


class Down(Fault):
    """The provider answers 503 to everything, for longer than the tries within a call."""

    name = "provider down"
    lasts = (2.0, 5.0)

    def inject(self, scene: Scene) -> None:
        self._before = _count(scene, "fault:503")
        scene.lay("503", _ANY, count=0)

    def hits(self, scene: Scene) -> int:
        return _count(scene, "fault:503") - self._before

    def heal(self, scene: Scene) -> None:
        scene.unlay("503", _ANY)


class Refused(Fault):
    """Nobody listens at the provider's address.

    What the system refuses leaves no trace there, so the callers' own word counts: nothing else
    can answer them meanwhile.
    """

    name = "connection refused"
    lasts = (1.0, 4.0)
    stirs = True

    def inject(self, scene: Scene) -> None:
        self._cut, self._marks = scene.front.cut, scene.stage.marks()
        scene.front.close()

    def hits(self, scene: Scene) -> int:
        refused = scene.stage.told(self._marks, "did not answer (ConnectionError)")
        return scene.front.cut - self._cut + refused

    def heal(self, scene: Scene) -> None:
        scene.front.open()


class TlsFails(Fault):
    """Requests are sent on to an address whose certificate is self-signed and has expired."""

    name = "TLS fails"
    lasts = (1.0, 3.0)
    stirs = True

    def inject(self, scene: Scene) -> None:
        listening = scene.world.listening
        assert listening is not None
        # A relay in between, which counts who comes.
        self._gate = Front()
        self._gate.target = _port(listening.tls_url())
        scene.front.elsewhere = f"https://127.0.0.1:{self._gate.port}"

    def hits(self, scene: Scene) -> int:
        return self._gate.calls

    def heal(self, scene: Scene) -> None:
        scene.front.elsewhere = None
        self._gate.close()


class TokensEnd(Fault):
    """Each access token has ended at its third use, and refresh tokens rotate."""

    name = "tokens end at every third call"
    lasts = (3.0, 6.0)
    alone = True

    def inject(self, scene: Scene) -> None:
        self._before = _count(scene, "token")
        scene.world.tokens.rules.change(rotate=True, expire_every=3)
        scene.world.tokens.expire_access(scene.people[0].account)

    def hits(self, scene: Scene) -> int:
        return _count(scene, "token") - self._before

    def heal(self, scene: Scene) -> None:
        scene.world.tokens.rules.change(rotate=False, expire_every=0)


class RefreshLost(Fault):
    """The provider rotates the refresh token, and the answer is lost; the old one has a grace."""

    name = "refresh answer lost, with grace"
    alone = True

    def inject(self, scene: Scene) -> None:
        self._before = _count(scene, _LOST)
        scene.world.tokens.rules.change(rotate=True, grace_seconds=20)
        scene.lay("lost-refresh")
        _end_tokens(scene)

    def hits(self, scene: Scene) -> int:
        return _count(scene, _LOST) - self._before

    def after_all(self, scene: Scene) -> None:
        scene.world.tokens.rules.change(rotate=False, grace_seconds=0)


class RefreshLostForGood(Fault):
    """As above, without grace: the person is asked to connect again, and then it is whole."""

    name = "refresh answer lost, no grace"
    alone = True

    def inject(self, scene: Scene) -> None:
        self._before = _count(scene, _LOST)
        scene.world.tokens.rules.change(rotate=True)
        scene.lay("lost-refresh")
        _end_tokens(scene)

    def hits(self, scene: Scene) -> int:
        return _count(scene, _LOST) - self._before

    def heal(self, scene: Scene) -> None:
        until(lambda: any(_asked(person) for person in scene.people), 20)
        lost = [person for person in scene.people if _asked(person)]
        scene.expect(lost, "nobody was asked to connect again")
        scene.world.tokens.rules.change(rotate=False)
        for person in lost:
            said = next((message for message in person.messages() if message), "")
            scene.expect("connect" in said, f"the person reads only: {said}")
            scene.notes.append(f"the person reads: {said}")
            person.connect()


class CursorTooOld(Fault):
    """All change cursors have become too old since the last sync."""

    name = "delta cursor too old"

    def inject(self, scene: Scene) -> None:
        # Before a sync has ended there may be no cursor to be too old.
        self.met = until(lambda: any(_has_cursor(person) for person in scene.people), _SYNC_SECONDS)
        for person in scene.people:
            for job in person.jobs:
                holding = person.holding(job)
                if holding.has_feed:
                    holding.lose_feed()
        scene.change_all()


class Vanishing(Fault):
    """Items vanish between the list and the look at them."""

    name = "items vanish between list and get"

    def inject(self, scene: Scene) -> None:
        self._before = _count(scene, "fault:vanish")
        scene.lay("vanish", _LISTS, count=2, items=3)
        scene.change_all()

    def hits(self, scene: Scene) -> int:
        return _count(scene, "fault:vanish") - self._before

    def heal(self, scene: Scene) -> None:
        scene.unlay("vanish", _LISTS)


class LongWait(Fault):
    """Two people are told to wait for long; a third one's sync goes through meanwhile."""

    name = "long Retry-After holds no worker"
    alone = True
    people = 3
    wait: ClassVar[int] = 8

    def inject(self, scene: Scene) -> None:
        until(lambda: all(person.whole() for person in scene.people), 45)
        *held, free = scene.people
        # As many as there are pool processes, so that one held each would stop everything.
        scene.lay("429-seconds", "^/gmail/", count=len(held), retry_after=self.wait)
        for person in held:
            person.change(scene.chance)
            person.sync()
        self.met = until(lambda: not scene.world.faults.pending(), 10)
        began = time.monotonic()
        free.change(scene.chance)
        free.sync()
        until(free.whole, 20)
        seconds = time.monotonic() - began
        scene.expect(
            seconds < self.wait - 1, f"another person waited {seconds:.1f} s behind a long wait"
        )
        scene.expect(
            not any(person.whole() for person in held),
            "those who were told to wait did not",
        )
        scene.notes.append(f"another person's sync took {seconds:.1f} s meanwhile")


def _asked(person: Person) -> bool:
    """Whether the person is asked to connect again."""
    return person.vault.connection(person.connection).status == "invalid-auth"


def _end_tokens(scene: Scene) -> None:
    for person in scene.people:
        scene.world.tokens.expire_access(person.account)
    scene.change_all()


def _has_cursor(person: Person) -> bool:
    """Whether a sync that has ended left a cursor behind, which the next one will use."""
    with suppress(VaultError, OSError, redis.RedisError):
        return any(
            person.holding(job).has_feed and state.last_sync_at is not None
            for job, state in zip(person.jobs, person.states(), strict=True)
        )
    return False


def _count(scene: Scene, what: str) -> int:
    """How many requests of a kind the sandbox has counted; `fault:...` are those that it hit."""
    return int(scene.world.stats.to_json()["requests"].get(what, 0))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
