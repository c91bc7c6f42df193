"""The processes that a command starts: kept alive while they should run, and all stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.errors import Fail
from cli.guard import PARENT_VARIABLE

#: Seconds that a process has to end by itself before it is killed.
STOP_SECONDS = 15.0
#: Longest wait before a process that died is started again, in seconds.
LONGEST_BACKOFF = 30.0
#: After so many deaths in a row the command gives up.
MOST_DEATHS = 8
#: A process that ran this long was well; its next death counts as the first. Seconds.
WELL_SECONDS = 60.0


@dataclass(slots=True)
class Child:
    """One process, started again with a growing wait when it dies.

    Args:
        name: Such as `worker`; its output goes to `logs/NAME.log`.
        command: Program and arguments.
        environment: Variables besides this process's own.
        log: Where its output is appended.
        needed: Whether the others need it while they end: it is stopped after them.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    needed: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    again_at: float | None = field(default=None)

    def start(self) -> None:
        """Start the process in a group of its own, so that Ctrl-C reaches only us."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the command is ours
                [*_python("cli.guard"), str(os.getpid()), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_own_code(), **self.environment},
                process_group=0,
            )
        finally:
            os.close(descriptor)
        self.started = time.monotonic()
        self.again_at = None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def terminate(self) -> None:
        """Ask the process to end; it tells its own children."""
        if self.process is not None and self.alive():
            self.process.terminate()

    def revive(self) -> bool:
        """Start the process again when it has died and its wait is over.

        Returns:
            Whether it was found dead just now.
        """
        if self.alive():
            return False
        now = time.monotonic()
        if self.again_at is None:
            self.deaths = 1 if now - self.started > WELL_SECONDS else self.deaths + 1
            # What the dead one left behind must not work beside the next.
            self.signal_group(signal.SIGKILL)
            self.again_at = now + min(0.5 * 2 ** (self.deaths - 1), LONGEST_BACKOFF)
            return True
        if now >= self.again_at:
            self.start()
        return False


class Children:
    """All processes of one command. Leaving the `with` block stops them.

    Args:
        logs: Folder of their logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        needed: bool = False,
    ) -> Child:
        """Start a process.

        Args:
            name: Such as `worker`; names its log.
            command: Program, as an absolute path, and arguments.
            environment: Variables besides this process's own.
            needed: Whether the others need it while they end.
        """
        child = Child(name, command, environment, self._logs / f"{name}.log", needed)
        self._children.append(child)
        child.start()
        return child

    def start_dcs(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Child:
        """Start a `dcs` command as a process."""
        watched = {**environment, PARENT_VARIABLE: str(os.getpid())}
        return self.start(name, [*_python("cli.main"), *arguments], watched)

    def check(self) -> None:
        """Raise `Fail` when a process has died; for the time of the start."""
        for child in self._children:
            if not child.alive():
                raise Fail(f"{child.name} does not start; see {child.log}")

    def keep(self) -> list[Child]:
        """Start those that died again, each after its wait; returns those found dead just now.

        Raises:
            Fail: One dies again and again.
        """
        dead = [child for child in self._children if child.revive()]
        for child in dead:
            if child.deaths >= MOST_DEATHS:
                raise Fail(f"{child.name} keeps stopping; see {child.log}")
        return dead

    def stop(self) -> None:
        """Stop all, with time to end by themselves, then by force; those that others need last."""
        for needed in (False, True):
            _stop([child for child in self._children if child.needed is needed])
        self._children.clear()


def _stop(children: Sequence[Child]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        _wait(child, deadline - time.monotonic())
        child.signal_group(signal.SIGKILL)
        _wait(child, STOP_SECONDS)


def _python(module: str) -> list[str]:
    # `-P`: a folder named like ours, where the command was called, is not ours.
    return [sys.executable, "-P", "-m", module]


def _own_code() -> dict[str, str]:
    """The variables that make a child import this very code, installed or not."""
    root = str(Path(__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{root}{os.pathsep}{others}" if others else root}


def _wait(child: Child, seconds: float) -> None:
    if child.process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout=max(0.0, seconds))
