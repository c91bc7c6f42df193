"""What a fault is to the harness, and what it may look at and touch."""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import redis

from sandbox.faults import Fault as SandboxFault
from sandbox.world import World
from tests.chaos.front import Front
from tests.chaos.people import Person, Toll
from tests.chaos.stage import Stage

#: How long a fault waits for somebody who syncs, before it begins, in seconds.
_STIR_SECONDS = 4.0
#: How long a sync is asked for that a fault may keep from being taken, in seconds.
_PATIENCE = 1.0


def until(true: Callable[[], object], seconds: float) -> bool:
    """Wait until something is true, for so many seconds at most; whether it is."""
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(found)


@dataclass
class Scene:
    """One run, as its faults see it.

    Args:
        stage: The server.
        world: The sandbox.
        front: What stands between them.
        chance: Decides what is left to chance.
        people: Whose accounts are synced.
        asked: Whether syncs were asked for, besides those that connecting brings.
        refused: Whether one that was asked for could not be taken: to be asked for again.
        toll: Records that a fault has compared itself.
        seconds: To recover, where a fault has measured it itself.
        remarks: What went wrong besides records; each makes the run a failed one.
        notes: What is worth telling, such as how many commits were refused.
    """

    stage: Stage
    world: World
    front: Front
    chance: random.Random
    people: list[Person]
    asked: bool = False
    refused: bool = False
    toll: Toll = field(default_factory=Toll)
    seconds: float | None = None
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Faults run side by side.
        self._lock = threading.Lock()

    def expect(self, condition: object, remark: str) -> None:
        """Note it when something is not as it must be."""
        if not condition:
            self.remarks.append(remark)

    def lay(self, kind: str, path: str | None = None, **fields: object) -> None:
        """Lay a fault at the sandbox, for each person's mail where no path is given."""
        where = {} if path is None else {"path": path}
        self.world.faults.add(SandboxFault.from_json({"kind": kind, **where, **fields}))

    def unlay(self, kind: str, path: str) -> int:
        """Take back what is left of the faults of this kind and path; how many were left."""
        left = 0
        with self._lock:
            pending = self.world.faults.pending()
            self.world.faults.clear()
            for fault in pending:
                if (fault.kind, fault.path) == (kind, path):
                    left += fault.count
                else:
                    self.world.faults.add(fault)
        return left

    def change_all(self) -> None:
        """Let something change in every account, and ask for a sync of it."""
        with self._lock:
            self.asked = True
            for person in self.people:
                person.change(self.chance)
                person.sync()

    def try_to_change_all(self) -> None:
        """As `change_all`, where a fault may be in the way: then a sync is to be asked for later."""
        with self._lock:
            self.asked = True
            for person in self.people:
                person.change(self.chance)
                self.refused |= not person.try_to_sync(_PATIENCE)

    def syncing(self) -> list[Person]:
        """Those of whose jobs one is leased just now."""
        with suppress(redis.RedisError):
            client = self.stage.services.redis
            return [p for p in self.people if client.exists(*(job.lease() for job in p.jobs))]
        return []

    def stir(self) -> None:
        """See to it that somebody syncs, as far as that can be had within some seconds."""
        if not until(self.syncing, _STIR_SECONDS / 10):
            self.try_to_change_all()
            until(self.syncing, _STIR_SECONDS)


class Fault(ABC):
    """A fault. A subclass with a `name` joins the harness by existing in one of its modules.

    Args:
        chance: Decides its moments.
    """

    #: As the table and `--only` have it.
    name: ClassVar[str]
    #: Seconds between injection and healing: from, to; longer until it was met, up to a bound.
    lasts: ClassVar[tuple[float, float]] = (0.0, 0.0)
    #: Whether somebody must be syncing when it begins, for it to be met.
    stirs: ClassVar[bool] = False
    #: Whether a sync can be asked for while it lasts.
    takes_syncs: ClassVar[bool] = True
    #: Whether no other fault may be beside it, since it must be able to tell what it caused.
    alone: ClassVar[bool] = False
    #: Whether it must come before the first records, since what it hits is soon over.
    early: ClassVar[bool] = False
    #: How many people it needs at least.
    people: ClassVar[int] = 1
    #: How many jobs it brings besides the people's own.
    jobs: ClassVar[int] = 0
    #: Whether items in quarantine are as it should be.
    quarantines: ClassVar[bool] = False
    #: Whether a sync that was asked for may be forgotten by it: a person asks again then.
    forgets: ClassVar[bool] = False
    #: Most requests a second of all people together while it lasts.
    pace: ClassVar[float] = 60.0

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        #: The part of the records after which it comes, and how long it lasts, in seconds.
        self.after = 0.0 if self.early else chance.uniform(0.0, 0.7)
        self.seconds = chance.uniform(*self.lasts)
        #: Whether it could be begun at its moment.
        self.injected = False
        #: Whether the server has run into it: one that it has not was not survived either. Where
        #: beginning it does not say so already, the fault finds out.
        self.met = True

    @classmethod
    def missing(cls, stage: Stage) -> str | None:
        """Why it cannot be injected on this machine; None when it can."""
        return None

    def prepare(self, scene: Scene) -> None:  # noqa: B027 - a hook
        """What must be done before anybody is connected."""

    @abstractmethod
    def inject(self, scene: Scene) -> None:
        """Let it happen."""

    def hits(self, scene: Scene) -> int | None:
        """How often the server has run into it so far; None where to begin it is to hit."""
        return None

    def heal(self, scene: Scene) -> None:  # noqa: B027 - a hook
        """End it, where that does not happen by itself."""

    def after_all(self, scene: Scene) -> None:  # noqa: B027 - a hook
        """What is to be looked at when everybody is whole again."""


def concrete(kind: Any) -> list[type[Fault]]:
    """All classes of faults below this one that have a name, in the order they were written."""
    found: list[type[Fault]] = []
    for child in kind.__subclasses__():
        found += [child] if hasattr(child, "name") else []
        found += concrete(child)
    return found
