"""Short ways to run the engine, for its tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Empty
from typing import Any

import pytest
import requests

from connectors.google.gmail import Gmail
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox
from vault.model import Commit, HandlerState, Run
from vault.vault import Vault
from worker import process, tasks
from worker.engine import Engine
from worker.handlers import open_handler
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import Services, open_services

MESSAGES = 120
OPTIONS = SandboxOptions(messages=MESSAGES, seed=3)


def run(services: Services, job: Job, *, force: bool = False) -> Outcome:
    """One time slice of the job's run."""
    run_id = services.schedule.run_of(job)
    engine = Engine(services)
    return engine.run(job.person, job.connection, job.handler, run_id, force=force)


def state(services: Services, job: Job) -> HandlerState:
    """Where the handler stands in the vault."""
    return services.vaults.open(job.person).handler(job.connection, job.handler)


def control(sandbox: RunningSandbox, method: str, path: str, body: Any = None) -> Any:
    """Ask the sandbox's own side."""
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body or {}, timeout=10)
    answer.raise_for_status()
    return answer.json() if answer.content else None


@contextmanager
def with_worker(services: Services, **worker: Any) -> Iterator[Services]:
    """The same on other settings of the worker."""
    settings = services.settings
    changed = settings.worker.model_copy(update=worker)
    path = services.redis.connection_pool.connection_kwargs["path"]
    made = open_services(settings.model_copy(update={"worker": changed}), f"unix://{path}?db=0")
    try:
        yield made
    finally:
        made.close()


def die(vault: Vault, job: Job, number: int) -> None:
    """What a process that is killed in its slice leaves behind."""
    fence = vault.last_fence(job.connection, job.handler) + 1
    vault.begin(Run(f"r{number}", job.connection, job.handler, datetime.now(UTC)), fence)


def keep_one(services: Services, job: Job, number: int) -> None:
    """Keep one message of those that the provider lists, as a slice does before it dies."""
    vault = services.vaults.open(job.person)
    handler = open_handler(services, vault, job)
    assert isinstance(handler, Gmail)
    message = handler._client.message(listed(services, job)[number])
    vault.commit(
        Commit(
            connection_id=job.connection,
            handler_id=job.handler,
            fence=vault.last_fence(job.connection, job.handler),
            schemas=Gmail.schemas(),
            position=state(services, job).position,
            records=[handler.record(message)],
        )
    )


def listed(services: Services, job: Job) -> list[str]:
    """The ids of the messages that the provider lists."""
    handler = open_handler(services, services.vaults.open(job.person), job)
    assert isinstance(handler, Gmail)
    return [message["id"] for message in handler._client.messages(size=100)["messages"]]


def only(services: Services, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty queue and schedule, and let `take` work with these services."""
    for handler in services.vaults.open(job.person).handlers(job.connection):
        services.schedule.remove(Job(job.person, job.connection, handler.handler_id))
    services.redis.delete("google")
    services.schedule.set_built()
    monkeypatch.setattr(process, "services", lambda: services)
    monkeypatch.setattr(process, "engine", lambda: Engine(services))


def waiting(services: Services) -> int:
    return services.queue.lengths()["google"]


def take(services: Services) -> None:
    """Do what a worker does with the next message; raises Empty when there is none."""
    with services.queue._celery.connection() as connection:
        message = connection.default_channel._get("google")
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    tasks.sync_handler(*args, **kwargs)


def drain(services: Services, most: int = 60) -> int:
    """Take messages until there is none; tells how many there were."""
    for number in range(most):
        try:
            take(services)
        except Empty:
            return number
    raise AssertionError("messages go on for ever")
