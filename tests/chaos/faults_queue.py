"""Messages twice, messages lost, a job that kills its process, and very many at once."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, suppress

import redis

from sandbox.options import SandboxOptions
from sandbox.server import running
from tests.chaos import processes
from tests.chaos.fault import Fault, Scene
from tests.chaos.people import PROVIDER, Person
from worker.queue import LATER, SEPARATOR

#: Seconds that poisoned jobs have to be set aside, and most deaths of each until then: the tries
#: that the settings allow, and those in state `error`, which the harness lets come soon.
_ASIDE_SECONDS = 40.0
_MOST_DEATHS = 9
_MANY = 100
#: Where continuations wait.
LATER_QUEUE = f"{PROVIDER}{SEPARATOR}{LATER}"


class DeliveredTwice(Fault):
    """Each job's message comes three times, and is begun at once by whoever is free."""

    name = "task delivered twice"

    def inject(self, scene: Scene) -> None:
        services = scene.stage.patient()
        for person in scene.people:
            for job in person.jobs:
                for _ in range(3):
                    with scene.stage.own_writes:
                        services.queue.send(job, services.schedule.run_of(job))


class MessagesLost(Fault):
    """What waits in the provider's queue is gone, again and again."""

    name = "continuation lost"

    def inject(self, scene: Scene) -> None:
        until = time.monotonic() + self.chance.uniform(0.5, 1.5)
        lost = 0
        while time.monotonic() < until:
            with suppress(redis.RedisError), scene.stage.own_writes:
                lost += scene.stage.services.redis.delete(PROVIDER, LATER_QUEUE)
            time.sleep(0.005)
        self.met = lost > 0


class Poison(Fault):
    """One person's job kills its process each time it calls the provider.

    It must be set aside after some tries, with the reason, while other people's jobs go on; once
    the cause is gone it recovers by itself.
    """

    name = "job that kills its process"
    alone = True
    people = 2

    def prepare(self, scene: Scene) -> None:
        self._deaths = 0
        self.after = 0.0

    def inject(self, scene: Scene) -> None:
        victim, *others = scene.people

        def kill(port: int) -> None:
            pid = processes.owner_of_port(port, scene.stage.pool())
            self._deaths += processes.send(pid, signal.SIGKILL)

        scene.front.watched[victim.token] = kill
        scene.change_all()
        deadline = time.monotonic() + _ASIDE_SECONDS
        said = ""
        while time.monotonic() < deadline and not (said and all(p.whole() for p in others)):
            said = said or next((m for m in victim.messages() if "died" in m), "")
            time.sleep(0.1)
        self.met = self._deaths > 0
        scene.expect(said, f"not set aside after {self._deaths} deaths: nobody says why")
        scene.expect(all(p.whole() for p in others), "other people's jobs did not go on")
        most = _MOST_DEATHS * len(victim.jobs)
        scene.expect(self._deaths <= most, f"{self._deaths} deaths of {len(victim.jobs)} jobs")
        scene.notes.append(f"{self._deaths} deaths, then the person reads: {said}")

    def heal(self, scene: Scene) -> None:
        scene.front.watched.clear()


class ManyAtOnce(Fault):
    """A hundred connections come due in the same second."""

    name = "a hundred connections due at once"
    alone = True
    pace = 400.0
    jobs = _MANY

    def inject(self, scene: Scene) -> None:
        deadline = time.monotonic() + 60
        while not all(p.whole() for p in scene.people) and time.monotonic() < deadline:
            time.sleep(0.1)
        options = SandboxOptions(
            accounts=_MANY, messages=3, items=1, seed=scene.chance.randrange(10**6)
        )
        with ExitStack() as stack:
            crowd = stack.enter_context(running(options))
            before, scene.front.target = scene.front.target, int(crowd.url.rpartition(":")[2])
            stack.callback(scene.front.reset)
            stack.callback(setattr, scene.front, "target", before)
            scene.front.reset()
            people = [
                Person(scene.stage, crowd.world, f"{scene.people[0].name}-crowd", n, ("gmail",))
                for n in range(_MANY)
            ]
            for person in people:
                person.connect()
            self._until_whole(scene, people)
            services = scene.stage.patient()
            for person in people:
                person.change(scene.chance)
                person.mark()
                services.schedule.put(person.jobs[0], 0.0)
            began = time.monotonic()
            self._until_whole(scene, people)
            scene.seconds = time.monotonic() - began
            for person in people:
                toll = person.compare()
                scene.remarks += toll.remarks
                scene.toll.add(toll)
                person.forget()

    def _until_whole(self, scene: Scene, people: list[Person]) -> None:
        deadline = time.monotonic() + 120
        waiting = people
        while waiting := [person for person in waiting if not person.whole()]:
            if time.monotonic() > deadline:
                scene.remarks.append(f"{len(waiting)} of {_MANY} connections are not whole")
                return
            time.sleep(0.1)
