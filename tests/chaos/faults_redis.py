"""Redis killed, wiped, slow, full, refusing; and workers whose clocks differ by minutes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import redis

from tests.chaos import processes
from tests.chaos.fault import Fault, Scene
from tests.chaos.stage import Stage

#: For how long refusals are counted at a time, in seconds; beat writes more often.
_COUNT_SECONDS = 0.3


class RedisKilled(Fault):
    """Its append-only file is read again when it is back."""

    name = "redis killed"
    # The last second of the file may not have reached it.
    forgets = True

    def inject(self, scene: Scene) -> None:
        self.met = processes.send(scene.stage.tier("redis"), signal.SIGKILL)


class RedisWiped(Fault):
    name = "redis wiped"
    forgets = True

    def inject(self, scene: Scene) -> None:
        client = scene.stage.patient().redis
        with scene.stage.own_writes:
            self.met = client.dbsize() > 0
            client.flushall()


class RedisSlow(Fault):
    """It answers nobody for a while.

    It is met by those who hold a lease when it begins: they must renew it several times meanwhile.
    """

    name = "redis slow"
    lasts = (1.0, 3.0)
    stirs = True

    def inject(self, scene: Scene) -> None:
        leases = [job.lease() for person in scene.people for job in person.jobs]
        pipe: Any = scene.stage.patient().redis.pipeline(transaction=True)
        pipe.exists(*leases)
        pipe.execute_command("CLIENT PAUSE", int(self.seconds * 1000))
        self.met = pipe.execute()[0] > 0


class _Set(Fault):
    """A setting of the server that makes it refuse, then the old one again.

    It counts what it refuses by the first word that it says; what the harness itself is refused
    does not count. https://valkey.io/commands/info/ (errorstats)
    """

    key: ClassVar[str]
    bad: ClassVar[str]
    good: ClassVar[str]
    word: ClassVar[str]
    stirs = True
    takes_syncs = False

    def inject(self, scene: Scene) -> None:
        self._hits = 0
        scene.stage.patient().redis.config_set(self.key, self.bad)

    def hits(self, scene: Scene) -> int:
        with suppress(redis.RedisError), scene.stage.own_writes:
            before = self._refused(scene)
            time.sleep(_COUNT_SECONDS)
            # Fewer than before: it was started again.
            self._hits += max(0, self._refused(scene) - before)
        return self._hits

    def _refused(self, scene: Scene) -> int:
        found = scene.stage.services.redis.info("errorstats")
        return int(found.get(f"errorstat_{self.word}", {}).get("count", 0))

    def heal(self, scene: Scene) -> None:
        scene.stage.patient().redis.config_set(self.key, self.good)


class RedisFull(_Set):
    name = "redis out of memory"
    lasts = (1.0, 3.0)
    key = "maxmemory"
    bad = "1"
    good = "0"
    word = "OOM"


class RedisRefusing(_Set):
    """As a server does that has lost its replicas, or whose disk is full."""

    name = "redis refusing writes"
    lasts = (1.0, 3.0)
    key = "min-replicas-to-write"
    bad = "1"
    good = "0"
    word = "NOREPLICAS"


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

    def hits(self, scene: Scene) -> int:
        """Whose last call the far worker made."""
        calls = [scene.front.seen.get(person.token) for person in scene.people]
        pool = processes.children(self._far.pid)
        return sum(bool(port and processes.owner_of_port(port, pool)) for port in calls)

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
