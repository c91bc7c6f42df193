"""Ticks on real vaults and the real embedded server."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from vault.model import Commit, Connection, Run
from worker import ticks
from worker.keys import Job
from worker.schedule import COMPARE_SECONDS, SECONDS
from worker.services import Services, open_services


def connect(services: Services, person: str, number: int, **state: Any) -> Job:
    """A connection whose handler is in the state."""
    vault = services.vaults.open(person, create=True)
    now = datetime.now(UTC)
    status = state.pop("connection", "active")
    provider = state.pop("provider", "google")
    identity = f"{provider}:{number}"
    vault.save_connection(Connection(identity, provider, str(number), {}, status, None, now, now))
    handler = state.pop("handler", "gmail")
    vault.ensure_handler(identity, handler)
    if state.pop("fetched", "last_sync_at" in state):
        vault.commit(Commit(identity, handler, 1, {}, position={"at": 1}))
    if state.pop("under_way", False):
        vault.begin(Run(f"run-{identity}", identity, handler, now), 2)
        vault.update_handler(identity, handler, status="enabled")
    if state:
        vault.update_handler(identity, handler, **state)
    return Job(person, identity, handler)


def sent(services: Services) -> list[str]:
    """The connections whose sync was sent, in order."""
    messages = [json.loads(text) for text in services.redis.lrange("google", 0, -1)]
    return [message["headers"]["argsrepr"].split("'")[3] for message in reversed(messages)]


def delay(services: Services, job: Job) -> float | None:
    due = services.schedule.due_at(job)
    return None if due is None else due - time.time()


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_a_tick_sends_what_is_due_once_in_its_run(services: Services) -> None:
    services.schedule.set_built()
    due, later = Job("owner", "google:1", "gmail"), Job("owner", "google:2", "gmail")
    services.schedule.put(due, 0)
    services.schedule.put(later, 60)
    run = services.schedule.run_of(due)
    assert ticks.tick(services) == 1
    assert ticks.tick(services) == 0
    assert sent(services) == ["google:1"]
    assert services.schedule.run_of(due) == run


def test_what_no_worker_takes_is_not_sent(services: Services) -> None:
    """Its provider has gone from this server; nobody would ever empty its queue."""
    services.schedule.set_built()
    gone, known = Job("owner", "taken-out:1", "x"), Job("owner", "google:1", "gmail")
    services.schedule.put(gone, 0)
    services.schedule.put(known, 0)
    assert ticks.tick(services) == 1
    assert services.redis.llen("taken-out") == 0
    waits = delay(services, gone)
    assert waits is not None
    assert waits > services.settings.worker.queued_seconds


def test_a_tick_sends_no_more_than_its_limit(services: Services) -> None:
    from config.settings import load

    limited = load(home=services.settings.home, worker={"tick_limit": 2})
    path = services.redis.connection_pool.connection_kwargs["path"]
    made = open_services(limited, f"unix://{path}?db=0")
    try:
        made.schedule.set_built()
        for number in range(5):
            made.schedule.put(Job("owner", f"google:{number}", "gmail"), 0)
        assert [ticks.tick(made) for _ in range(4)] == [2, 2, 1, 0]
    finally:
        made.close()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, 0),
        ({"last_sync_at": 600}, 3000),
        ({"last_sync_at": 600, "frequency": "day"}, SECONDS["day"] - 600),
        ({"last_sync_at": 7200}, 0),
        ({"last_sync_at": 600, "status": "syncing", "under_way": True}, 0),
        ({"last_sync_at": 600, "status": "error"}, 3000),
        ({"last_sync_at": 600, "status": "error", "frequency": "week"}, 3000),
        # Its last run waits, or has more to do: Redis alone knew for how long.
        ({"last_sync_at": 600, "frequency": "week", "under_way": True}, 0),
        # All of it was reset.
        ({"last_sync_at": 600, "frequency": "week", "fetched": False}, 0),
        ({"last_sync_at": 600, "handler": "of-an-older-version"}, 3600),
        ({"last_sync_at": 600, "provider": "taken-out"}, 3600),
        ({"status": "disabled"}, None),
        ({"status": "invalid-auth"}, None),
        ({"connection": "paused"}, None),
        ({"connection": "invalid-auth"}, None),
        ({"connection": "error"}, 0),
    ],
)
def test_a_lost_schedule_is_rebuilt_with_what_is_left_to_wait(
    services: Services, state: dict[str, Any], expected: float | None
) -> None:
    changes = dict(state)
    if "last_sync_at" in changes:
        changes["last_sync_at"] = ago(changes["last_sync_at"])
    job = connect(services, "owner", 1, **changes)
    services.redis.flushall()
    ticks.rebuild(services)
    found = delay(services, job)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert abs(found - expected) < 5


def test_a_tick_rebuilds_only_a_schedule_that_is_lost(services: Services) -> None:
    job = connect(services, "owner", 1, last_sync_at=ago(600))
    assert ticks.tick(services) == 0
    assert services.schedule.built()
    services.schedule.remove(job)
    assert ticks.tick(services) == 0
    assert delay(services, job) is None
    services.redis.flushall()
    assert ticks.tick(services) == 0
    assert delay(services, job) is not None


def test_a_job_that_was_lost_from_the_schedule_comes_back_by_itself(services: Services) -> None:
    job = connect(services, "owner", 1, last_sync_at=ago(600))
    ticks.tick(services)
    services.schedule.remove(job)
    assert 0 < services.redis.ttl("dcs:due:built") <= COMPARE_SECONDS
    services.redis.delete("dcs:due:built")  # its life is over
    ticks.tick(services)
    assert delay(services, job) is not None


def test_a_redis_that_is_wiped_in_the_middle_of_a_rebuild_gets_all_from_the_next(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = connect(services, "ada", 1), connect(services, "owner", 2)
    services.redis.flushall()
    real = services.vaults.open

    def wiped(person_id: str, **given: Any) -> Any:
        if person_id == "owner":
            services.redis.flushall()
        return real(person_id, **given)

    with monkeypatch.context() as patch:
        patch.setattr(services.vaults, "open", wiped)
        assert ticks.tick(services) == 0
    assert not services.schedule.built()
    assert ticks.tick(services) == 2
    assert delay(services, first) is not None
    assert delay(services, second) is not None


def test_ticks_go_on_while_another_process_rebuilds(services: Services) -> None:
    job = connect(services, "owner", 1)
    assert services.schedule.compare()
    services.schedule.put(job, 0)
    assert ticks.tick(services) == 1
    assert not services.schedule.built()


def test_a_worker_that_is_to_end_leaves_the_rebuild_to_another(services: Services) -> None:
    job = connect(services, "owner", 1)
    ticks.rebuild(services, lambda: True)
    assert not services.schedule.built()
    ticks.rebuild(services)
    assert delay(services, job) is not None


def test_a_rebuild_that_takes_long_is_made_less_often(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(services, "owner", 1)
    monkeypatch.setattr(ticks, "LEAST_REST", 10**9)
    ticks.rebuild(services)
    assert services.redis.ttl("dcs:due:built") > COMPARE_SECONDS


def test_a_rebuild_leaves_a_planned_time_alone(services: Services) -> None:
    job = connect(services, "owner", 1)
    services.schedule.put(job, 500)
    ticks.rebuild(services)
    found = delay(services, job)
    assert found is not None
    assert found > 490


@pytest.mark.parametrize("damage", ["garbage", "no key", "wrong key", "unreadable key", "no name"])
def test_a_vault_that_cannot_be_opened_keeps_no_other_from_being_synced(
    services: Services, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = connect(services, "ada", 1)
    whole = connect(services, "owner", 2)
    services.vaults.close()
    folder = services.settings.home / "vaults"
    file, key = folder / "ada.vault", folder / "ada.key"
    if damage == "garbage":
        file.write_bytes(b"not a vault" * 1000)
    elif damage == "no key":
        key.unlink()
    elif damage == "wrong key":
        key.write_bytes((folder / "owner.key").read_bytes())
    elif damage == "unreadable key":
        key.unlink()
        key.mkdir()
    else:
        file.rename(folder / "Ada's copy.vault")
    services.redis.flushall()
    with caplog.at_level(logging.WARNING, logger="worker.ticks"):
        assert ticks.tick(services) == 1
    assert delay(services, broken) is None
    assert delay(services, whole) is not None
    assert sent(services) == ["google:2"]
    assert any("left out" in record.message for record in caplog.records)
    assert 0 < services.redis.ttl("dcs:due:built") <= 60


def test_a_tick_that_fails_half_way_leaves_the_rest_due(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.schedule.set_built()
    for number in range(20):
        services.schedule.put(Job("owner", f"google:{number}", "gmail"), 0)
    real, calls = services.queue._celery.send_task, 0

    def refusing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise redis.exceptions.OutOfMemoryError("OOM")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(services.queue._celery, "send_task", refusing)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            ticks.tick(services)
    assert len(sent(services)) == 3
    assert ticks.tick(services) == 17
    assert len(set(sent(services))) == 20


def test_nobody_to_sync_is_no_fault(services: Services) -> None:
    assert ticks.tick(services) == 0
    assert services.schedule.built()
    # The folder of the vaults may not be mounted yet.
    assert services.redis.ttl("dcs:due:built") <= 60


def test_what_does_not_fit_into_the_queues_stays_due(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.schedule.set_built()
    for number in range(5):
        services.schedule.put(Job("owner", f"google:{number}", "gmail"), 0)
    monkeypatch.setattr(services.queue, "_limit", 3)
    assert ticks.tick(services) == 3
    assert ticks.tick(services) == 0
    services.redis.lpop("google")
    assert ticks.tick(services) == 1
    assert len(sent(services)) == 3
