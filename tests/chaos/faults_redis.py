"""Redis killed, wiped, slow, full, refusing; and workers whose clocks differ by minutes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from tests.chaos import processes
from tests.chaos.fault import Fault, Scene
from tests.chaos.stage import Stage


class RedisKilled(Fault):
    """Its append-only file is read again when it is back."""

    name = "redis killed"
    # The last second of the file may not have reached it.
    forgets = True

    def inject(self, scene: Scene) -> None:
        processes.send(scene.stage.tier("redis"), signal.SIGKILL)


class RedisWiped(Fault):
    name = "redis wiped"
    forgets = True

    def inject(self, scene: Scene) -> None:
        scene.stage.patient().redis.flushall()


class RedisSlow(Fault):
    """It answers nobody for a while."""

    name = "redis slow"
    lasts = (1.0, 3.0)

    def inject(self, scene: Scene) -> None:
        client = scene.stage.patient().redis
        client.client_pause(int(self.seconds * 1000))


class _Set(Fault):
    """A setting of the server that makes it refuse, then the old one again."""

    key: ClassVar[str]
    bad: ClassVar[str]
    good: ClassVar[str]

    def inject(self, scene: Scene) -> None:
        scene.stage.patient().redis.config_set(self.key, self.bad)

    def heal(self, scene: Scene) -> None:
        scene.stage.patient().redis.config_set(self.key, self.good)


class RedisFull(_Set):
    name = "redis out of memory"
    lasts = (1.0, 3.0)
    key = "maxmemory"
    bad = "1"
    good = "0"


class RedisRefusing(_Set):
    """As a server does that has lost its replicas, or whose disk is full."""

    name = "redis refusing writes"
    lasts = (1.0, 3.0)
    key = "min-replicas-to-write"
    bad = "1"
    good = "0"


_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


class _Clock(Fault):
    """A second worker, whose clock is wrong; the monotonic one goes on as it should."""

    offset: ClassVar[str]
    lasts = (3.0, 5.0)

    @classmethod
    def missing(cls, stage: Stage) -> str | None:
        if any(Path(path).exists() for path in _LIBRARIES):
            return None
        return "libfaketime is not installed (Debian, Ubuntu: apt-get install faketime)"

    def prepare(self, scene: Scene) -> None:
        stage = scene.stage
        library = next(path for path in _LIBRARIES if Path(path).exists())
        client = stage.patient().redis
        path = client.connection_pool.connection_kwargs["path"]
        environment = stage.environment() | {
            "LD_PRELOAD": library,
            "FAKETIME": self.offset,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DCS_REDIS_URL": f"unix://{path}?db=0",
        }
        with (stage.logs / "far-worker.log").open("ab") as log:
            size = log.tell()
            self._far = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli.main", "worker", "--name", "far@%h"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not self._ready(stage, size):
            time.sleep(0.1)

    def _ready(self, stage: Stage, size: int) -> bool:
        text = (stage.logs / "far-worker.log").read_bytes()[size:]
        return b"ready" in text

    def inject(self, scene: Scene) -> None:
        """It has been at work since before anybody connected."""
        calls = [scene.front.seen.get(person.token) for person in scene.people]
        pool = processes.children(self._far.pid)
        far = sum(bool(port and processes.owner_of_port(port, pool)) for port in calls)
        self.happened = far > 0
        scene.notes.append(f"the far worker was syncing {far} of {len(calls)} people")

    def heal(self, scene: Scene) -> None:
        self._far.terminate()
        try:
            self._far.wait(timeout=20)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._far.pid, signal.SIGKILL)


class ClockAhead(_Clock):
    name = "worker's clock five minutes ahead"
    offset = "+5m"


class ClockBehind(_Clock):
    name = "worker's clock five minutes behind"
    offset = "-5m"
