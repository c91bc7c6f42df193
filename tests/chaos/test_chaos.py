"""A short run of the fault harness, and whether it would see what it looks for."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from config.settings import load
from sandbox.options import SandboxOptions
from sandbox.server import running
from sandbox.world import World
from tests.chaos import faults_provider
from tests.chaos.expected_events import differing
from tests.chaos.people import Person
from tests.chaos.series import Plan, all_faults
from worker.engine import Engine
from worker.services import open_services

_ROOT = Path(__file__).parents[2]
_SHORT = ("--packed", "10", "--seed", "5")


def _chosen() -> list[str]:
    """The short run's faults: of the provider's, every second; `make chaos` has them all.

    Each connector meets the others in the contract suite. All of them would take over 3 minutes
    beside other tests.
    """
    provider = [f.name for f in all_faults() if f.__module__ == faults_provider.__name__]
    left_out = set(provider[1::2])
    return [f"--only={f.name}" for f in all_faults() if f.name not in left_out]


@pytest.mark.timeout(900)
def test_faults_of_every_kind_are_survived_by_a_whole_server(tmp_path: Path) -> None:
    # As a process of its own: what it starts must not be this process's children.
    told = tmp_path / "told.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.chaos",
            *_SHORT,
            *_chosen(),
            "--keep",
            tmp_path,
            "--json",
            told,
        ],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    kept = "\n".join(path.read_text() for path in tmp_path.glob("*/what.txt"))
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}\n{kept}"
    *faults, _ = json.loads(told.read_text())["faults"]
    injected, met = (sum(row[key] for row in faults) for key in ("injected", "met"))
    # One or another may come when nobody is there to run into it.
    assert met >= 0.8 * injected, f"{met} of {injected} faults met\n{done.stderr}\n{done.stdout}"


def test_a_seed_gives_the_same_faults_and_each_comes_in_turn() -> None:
    faults = tuple(all_faults())
    plan = Plan(3, faults)
    chosen = [
        [(type(f), f.after, f.seconds) for f in plan.of_run(n, plan.chance(n))] for n in range(99)
    ]
    again = [
        [(type(f), f.after, f.seconds) for f in plan.of_run(n, plan.chance(n))] for n in range(99)
    ]
    assert chosen == again
    assert {run[0][0] for run in chosen[: len(faults)]} == set(faults)
    assert any(len(run) == 3 for run in chosen)
    assert all(len(run) == 1 or not any(kind.alone for kind, *_ in run) for run in chosen)


def test_the_comparison_sees_what_is_lost_changed_and_left_over(
    redis_server: Any, tmp_path: Path
) -> None:
    options = SandboxOptions(messages=12, remember_sent=True)
    with running(options) as sandbox:
        google = {
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "base_url": sandbox.url,
        }
        services = open_services(
            load(home=tmp_path / "home", providers={"google": google}), redis_server.url
        )
        person = _person(services, sandbox.world, "gmail")
        _sync(services, person)
        whole = person.compare()
        assert (whole.expected, whole.kept, whole.lost, whole.doubled) == (12, 12, 0, 0)
        assert whole.remarks == []

        ids = person.holding(person.jobs[0]).expected({})
        with person.vault._write() as database:
            database.execute(text("DELETE FROM records WHERE source_id = :id"), {"id": ids[0]})
        assert person.compare().lost == 1

        for spoilt, field in ((ids[1], "messageText"), (ids[2], "fromEmail")):
            blank = f"UPDATE records SET payload = json_set(payload, '$.{field}', '') WHERE source_id = :id"
            with person.vault._write() as database:
                database.execute(text(blank), {"id": spoilt})
        assert person.compare().lost == 3

        # Something came that was never synced, something went, and one was edited.
        person.change(random.Random(1))
        toll = person.compare()
        assert toll.lost >= 3
        assert toll.doubled == 1
        assert toll.remarks
        services.close()


def test_the_comparison_sees_each_field_of_an_event_and_of_a_calendar(
    redis_server: Any, tmp_path: Path
) -> None:
    options = SandboxOptions(messages=1, items=12, remember_sent=True)
    with running(options) as sandbox:
        google = {
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "base_url": sandbox.url,
        }
        services = open_services(
            load(home=tmp_path / "home", providers={"google": google}), redis_server.url
        )
        person = _person(services, sandbox.world, "gmail", "calendar-event")
        _sync(services, person)
        whole = person.compare()
        assert (whole.lost, whole.doubled, whole.remarks) == (0, 0, [])

        job = next(job for job in person.jobs if job.handler == "calendar-event")
        holding: Any = person.holding(job)
        kept = person.vault.kept(job.connection, job.handler)
        records = [kept.get(source_id) for source_id in kept.source_ids()]
        names = set().union(*(record or {} for record in records))
        assert {"start", "end", "location", "attendees", "attachments", "timezone"} < names
        for record in records:
            assert record is not None
            for name in record.keys() - {"schema", "sourceApplication", "sourceId", "sourceData"}:
                spoilt = record | {name: "something else"}
                assert differing(holding, job.connection, spoilt) == [name]
                del spoilt[name]
                assert differing(holding, job.connection, spoilt) == [name]
            more = record | {"icon": "an icon that nobody sent"}
            assert differing(holding, job.connection, more) == ["icon"]

        moved = next(key for key in kept.source_ids() if "/" in key)
        shift = (
            "UPDATE records SET payload = json_set(payload, '$.start.dateTime',"
            " '2001-01-01T00:00:00+00:00') WHERE source_id = :id"
        )
        with person.vault._write() as database:
            database.execute(text(shift), {"id": moved})
        toll = person.compare()
        assert toll.lost == 1
        assert "wrong fields: start" in toll.remarks[0]
        services.close()


def _person(services: Any, world: World, *handlers: str) -> Person:
    stage: Any = SimpleNamespace(
        services=services, patient=lambda _=0: services, own_writes=threading.Lock()
    )
    person = Person(stage, world, "owner", 0, handlers)
    person.connect()
    return person


def _sync(services: Any, person: Person) -> None:
    deadline = time.monotonic() + 20
    while not person.whole() and time.monotonic() < deadline:
        for job in person.jobs:
            run = services.schedule.run_of(job)
            Engine(services).run(job.person, job.connection, job.handler, run)
