"""`/healthz` and `/readyz`, asked by nobody in particular."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis

from web.app import create_app
from worker.heartbeats import BEAT, WORKER, fresh_seconds
from worker.keys import HEARTBEATS


@pytest.fixture
def beat(services):
    """Writes heartbeats of this age."""

    def write(*parts, age=0.0):
        seconds, micros = services.redis.time()
        for part in parts:
            services.redis.zadd(HEARTBEATS, {f"{part}|{part}@x": seconds + micros / 1e6 - age})

    return write


def test_ready_when_redis_vaults_worker_and_beat_are(stranger, beat):
    beat(WORKER, BEAT)
    answer = stranger.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "parts": {"vaults": "ok", "redis": "ok", "worker": "ok", "beat": "ok"},
    }


@pytest.mark.parametrize("missing", [WORKER, BEAT])
def test_not_ready_without_one_of_the_parts(stranger, beat, missing):
    beat(*{WORKER, BEAT} - {missing})
    answer = stranger.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["parts"][missing] == "no heartbeat"
    assert list(answer.json["parts"].values()).count("ok") == 3


def test_an_old_heartbeat_does_not_count(stranger, beat, services):
    beat(BEAT)
    beat(WORKER, age=fresh_seconds(services.settings) + 1)
    assert stranger.get("/readyz").json["parts"]["worker"] == "no heartbeat"


def test_not_ready_when_the_master_key_is_not_the_vaults(stranger, beat, services, connection):
    beat(WORKER, BEAT)
    assert stranger.get("/readyz").status_code == 200
    (services.settings.home / "keys" / "master").write_text("ab" * 32)
    other = create_app(replace(services, vaults=type(services.vaults)(services.settings)))
    answer = other.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["parts"]["vaults"] == "keys or folder cannot be used"
    assert str(services.settings.home) not in answer.text


def test_asking_makes_no_key_and_no_vault(stranger, beat, services):
    beat(WORKER, BEAT)
    assert stranger.get("/readyz").status_code == 200
    assert not (services.settings.home / "keys" / "master").exists()
    assert not (services.settings.home / "vaults").exists()


def test_without_redis_it_says_so_soon_and_healthz_still_answers(services, client):
    gone = redis.Redis.from_url("unix:///nowhere/redis.sock?db=0&password=hush-hush-1")
    stranger = create_app(replace(services, redis=gone)).test_client()
    started = time.monotonic()
    answer = stranger.get("/readyz")
    assert time.monotonic() - started < 4
    assert answer.status_code == 503
    assert answer.json["parts"] == {
        "vaults": "ok",
        "redis": "does not answer",
        "worker": "unknown",
        "beat": "unknown",
    }
    assert "hush" not in answer.text
    assert stranger.get("/healthz").status_code == 200


def test_a_probe_may_call_the_server_by_its_address(stranger, beat):
    beat(WORKER, BEAT)
    for path in ("/healthz", "/readyz"):
        assert stranger.get(path, headers={"Host": "10.0.0.7:5021"}).status_code == 200


def test_it_is_cheap(stranger, beat, connection):
    beat(WORKER, BEAT)
    stranger.get("/readyz")
    started = time.perf_counter()
    for _ in range(20):
        stranger.get("/readyz")
    assert (time.perf_counter() - started) / 20 < 0.3
