"""`dcs worker` and `dcs beat` as programs: their heartbeats, and what Flower is told of tasks."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import requests

from config.settings import load
from tests.cli.conftest import Programs
from tests.conftest import RedisServer
from worker import heartbeats
from worker.app import create_celery
from worker.heartbeats import BEAT, WORKER, seen
from worker.keys import HEARTBEATS, Job
from worker.services import Services, open_services

JOB = Job("owner", "google:1234", "gmail")

Event = dict[str, Any]


@pytest.fixture
def services(programs: Programs, redis_server: RedisServer) -> Iterator[Services]:
    """Services on the home of the programs."""
    made = open_services(load(home=programs.home), redis_server.url)
    made.redis.flushall()
    yield made
    made.close()


@pytest.fixture
def events(services: Services, redis_server: RedisServer) -> Iterator[list[Event]]:
    """All task events from here on, received as Flower receives them."""
    caught: list[Event] = []
    app = create_celery(services.settings, redis_server.url)
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": caught.append})

        def listen() -> None:
            try:
                receiver.capture(limit=None, timeout=60, wakeup=False)
            except (TimeoutError, redis.RedisError):
                return

        thread = threading.Thread(target=listen)
        thread.start()
        until(lambda: services.redis.exists("_kombu.binding.celeryev") == 1)
        yield caught
        receiver.should_stop = True
        thread.join()


def until(met: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_worker_and_beat_are_seen_while_they_run_and_flower_sees_ids_alone(
    programs: Programs, services: Services, redis_server: RedisServer, events: list[Event]
) -> None:
    environment = {"DCS_REDIS_URL": redis_server.url}
    worker = programs.start("worker", "--concurrency", "1", **environment)
    beat = programs.start("beat", **environment)

    def alive() -> set[str]:
        return {one.part for one in seen(services.redis) if one.age < 10}

    until(lambda: alive() == {WORKER, BEAT})

    services.queue.send(JOB, "4f2a7c", force=True)

    def of(name: str, kind: str) -> list[Event]:
        # A copy: events come in from another thread.
        return [one for one in list(events) if one["type"] == kind and one.get("name") == name]

    until(lambda: of("sync.handler", "task-received") and of("schedule.tick", "task-received"))
    until(lambda: any(one["type"] == "task-succeeded" for one in list(events)))
    (told,) = of("sync.handler", "task-received")
    assert told["args"] == "['owner', 'google:1234', 'gmail', '4f2a7c']"
    assert told["kwargs"] == "{'ticket': 1, 'force': True}"
    assert {one["args"] for one in of("schedule.tick", "task-received")} <= {"[]", "()"}

    for process in (worker, beat):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert not seen(services.redis)


def test_with_json_as_form_all_that_worker_and_beat_write_is_json(
    programs: Programs, services: Services, redis_server: RedisServer
) -> None:
    environment = {"DCS_REDIS_URL": redis_server.url, "DCS_LOG_FORMAT": "json"}
    worker = programs.start("worker", "--concurrency", "1", **environment)
    beat = programs.start("beat", **environment)
    until(lambda: {one.part for one in seen(services.redis)} == {WORKER, BEAT})
    said: dict[str, list[str]] = {}
    for name, process in (("worker", worker), ("beat", beat)):
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        said[name] = [json.loads(line)["message"] for line in (out + err).splitlines()]
    assert any("the worker stops" in message for message in said["worker"])


def test_beat_is_seen_though_no_worker_takes_its_ticks(
    programs: Programs, services: Services, redis_server: RedisServer
) -> None:
    programs.start("beat", DCS_REDIS_URL=redis_server.url, DCS_WORKER__TICK_SECONDS="0.2")
    until(lambda: seen(services.redis))
    until(lambda: services.redis.llen("schedule") >= 3)
    queued = services.redis.llen("schedule")
    before = services.redis.zscore(HEARTBEATS, f"{BEAT}|{seen(services.redis)[0].name}")
    time.sleep(heartbeats.EVERY + 1)
    assert services.redis.llen("schedule") == queued
    assert services.redis.zscore(HEARTBEATS, f"{BEAT}|{seen(services.redis)[0].name}") != before


def test_a_worker_that_is_killed_leaves_a_heartbeat_that_ages(
    programs: Programs, services: Services, redis_server: RedisServer
) -> None:
    worker = programs.start("worker", "--concurrency", "1", DCS_REDIS_URL=redis_server.url)
    until(lambda: seen(services.redis))
    worker.kill()
    worker.communicate(timeout=30)
    time.sleep(0.3)
    first = seen(services.redis)[0].age
    time.sleep(0.5)
    assert seen(services.redis)[0].age >= first + 0.4


def test_doctor_finds_a_running_server_well_and_it_is_ready(programs: Programs) -> None:
    _, told = programs.up("up")

    def ready() -> bool:
        return requests.get(f"{told['web_url']}/readyz", timeout=10).status_code == 200

    until(ready)
    code, out, err = programs.run("doctor", "--offline", "--json")
    assert code == 0, out + err
    found = {(one["area"], one["level"]) for one in json.loads(out)["findings"]}
    assert {("server", "ok"), ("redis", "ok"), ("parts", "ok"), ("runs", "ok")} <= found
    assert not [one for one in found if one[1] != "ok"]
    assert "dcs_parts_alive" in requests.get(f"{told['web_url']}/metrics", timeout=10).text
