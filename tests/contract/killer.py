"""Syncs in processes of their own that die at a chosen moment, as by SIGKILL.

One process imports everything once and forks a child for each sync: a child starts with nothing
but the code, and ends without any clean-up. What a child still had to import, which takes longer
than its sync, the process imports before the next one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

if TYPE_CHECKING:
    from vault.model import Commit, Committed

ROOT = Path(__file__).resolve().parents[2]
KILLED, RESTED, WAITING = 9, 0, 3

#: `commit`: between the vault's commit and the checkpoint; `checkpoint`: after both.
Moment = Literal["commit", "checkpoint"]
#: Ends a child's process with an exit code.
End = Callable[[int], NoReturn]


class Killer:
    """The process that forks; started when first used."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def sync(self, order: dict[str, Any]) -> int:
        """Sync in a new process: `KILLED`, `RESTED`, `WAITING` or what else it ended with.

        Args:
            order: As `_child` takes it.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.killer"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve() -> None:
    _warm()
    for line in sys.stdin:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            end = _ending(tell)
            try:
                code = _child(json.loads(line), end)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stderr.flush()
                end(code)
        os.close(tell)
        with os.fdopen(told, encoding="utf-8") as names:
            missed = names.read().split()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
        _import(missed)


def _ending(tell: int) -> End:
    """How a child dies: telling what it has imported, and nothing else.

    Args:
        tell: A pipe's end, for the names.
    """
    before = set(sys.modules)

    def end(code: int) -> NoReturn:
        os.write(tell, "\n".join(sys.modules.keys() - before).encode())
        os._exit(code)

    return end


def _warm() -> None:
    """Import what each child needs; nothing here starts a thread."""
    _import(["worker.engine", "worker.services", "connectors.sdk.registry"])


def _import(names: list[str]) -> None:
    for name in names:
        # A name may stand for what a library has put in a module's place.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _child(order: dict[str, Any], end: End) -> int:
    """Sync until it rests, waits or is killed.

    Args:
        order: `settings` (overrides), `redis_url`, `job` (person, connection, handler), `kill`
            (a `Moment`, or null for none), `broken` (see `tests.contract.broken`, or null).
        end: How to die.
    """
    from config.settings import load
    from tests.contract import broken
    from worker.engine import Engine
    from worker.keys import Job
    from worker.services import open_services

    job = Job(*order["job"])
    if order["broken"]:
        broken.install(order["broken"], job.provider, job.handler)
    services = open_services(load(**order["settings"]), order["redis_url"])
    _kill_after_first(order["kill"], end)
    while True:
        run = services.schedule.run_of(job)
        outcome = Engine(services).run(job.person, job.connection, job.handler, run)
        if outcome.next in ("rest", "off"):
            return RESTED
        if outcome.next != "continue":
            return WAITING


def _kill_after_first(moment: Moment | None, end: End) -> None:
    """Make the process die at the first batch that is kept."""
    from vault.vault import Vault
    from worker.checkpoints import Checkpoints

    commit, save = Vault.commit, Checkpoints.save
    committed: list[bool] = []

    def committing(self: Vault, batch: Commit) -> Committed:
        done = commit(self, batch)
        committed.append(True)
        return done

    def saving(self: Checkpoints, *arguments: Any) -> None:
        # A checkpoint is also saved at the start, where the vault's position is newer.
        if committed and moment == "commit":
            end(KILLED)
        save(self, *arguments)
        if committed:
            end(KILLED)

    if moment is not None:
        Vault.commit = committing  # type: ignore[method-assign]
        Checkpoints.save = saving  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
