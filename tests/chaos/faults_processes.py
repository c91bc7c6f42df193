"""Processes that are killed, asked to end, or stopped for a while."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import ClassVar

from tests.chaos import processes
from tests.chaos.fault import Fault, Scene, until

#: How long a process that is being started again is waited for, in seconds.
_BACK_SECONDS = 12.0


def busy_pool_process(scene: Scene) -> int | None:
    """The pool process that called the provider last, for somebody of this run; else any."""
    until(scene.stage.pool, _BACK_SECONDS)
    pool = scene.stage.pool()
    for person in scene.syncing() or scene.people:
        port = scene.front.seen.get(person.token)
        pid = processes.owner_of_port(port, pool) if port else None
        if pid is not None:
            return pid
    return scene.chance.choice(pool) if pool else None


class _Signal(Fault):
    """One tier's head gets one signal."""

    tier: ClassVar[str]
    number: ClassVar[signal.Signals]

    def inject(self, scene: Scene) -> None:
        until(lambda: scene.stage.tier(self.tier), _BACK_SECONDS)
        self.met = processes.send(scene.stage.tier(self.tier), self.number)


class WorkerKilled(_Signal):
    name = "worker killed"
    tier = "worker"
    number = signal.SIGKILL


class WorkerEnded(_Signal):
    name = "worker asked to end"
    tier = "worker"
    number = signal.SIGTERM


class WorkerGroupKilled(Fault):
    name = "worker killed with its pool"

    def inject(self, scene: Scene) -> None:
        until(lambda: scene.stage.tier("worker"), _BACK_SECONDS)
        head = scene.stage.tier("worker")
        self.met = head is not None
        if head is not None:
            with suppress(ProcessLookupError):
                os.killpg(head, signal.SIGKILL)


class PoolKilled(Fault):
    name = "pool process killed"

    def inject(self, scene: Scene) -> None:
        self.met = processes.send(busy_pool_process(scene), signal.SIGKILL)


class PoolEnded(Fault):
    name = "pool process asked to end"

    def inject(self, scene: Scene) -> None:
        self.met = processes.send(busy_pool_process(scene), signal.SIGTERM)


class PoolStopped(Fault):
    """Stopped until its lease has passed on; when it goes on, its commits must be refused."""

    name = "pool process stopped, then goes on"
    stirs = True
    lasts = (3.5, 4.5)

    def inject(self, scene: Scene) -> None:
        self._marks = scene.stage.marks()
        self._pid = busy_pool_process(scene)
        # Only a commit that was refused shows that the lease had passed on.
        self.met = False
        processes.send(self._pid, signal.SIGSTOP)

    def heal(self, scene: Scene) -> None:
        processes.send(self._pid, signal.SIGCONT)

    def after_all(self, scene: Scene) -> None:
        refused = scene.stage.told(self._marks, "FencedError")
        # One that was stopped without a lease, or after its last commit, shows nothing.
        self.met = refused > 0
        scene.notes.append(f"{refused} commits refused by the fence")


class BeatKilled(_Signal):
    name = "beat killed"
    tier = "beat"
    number = signal.SIGKILL


class BeatEnded(_Signal):
    name = "beat asked to end"
    tier = "beat"
    number = signal.SIGTERM


class WebKilled(_Signal):
    name = "web server killed"
    tier = "web"
    number = signal.SIGKILL

    def after_all(self, scene: Scene) -> None:
        until(lambda: scene.stage.tier("web"), 30)
        scene.expect(scene.stage.tier("web"), "the web server did not come back")


class _Up(Fault):
    number: ClassVar[signal.Signals]

    def inject(self, scene: Scene) -> None:
        self._starts = scene.stage.starts
        self.met = processes.send(scene.stage.up, self.number)
        until(lambda: scene.stage.starts > self._starts, 60)


class UpKilled(_Up):
    name = "dcs up killed"
    number = signal.SIGKILL


class UpEnded(_Up):
    name = "dcs up asked to end"
    number = signal.SIGTERM
