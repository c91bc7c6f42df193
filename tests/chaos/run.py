"""One run: people connect, faults come and go, and everything must be whole in the end."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import redis
from kombu.exceptions import OperationalError

from sandbox.world import World
from tests.chaos import processes
from tests.chaos.fault import Fault, Scene
from tests.chaos.front import Front
from tests.chaos.people import SCOPES, Person, Toll
from tests.chaos.stage import Stage
from vault.errors import VaultError

#: Seconds after which a run that is not whole counts as stuck.
PATIENCE = 75.0
#: Seconds that a sync without faults may take.
CALM_SECONDS = 45.0
#: Longest wait for a fault's moment, in seconds.
_MOMENT_SECONDS = 3.0
#: How much longer than planned a fault may last that nobody has met, how often more is given to
#: sync meanwhile, and how often it is looked at, in seconds.
_MET_SECONDS = 9.0
_ASK_SECONDS = 2.5
_LOOK_SECONDS = 0.1
#: Slices of one job that a run may take, at once and for each second.
_SLICES = 20
_SLICES_A_SECOND = 4
#: Part of a processor that a process may use which has nothing to do but to wait.
_BUSY = 0.6
#: How long an injection is tried again where another fault hinders it, in seconds.
_INSIST_SECONDS = 30.0
#: Messages that may wait in one queue at most, for each job and besides (ticks).
_QUEUED_EACH = 4
_QUEUED = 60


@dataclass
class Result:
    """What came of one run.

    Args:
        number: Of the run.
        faults: Names of what was injected.
        met: Of these, what the server has run into.
        toll: Records.
        stuck: People who were not whole in time.
        seconds: From the last healing to whole; None when stuck.
        took: The whole run, in seconds.
        remarks: What else was wrong.
        notes: What else is worth telling.
    """

    number: int
    faults: list[str]
    met: list[str] = field(default_factory=list)
    toll: Toll = field(default_factory=Toll)
    stuck: int = 0
    seconds: float | None = None
    took: float = 0.0
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    states: str = ""

    @property
    def sound(self) -> bool:
        return not (self.toll.lost or self.toll.doubled or self.stuck or self.remarks)


class Run:
    """One run on a stage that stands.

    Args:
        scene: Where; its people are made here.
        number: Of the run; names the vaults.
        faults: What is to be injected.
        account: The first account at the sandbox that nobody has used.
        in_turn: Whether faults come one after another instead of all at once.
    """

    def __init__(
        self,
        stage: Stage,
        world: World,
        front: Front,
        chance: random.Random,
        number: int,
        faults: list[Fault],
        account: int,
        *,
        in_turn: bool = False,
    ) -> None:
        self.faults = faults
        self.in_turn = in_turn
        self.chance = chance
        count = max([chance.choice((1, 2, 2, 3)), *(fault.people for fault in faults)])
        people = [
            Person(stage, world, f"p{number}{'abcd'[n]}", account + n, _handlers(chance))
            for n in range(count)
        ]
        self.accounts = count
        self.scene = Scene(stage, world, front, chance, people)
        self.result = Result(number, [])
        #: Whether the faults come in a later sync, not in the first one.
        self.late = chance.random() < 0.25 and not any(fault.early for fault in faults)
        self._most_queued = 0

    def go(self) -> Result:
        """Run it; whatever is wrong stands in the result."""
        self._began = time.monotonic()
        try:
            self._go()
            self._look_at_bounds()
        except Exception:
            # The harness must tell of it and go on with the next run.
            self.result.remarks.append(f"the run broke off: {traceback.format_exc(limit=-4)}")
        finally:
            self.scene.world.faults.clear()
            self.scene.front.open()
            self._note_states()
            for person in self.scene.people:
                person.forget()
        self.result.faults = [fault.name for fault in self.faults if fault.injected]
        self.result.met = [fault.name for fault in self.faults if fault.injected and fault.met]
        self.result.toll.add(self.scene.toll)
        self.result.remarks += self.scene.remarks
        self.result.notes += self.scene.notes
        self.result.took = time.monotonic() - self._began
        return self.result

    def _go(self) -> None:
        scene = self.scene
        if not self._connected():
            self._stuck("before any fault")
            return
        self._disturb()
        healed = time.monotonic()
        if scene.refused or (scene.asked and any(fault.forgets for fault in self.faults)):
            for person in scene.people:
                person.sync()
        if not self._until_whole(PATIENCE):
            self._stuck("after the faults")
            return
        if not self._filled():
            return
        self.result.seconds = scene.seconds or time.monotonic() - healed
        for fault in self.faults:
            fault.after_all(scene)
        self._compare()
        self._calm("a second sync", idle=True)
        if self.chance.random() < 0.5:
            for person in scene.people:
                person.change(self.chance)
            self._calm("a sync of changes", idle=False)
            self._compare(again=True)

    def _filled(self) -> bool:
        """See gaps that faults have left: each must be told of, and be gone after the next sync."""
        if any(fault.quarantines for fault in self.faults):
            return True
        gaps = [person for person in self.scene.people if person.vault.quarantine()]
        for person in gaps:
            told = any("could not be kept" in message for message in person.messages())
            self.scene.expect(told, f"{person.name} is not told of what could not be kept")
            person.sync()
        if self._until_whole(PATIENCE):
            return True
        self._stuck("at the sync after a gap")
        return False

    def _connected(self) -> bool:
        """Connect everybody; where the faults come late, see a first sync through."""
        for fault in self.faults:
            fault.prepare(self.scene)
        for person in self.scene.people:
            person.connect()
        if self.late:
            if not self._until_whole(CALM_SECONDS):
                return False
            self.scene.change_all()
        return True

    # Faults

    def _disturb(self) -> None:
        heaps = [[fault] for fault in self.faults]
        if self.in_turn:
            heaps = [sorted(self.faults, key=lambda fault: not fault.early)]
        threads = [threading.Thread(target=self._inject_all, args=(heap,)) for heap in heaps]
        began, before, idle = time.monotonic(), self._requests(), self._idle_processes()
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self._watch()
            time.sleep(0.05)
        seconds, requests = time.monotonic() - began, self._requests() - before
        most = max(fault.pace for fault in self.faults) * (seconds + 5) * len(self.scene.people)
        self.scene.expect(requests <= most, f"{requests} requests in {seconds:.1f} s of faults")
        for pid, used in idle.items():
            spent = processes.cpu_seconds(pid) - used
            self.scene.expect(
                spent <= _BUSY * seconds + 1.0,
                f"{spent:.1f} s of processor in {seconds:.1f} s: {processes.command(pid)}",
            )

    def _idle_processes(self) -> dict[int, float]:
        """Processes that only wait or look now and then, with the processor time used so far."""
        stage = self.scene.stage
        found = (stage.up, stage.tier("beat"), stage.tier("web"), stage.tier("worker"))
        return {pid: processes.cpu_seconds(pid) for pid in found if pid is not None}

    def _inject_all(self, faults: list[Fault]) -> None:
        self._await_moment(faults[0].after)
        for number, fault in enumerate(faults):
            if number or fault.stirs:
                self.scene.stir()
            self._inject(fault)

    def _inject(self, fault: Fault) -> None:
        fault.injected = self._insist(fault, fault.inject)
        if fault.injected:
            self._last(fault)
        self._insist(fault, fault.heal)

    def _last(self, fault: Fault) -> None:
        """Let it last for its time, and on until it was met, but not for ever."""
        began = asked = time.monotonic()
        hits = fault.hits(self.scene)
        while (now := time.monotonic()) < began + fault.seconds or (
            hits == 0 and now < began + fault.seconds + _MET_SECONDS
        ):
            if hits == 0 and fault.takes_syncs and now > asked + _ASK_SECONDS:
                # Everything had come already: let there be something to fetch.
                self.scene.try_to_change_all()
                asked = time.monotonic()
            time.sleep(_LOOK_SECONDS)
            hits = fault.hits(self.scene)
        if hits is not None:
            fault.met = hits > 0

    def _insist(self, fault: Fault, act: Callable[[Scene], None]) -> bool:
        """Do it, again where another fault stands in the way; whether it could be done."""
        deadline = time.monotonic() + _INSIST_SECONDS
        while True:
            try:
                act(self.scene)
            except (redis.RedisError, OperationalError, VaultError) as error:
                if time.monotonic() > deadline:
                    self.scene.remarks.append(f"{fault.name} could not be done: {error!r}")
                    return False
                time.sleep(0.3)
            except Exception:
                self.scene.remarks.append(f"{fault.name}: {traceback.format_exc(limit=-4)}")
                return False
            else:
                return True

    def _await_moment(self, part: float) -> None:
        """Wait until this part of all records is kept, but not for ever."""
        people = self.scene.people
        wanted = part * sum(person.total() for person in people)
        deadline = time.monotonic() + _MOMENT_SECONDS
        while time.monotonic() < deadline and sum(p.kept() for p in people) < wanted:
            time.sleep(0.02)

    def _requests(self) -> int:
        return int(self.scene.world.stats.to_json()["total"])

    # Looking

    def _watch(self) -> None:
        """Look at what must never grow without bound."""
        with suppress(redis.RedisError):
            lengths = self.scene.stage.services.queue.lengths()
            self._most_queued = max(self._most_queued, *lengths.values())

    def _look_at_bounds(self) -> None:
        """Neither queues nor tries may have grown without bound."""
        seconds = time.monotonic() - self._began
        for person in self.scene.people:
            for job in person.jobs:
                # Each slice takes the next fence.
                slices = person.vault.last_fence(job.connection, job.handler)
                self.scene.expect(
                    slices <= _SLICES + _SLICES_A_SECOND * seconds,
                    f"{slices} slices of {job.member} in {seconds:.0f} s",
                )
        jobs = sum(len(person.jobs) for person in self.scene.people)
        jobs += sum(fault.jobs for fault in self.faults)
        self.scene.expect(
            self._most_queued <= _QUEUED + _QUEUED_EACH * jobs,
            f"{self._most_queued} messages waited in a queue, of {jobs} jobs",
        )

    def _until_whole(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        waiting = list(self.scene.people)
        while waiting:
            waiting = [person for person in waiting if not person.whole()]
            self._watch()
            if waiting and time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _stuck(self, when: str) -> None:
        stuck = [person for person in self.scene.people if not person.whole()]
        self.result.stuck = len(stuck) or 1
        self.result.remarks.append(f"stuck {when}: {', '.join(p.name for p in stuck)}")

    def _calm(self, what: str, *, idle: bool) -> None:
        """Sync without faults; one that finds nothing new must be cheap."""
        before = self._requests()
        for person in self.scene.people:
            person.sync()
        if not self._until_whole(CALM_SECONDS):
            self._stuck(f"in {what}")
            return
        people = self.scene.people
        most = sum(2 * p.holding(job).idle_requests() + 2 for p in people for job in p.jobs)
        cost = self._requests() - before
        if idle:
            self.scene.expect(cost <= most, f"{what} took {cost} requests instead of {most}")

    def _compare(self, *, again: bool = False) -> None:
        quarantines = any(fault.quarantines for fault in self.faults)
        toll = Toll()
        for person in self.scene.people:
            toll.add(person.compare(quarantines=quarantines))
        self.result.remarks += toll.remarks
        if again:
            # The same records once more: what is wrong counts, what is right does not twice.
            toll.expected = toll.kept = 0
        toll.remarks = []
        self.result.toll.add(toll)

    def _note_states(self) -> None:
        if self.result.sound and not self.scene.remarks:
            return
        lines = []
        for person in self.scene.people:
            with suppress(Exception):
                lines += [str(state) for state in person.states()]
                lines.append(str(person.vault.connection(person.connection).status))
            lines += [f"{person.name}: {line}" for line in person.messages() if line]
        self.result.states = "\n".join(lines)


def _handlers(chance: random.Random) -> tuple[str, ...]:
    more = [name for name in list(SCOPES)[1:] if chance.random() < 0.25]
    return ("gmail", *more)
