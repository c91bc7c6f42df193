"""A series of runs: which faults, in which order, on which stage; all by one seed."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from sandbox.options import SandboxOptions
from sandbox.server import running
from sandbox.world import World
from tests.chaos import (
    faults_processes,
    faults_provider,
    faults_queue,
    faults_redis,
    faults_vault,
)
from tests.chaos.fault import Fault, concrete
from tests.chaos.front import Front
from tests.chaos.people import PROVIDER
from tests.chaos.run import Result, Run
from tests.chaos.stage import Stage, standing

#: Runs that share a server and a sandbox; the next ones get fresh ones.
CHAPTER = 20
#: Accounts of a chapter's sandbox.
_ACCOUNTS = 120
_MODULES = (faults_processes, faults_redis, faults_vault, faults_provider, faults_queue)


def all_faults() -> list[type[Fault]]:
    """Every fault there is, in the order of its modules."""
    modules = [module.__name__ for module in _MODULES]
    return sorted(concrete(Fault), key=lambda kind: modules.index(kind.__module__))


def named(name: str) -> type[Fault]:
    """The fault of this name.

    Raises:
        KeyError: There is none.
    """
    return {kind.name: kind for kind in all_faults()}[name]


@dataclass(frozen=True)
class LeftOut:
    """Faults that a series could not have on this machine.

    Args:
        reasons: Why, by the fault's name.
    """

    reasons: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """What is injected when; the same for the same seed.

    Args:
        seed: Of the series.
        faults: Those to be injected.
        mixed: Whether further ones come along by chance.
        packed: Where not 0, each fault comes once in all: so many in one run, one after another,
            but for those that must be alone.
    """

    seed: int
    faults: tuple[type[Fault], ...]
    mixed: bool = True
    packed: int = 0

    def chance(self, number: int) -> random.Random:
        """What decides of one run; that run can be repeated alone."""
        return random.Random(f"{self.seed}/{number}")

    def of_run(self, number: int, chance: random.Random) -> list[Fault]:
        """The faults of a run: each comes first in turn, alone or with one or two others."""
        order = self._order()
        if self.packed:
            return [kind(chance) for kind in self.packs()[number]]
        chosen = [order[number % len(order)]]
        others = [kind for kind in order if not kind.alone and kind is not chosen[0]]
        more = chance.choice((0, 0, 1, 2))
        if self.mixed and not chosen[0].alone:
            chosen += chance.sample(others, min(more, len(others)))
        return [kind(chance) for kind in chosen]

    def packs(self) -> list[list[type[Fault]]]:
        """All faults, a list for each run; first what takes longest."""
        order = self._order()
        many = [kind for kind in order if not kind.alone]
        packs = [many[n : n + self.packed] for n in range(0, len(many), self.packed)]
        alone = sorted((kind for kind in order if kind.alone), key=lambda kind: -kind.jobs)
        return [[kind] for kind in alone] + packs

    def _order(self) -> list[type[Fault]]:
        order = list(self.faults)
        random.Random(self.seed).shuffle(order)
        return order


class Series:
    """Runs a plan.

    Args:
        plan: What is injected.
        folder: Where artefacts of failed runs are kept.
        tell: Says a line to whoever watches.
    """

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self.folder = folder
        self.tell = tell
        self.front = Front()
        #: Whether the logs of sound runs are kept too.
        self.keep_all = False
        #: Faults that this machine cannot have, with the reason.
        self.left_out: dict[str, str] = {}

    def go(self, numbers: Iterable[int]) -> Iterator[Result]:
        """The results of the runs with these numbers, as they come."""
        coming = iter(numbers)
        for first in coming:
            with self._chapter(first) as (stage, world):
                last: Result | None = None
                # Taken one by one, for they may be shared with other series.
                chapter = chain([first], islice(coming, CHAPTER - 1))
                for result in self._runs(chapter, stage, world):
                    if last is not None:
                        yield last
                    last = result
                # What outlives the server is the last run's, whose result waits for that.
                left = stage.stop()
                if last is not None:
                    last.remarks += left
                    if left:
                        self._keep(last, stage, {})
                    yield last
                elif left:
                    raise RuntimeError("; ".join(left))

    @contextmanager
    def _chapter(self, number: int) -> Iterator[tuple[Stage, World]]:
        options = SandboxOptions(
            accounts=_ACCOUNTS,
            messages=160,
            items=12,
            seed=self.plan.seed + number,
            latency_ms=15,
            remember_sent=True,
            # A few seconds only would let a refresh happen everywhere; some faults expire tokens.
            token_seconds=3600,
        )
        provider = {
            PROVIDER: {
                "client_id": options.client_id,
                "client_secret": options.client_secret,
                "base_url": self.front.url,
                "quota_units": 100_000_000,
                # Small pages, so that there are page tokens to be refused.
                "list_size": 60,
                "drive_page_size": 8,
            }
        }
        folder = Path(tempfile.mkdtemp(prefix="dcs-chaos-"))
        try:
            with running(options) as sandbox:
                self.front.target = int(sandbox.url.rpartition(":")[2])
                with standing(Stage(folder, provider)) as stage:
                    yield stage, sandbox.world
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _runs(self, numbers: Iterable[int], stage: Stage, world: World) -> Iterator[Result]:
        account = 0
        for number in numbers:
            chance = self.plan.chance(number)
            faults = [f for f in self.plan.of_run(number, chance) if self._can(f, stage)]
            if not faults:
                continue
            stage.refresh()
            marks = stage.marks()
            in_turn = self.plan.packed > 0
            run = Run(stage, world, self.front, chance, number, faults, account, in_turn=in_turn)
            result = run.go()
            account += run.accounts
            if not result.sound or self.keep_all:
                self._keep(result, stage, marks)
            yield result

    def _can(self, fault: Fault, stage: Stage) -> bool:
        reason = fault.missing(stage)
        if reason is None:
            return True
        if fault.name not in self.left_out:
            self.left_out[fault.name] = reason
            self.tell(f"left out: {fault.name}: {reason}")
            if os.environ.get("CI"):
                raise RuntimeError(f"{fault.name} cannot be injected: {reason}")
        return False

    def _keep(self, result: Result, stage: Stage, marks: dict[str, int]) -> None:
        """Keep what tells of a failed run: remarks, states, and the logs' lines of that run."""
        place = self.folder / f"run-{result.number}"
        place.mkdir(parents=True, exist_ok=True)
        text = "\n".join([*result.faults, "", *result.remarks, "", *result.notes, result.states])
        (place / "what.txt").write_text(text + "\n", encoding="utf-8")
        for path in stage.logs.glob("*.log"):
            content = path.read_bytes()[marks.get(path.name, 0) :]
            (place / path.name).write_bytes(content)
        self.tell(f"logs of run {result.number}: {place}")
