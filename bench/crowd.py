"""Many people on one stage: all due at once, each with a vault of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from bench.report import Spread
from bench.stage import Sandbox, Stage, more, redis_commands
from worker.keys import Job


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many people there are, and how much mail they have.

    Args:
        small: People with a small mailbox.
        small_messages: Messages in each of these.
        large: People with a large mailbox.
        large_messages: Messages in each of these.
    """

    small: int
    small_messages: int
    large: int = 0
    large_messages: int = 0

    @property
    def people(self) -> int:
        """All of them."""
        return self.small + self.large

    @property
    def records(self) -> int:
        """What is to be kept in all."""
        return self.small * self.small_messages + self.large * self.large_messages

    def fill(self, played: Sandbox) -> None:
        """Give the last accounts of a sandbox their large mailboxes."""
        for account in range(self.small, self.people):
            played.add_messages(account, self.large_messages - self.small_messages)

    def size(self, person: int) -> int:
        """How many messages a person has."""
        return self.small_messages if person < self.small else self.large_messages


def work_off(
    crowd: Crowd,
    played: Sandbox,
    house: Stage,
    workers: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Any]:
    """Let everyone be due at once, and see when each mailbox is whole.

    Args:
        crowd: The people; their accounts are those of the sandbox.
        played: The sandbox.
        house: Where they are connected.
        workers: Runs what works it off, while inside.
    """
    jobs = [house.connect(played, f"person{n}", account=n) for n in range(crowd.people)]
    house.all_due(jobs)
    before = redis_commands(house.services)
    with workers():
        asked = house.until_rest(300 + crowd.records / 10)
    commands = more(before, redis_commands(house.services))
    return _figures(crowd, house, jobs) | {
        "redis_commands": sum(commands.values()) - asked,
        "commands": commands,
    }


def _figures(crowd: Crowd, house: Stage, jobs: Sequence[Job]) -> dict[str, Any]:
    spans = [house.last_run(job) for job in jobs]
    started = min(began for began, _ in spans)
    waits = [ended - started for _, ended in spans]
    batches = 0
    for person, job in enumerate(jobs):
        state = house.services.vaults.open(job.person).handler(job.connection, job.handler)
        batches += state.seq
        if state.kept != crowd.size(person):
            raise SystemExit(f"{job.person} has {state.kept} of {crowd.size(person)} records")
    figures: dict[str, Any] = {
        "people": crowd.people,
        "records": crowd.records,
        "batches": batches,
        "seconds": max(waits),
        "records_per_second": crowd.records / max(waits),
        "small": _waits(waits[: crowd.small]),
    }
    return figures | ({"large": _waits(waits[crowd.small :])} if crowd.large else {})


def _waits(values: Sequence[float]) -> dict[str, float]:
    spread = Spread.of(values)
    return {"median": spread.median, "first": spread.least, "worst": spread.most}
