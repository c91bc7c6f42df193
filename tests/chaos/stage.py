"""A server of one's own under `dcs up`, with somebody who starts it again when it ends.

Everything is as a person runs it: web, worker, beat and the embedded Redis as processes of their
own, vaults as files. Only the waits are short, by settings.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from cli import home as home_note
from config.settings import Settings, load
from tests.chaos import processes
from worker.services import Services, open_services

#: Room for the vaults of one chapter, in bytes; a tmpfs holds them where we may mount one.
DISK = 512 * 1024 * 1024
#: Seconds that `dcs up` has to be ready.
START_SECONDS = 60.0

VALUES: dict[str, dict[str, Any]] = {
    "http": {"backoff": 0.05, "retries": 2, "connect_timeout": 1.0, "read_timeout": 1.5},
    "vault": {"busy_timeout": 0.7},
    "worker": {
        "concurrency": 2,
        "lease_seconds": 1.5,
        "tick_seconds": 0.25,
        # Short, so that there are continuations to be lost.
        "first_slice_seconds": 0.3,
        "slice_seconds": 1,
        "retry_seconds": 0.25,
        "error_retry_seconds": 1.5,
        "vault_retry_seconds": 0.8,
        "inline_wait_seconds": 0.5,
        "queued_seconds": 4,
        "lock_seconds": 4,
    },
}


def environment_of(home: Path, groups: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The variables of a process of ours with these settings, and none that a developer has set."""
    variables = {name: value for name, value in os.environ.items() if name[:4] != "DCS_"}
    variables["DCS_HOME"] = str(home)
    for group, values in groups.items():
        for key, value in values.items():
            for name, inner in value.items() if isinstance(value, dict) else [("", value)]:
                path = [group, key, name] if name else [group, key]
                variables["DCS_" + "__".join(path).upper()] = str(inner)
    return variables


class Stage:
    """The server, its processes, and this process's own services on it.

    Args:
        folder: Where everything lives.
        provider: Overrides of the provider's configuration: address, client.
        values: Further settings, by group.
    """

    def __init__(
        self,
        folder: Path,
        provider: dict[str, dict[str, Any]],
        values: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.home = folder / "home"
        self.vaults = self.home / "vaults"
        self.logs = self.home / "logs"
        for path in (self.vaults, self.logs):
            path.mkdir(parents=True, mode=0o700)
        self.mounted = _mount(self.vaults)
        groups = {name: dict(group) for name, group in VALUES.items()}
        for name, group in (values or {}).items():
            groups.setdefault(name, {}).update(group)
        groups["web"] = {"port": _free_port()}
        groups["providers"] = provider
        self.groups = groups
        #: How often somebody had to start `dcs up`.
        self.starts = 0
        self._log_mark = 0
        self._up: subprocess.Popen[bytes] | None = None
        self._end = threading.Event()
        self._services: tuple[str, Services] | None = None
        self._lock = threading.Lock()
        #: Held while the harness itself writes to Redis, so that it can count others' refusals.
        self.own_writes = threading.Lock()
        self._manager = threading.Thread(target=self._manage, name="service-manager", daemon=True)

    # Running

    def start(self) -> None:
        """Start `dcs up` and wait until all of it answers."""
        self._manager.start()
        self.until_ready()

    def until_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until `dcs up` is ready."""
        deadline = time.monotonic() + seconds
        while True:
            note = home_note.read_note(self.home)
            if note is not None and note.ready:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"dcs up does not start\n{self.tail()}")
            time.sleep(0.05)

    def _manage(self) -> None:
        """What systemd's `Restart=always` does."""
        while not self._end.is_set():
            with (self.logs / "up.log").open("ab") as log:
                self._up = subprocess.Popen(
                    [sys.executable, "-P", "-m", "cli.main", "up"],
                    cwd=Path(__file__).parents[2],
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
            self._log_mark = (self.logs / "up.log").stat().st_size
            self.starts += 1
            self._up.wait()
            self._end.wait(0.3)

    def environment(self) -> dict[str, str]:
        variables = environment_of(self.home, self.groups)
        # `-P` keeps the working directory out of the path: the code under test is this checkout's.
        variables["PYTHONPATH"] = str(Path(__file__).parents[2])
        return variables

    def stop(self) -> list[str]:
        """Stop everything, and free the disk; names the processes that were left all the same."""
        self._end.set()
        self._close_services()
        if self._up is not None and self._up.poll() is None:
            for pid in [self._up.pid, *self.pool()]:
                processes.send(pid, signal.SIGCONT)
            self._up.terminate()
            try:
                self._up.wait(timeout=40)
            except subprocess.TimeoutExpired:
                for child in processes.children(self._up.pid):
                    with suppress(ProcessLookupError):
                        os.killpg(child, signal.SIGKILL)
                self._up.kill()
        if self._manager.is_alive():
            self._manager.join(timeout=5)
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.vaults)], check=False)
            self.mounted = False
        return processes.left_of(self.home)

    def refresh(self) -> None:
        """Start `dcs up` anew where its processes have died too often of late.

        It waits longer after each death and in the end gives up, as it should where a process
        is broken; here the deaths come from many runs in one minute.
        """
        log = self.logs / "up.log"
        lines = log.read_bytes()[self._log_mark :].decode(errors="replace").splitlines()
        deaths = Counter(line.split()[0] for line in lines if "is started again" in line)
        if max(deaths.values(), default=0) >= 2:
            starts = self.starts
            processes.send(self.up, signal.SIGTERM)
            deadline = time.monotonic() + START_SECONDS
            while self.starts == starts and time.monotonic() < deadline:
                time.sleep(0.05)
        self.until_ready()

    def marks(self) -> dict[str, int]:
        """How long each log is now."""
        return {path.name: path.stat().st_size for path in self.logs.glob("*.log")}

    # Processes

    @property
    def up(self) -> int | None:
        """The process of `dcs up`."""
        return self._up.pid if self._up is not None and self._up.poll() is None else None

    def tier(self, name: str) -> int | None:
        """The head of a tier, `redis` included; None while there is none."""
        words = "valkey-server" if name == "redis" else f"cli.main {name}"
        return None if self.up is None else processes.child_with(self.up, words)

    def pool(self) -> list[int]:
        """The worker's processes that sync."""
        head = self.tier("worker")
        if head is None:
            return []
        return [pid for pid in processes.children(head) if "cli.main" in processes.command(pid)]

    # Looking

    def settings(self) -> Settings:
        groups = {name: group for name, group in self.groups.items() if name != "web"}
        return load(home=self.home, **groups)

    @property
    def services(self) -> Services:
        """Services on the Redis that runs now; it has another socket after each start."""
        with self._lock:
            note = home_note.read_note(self.home)
            url = note.redis_url if note is not None else None
            if url is None:
                raise redis.ConnectionError("no dcs up")
            if self._services is None or self._services[0] != url:
                if self._services is not None:
                    # Its client is left alone: another thread may be in the middle of a call.
                    self._services[1].vaults.close()
                self._services = (url, open_services(self.settings(), url))
            return self._services[1]

    def patient(self, seconds: float = START_SECONDS) -> Services:
        """The services, as soon as Redis answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                services = self.services
                services.redis.ping()
                return services
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def close_vaults(self) -> None:
        """Close this process's vaults; other threads may go on with the rest meanwhile."""
        with self._lock:
            if self._services is not None:
                self._services[1].vaults.close()

    def _close_services(self) -> None:
        with self._lock:
            if self._services is not None:
                with suppress(redis.RedisError):
                    self._services[1].close()
            self._services = None

    def told(self, marks: dict[str, int], words: str) -> int:
        """In how many lines of all logs these words stand, after what `marks` had seen."""
        found = 0
        for path in self.logs.glob("*.log"):
            with path.open("rb") as log:
                log.seek(marks.get(path.name, 0))
                found += sum(words.encode() in line for line in log)
        return found

    def tail(self, size: int = 3000) -> str:
        """The end of each log."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-size:]}"
            for path in sorted(self.logs.glob("*.log"))
        )


@contextmanager
def standing(stage: Stage) -> Iterator[Stage]:
    """The stage, started and in the end stopped."""
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def _mount(folder: Path) -> bool:
    """Give the folder a small disk of its own, where we may."""
    if os.geteuid() != 0:
        return False
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
