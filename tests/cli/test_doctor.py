"""`dcs doctor`: what it finds on servers that are well, and on those that are not."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from config.settings import OWNER
from tests.conftest import RedisServer
from worker.heartbeats import BEAT, WORKER
from worker.keys import DUE, HEARTBEATS, Job
from worker.progress import ProgressView
from worker.services import Services

Dcs = Callable[..., Result]
JOB = Job(OWNER, "google:1", "gmail")


class Doctor:
    """Calls `dcs doctor --offline --json`, and picks findings from what it says."""

    def __init__(self, dcs: Dcs) -> None:
        self._dcs = dcs
        self.found: list[dict[str, Any]] = []

    def __call__(self, *arguments: str) -> int:
        result = self._dcs("doctor", "--offline", "--json", *arguments)
        self.found = json.loads(result.stdout)["findings"]
        return result.exit_code

    def of(self, area: str, level: str | None = None) -> list[str]:
        return [
            f"{one['text']} | {one['advice']}"
            for one in self.found
            if one["area"] == area and level in {None, one["level"]}
        ]

    def problems(self) -> set[str]:
        return {one["area"] for one in self.found if one["level"] == "problem"}


@pytest.fixture
def doctor(dcs: Dcs) -> Doctor:
    return Doctor(dcs)


@pytest.fixture
def redis_url(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Production's shape: Redis is given."""
    monkeypatch.setenv("DCS_REDIS_URL", redis_server.url)
    return redis_server.url


@pytest.fixture
def alive(services: Services, redis_url: str) -> Services:
    """A worker and beat have just been seen."""
    heartbeat(services, WORKER, BEAT)
    return services


def ago(seconds: float) -> Callable[[], float]:
    """A clock that stands so far back."""
    at = time.time() - seconds
    return lambda: at


def heartbeat(services: Services, *parts: str, age: float = 0.0) -> None:
    seconds, _ = services.redis.time()
    services.redis.zadd(HEARTBEATS, {f"{part}|{part}@x": seconds - age for part in parts})


def test_a_machine_with_nothing_on_it_is_well_and_stays_so(doctor: Doctor, tmp_path: Path) -> None:
    assert doctor() == 0
    assert "the server is not running" in doctor.of("server", "ok")[0]
    assert not (tmp_path / "home").exists()


def test_a_stopped_server_with_a_vault_is_looked_through(doctor: Doctor, filled: Services) -> None:
    filled.vaults.close()
    assert doctor() == 0
    assert "the vault of owner is sound" in doctor.of("vaults")[0]
    assert "opens the keys of all vaults (1)" in " ".join(doctor.of("keys"))
    assert "1 item could not be kept | `dcs quarantine list`" in doctor.of("quarantine")[0]


def test_a_running_production_server_is_well(
    doctor: Doctor, filled: Services, alive: Services
) -> None:
    filled.schedule.put(JOB, 60)
    assert doctor() == 0
    assert doctor.of("parts", "ok") == [
        "worker is at work: worker@x | None",
        "beat is at work: beat@x | None",
    ]
    assert "1 job in the schedule, none overdue" in doctor.of("queue")[1]
    assert "agree on the time" in doctor.of("clock")[0]


def test_people_get_lines_with_advice_below_and_a_sum(dcs: Dcs, filled: Services) -> None:
    filled.settings.home.chmod(0o700)
    result = dcs("doctor", "--offline")
    assert result.exit_code == 0
    assert "warning  quarantine google:1 of owner, gmail: 1 item could not be kept" in result.stdout
    assert f"{'':20}`dcs quarantine list` says why" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 problems, 1 warning"


def test_neither_tokens_nor_content_nor_redis_password_is_told(
    dcs: Dcs, filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCS_REDIS_URL", "redis://:hush-hush-1@127.0.0.1:1/0")
    for arguments in ((), ("--json",)):
        result = dcs("doctor", "--offline", *arguments)
        assert result.exit_code == 1
        said = result.stdout + result.stderr
        for secret in ("access-1234567890", "refresh-1234567890", "lantern", "hush", "ada@"):
            assert secret not in said


# Storage


def test_one_damaged_vault_keeps_none_of_the_others_from_being_looked_at(
    doctor: Doctor, filled: Services
) -> None:
    for person in ("ann", "zoe"):
        filled.vaults.open(person, create=True)
    filled.vaults.close()
    folder = filled.settings.home / "vaults"
    held = bytearray((folder / "owner.vault").read_bytes())
    held[9000:9100] = os.urandom(100)
    (folder / "owner.vault").write_bytes(held)
    (folder / "ann.vault").write_bytes(os.urandom(8192))
    assert doctor() == 1
    assert doctor.problems() == {"vaults"}
    damaged = " ".join(doctor.of("vaults", "problem"))
    assert "the vault of ann" in damaged
    assert "the vault of owner" in damaged
    assert "back from the backup" in damaged
    assert ["zoe" in text for text in doctor.of("vaults", "ok")] == [True]


def test_quick_opens_the_vaults_and_no_more(doctor: Doctor, filled: Services) -> None:
    filled.vaults.close()
    file = filled.settings.home / "vaults" / "owner.vault"
    held = bytearray(file.read_bytes())
    held[-100:] = os.urandom(100)
    file.write_bytes(held)
    assert doctor() == 1
    assert doctor("--quick") == 0


def test_a_record_that_search_does_not_know_is_found(doctor: Doctor, filled: Services) -> None:
    with filled.vaults.open(OWNER)._write() as database:
        database.exec_driver_sql("DELETE FROM records_text WHERE rowid = 3")
    assert doctor() == 1
    assert "1 records are missing from the search index" in doctor.of("vaults", "problem")[0]


def test_a_master_key_that_is_missing_or_not_the_right_one_is_told(
    doctor: Doctor, filled: Services
) -> None:
    filled.vaults.close()
    master = filled.settings.home / "keys" / "master"
    master.write_text("ab" * 32)
    assert doctor() == 1
    assert doctor.problems() == {"keys"}
    assert "does not open the vault of owner" in doctor.of("keys", "problem")[0]
    master.unlink()
    assert doctor() == 1
    assert "is missing and there are vaults that need it" in doctor.of("keys", "problem")[0]
    assert not master.exists()


def test_a_vault_without_its_key_is_told_once(doctor: Doctor, filled: Services) -> None:
    filled.vaults.close()
    (filled.settings.home / "vaults" / "owner.key").unlink()
    assert doctor() == 1
    assert [one["area"] for one in doctor.found if one["level"] == "problem"] == ["keys"]


def test_doors_that_stand_open_are_named_with_the_command_that_shuts_them(
    doctor: Doctor, filled: Services
) -> None:
    filled.vaults.close()
    home = filled.settings.home
    home.chmod(0o755)
    (home / "vaults" / "owner.vault").chmod(0o644)
    (home / "keys" / "master").chmod(0o640)
    assert doctor() == 1
    said = " ".join(doctor.of("files", "warning"))
    assert f"Run `chmod 700 {home}`" in said
    assert "get at vaults/owner.vault |" in said
    assert f"Run `chmod 600 {home}/keys/master`" in doctor.of("keys", "problem")[0]


def test_a_master_key_of_another_user_is_told(
    doctor: Doctor, filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.vaults.close()
    master = filled.settings.home / "keys" / "master"
    us, other = os.geteuid(), 54321
    if us:
        # Only root can give a file away: here it is us who are another.
        other = us
        monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    else:
        os.chown(master, other, -1)
    assert doctor() == 1
    (said,) = doctor.of("keys", "problem")
    assert f"belongs to another user of this machine (uid {other})" in said
    assert f"chown {0 if not us else us + 1} {master}" in said


def test_a_disk_that_fills_up_is_told_in_time(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage("/"))
    for free, level in ((10**8, "problem"), (10**9, "warning"), (10**10, "ok")):
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _, left=free: usage(10**12, 0, left))
            assert doctor() == (level == "problem")
        assert len(doctor.of("disk", level)) == 1


# What runs


def test_a_redis_that_does_not_answer_is_a_problem_where_one_is_set(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCS_REDIS_URL", "redis://127.0.0.1:1/0")
    assert doctor() == 1
    assert "Redis does not answer (ConnectionError)" in doctor.of("redis", "problem")[0]


def test_a_redis_that_may_forget_is_told(doctor: Doctor, alive: Services) -> None:
    held = alive.redis.config_get("maxmemory-policy")["maxmemory-policy"]
    alive.redis.config_set("maxmemory-policy", "allkeys-lru")
    alive.redis.config_set("appendonly", "no")
    alive.redis.config_set("maxmemory", 1000)
    try:
        assert doctor() == 1
    finally:
        alive.redis.config_set("maxmemory", 0)
        alive.redis.config_set("maxmemory-policy", held)
        alive.redis.config_set("appendonly", "yes")
    assert any("allkeys-lru" in text for text in doctor.of("redis", "problem"))
    assert any("of its memory is used" in text for text in doctor.of("redis", "problem"))
    assert any("--appendonly yes" in text for text in doctor.of("redis", "warning"))


def test_parts_that_were_stopped_in_good_order_are_no_problem(
    doctor: Doctor, services: Services, redis_url: str
) -> None:
    assert doctor() == 0
    assert "neither a worker nor beat is running" in doctor.of("parts", "warning")[0]


def test_a_worker_that_died_is_a_problem(
    doctor: Doctor, services: Services, redis_url: str
) -> None:
    heartbeat(services, BEAT)
    heartbeat(services, WORKER, age=600)
    assert doctor() == 1
    (text,) = doctor.of("parts", "problem")
    assert "no worker is at work; worker@x was last seen 10 min ago" in text
    assert "dcs worker" in text


def test_a_schedule_that_nobody_looks_at_is_a_problem(doctor: Doctor, alive: Services) -> None:
    seconds, _ = alive.redis.time()
    alive.redis.zadd(DUE, {JOB.member: seconds - 600})
    assert doctor() == 1
    assert "overdue by 10 min" in doctor.of("queue", "problem")[0]


def test_a_job_that_waits_for_long_asks_for_more_workers(
    doctor: Doctor, alive: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("worker.queue.time.time", ago(7200))
        alive.queue.send(JOB, "r")
    assert doctor() == 0
    assert (
        "1 job in the queues, the oldest for 2 h | Start another"
        in doctor.of("queue", "warning")[0]
    )


def test_a_lease_whose_run_does_not_move_is_told_with_the_run(
    doctor: Doctor, alive: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alive.leases.acquire(JOB, 0)
    alive.progress.publish(JOB, ProgressView(JOB.connection, JOB.handler, "4f2a", "syncing"))
    assert doctor() == 0
    assert "1 sync under way, none stuck" in doctor.of("runs")[0]
    with monkeypatch.context() as patch:
        patch.setattr("worker.progress.time.time", ago(3600))
        alive.progress.publish(JOB, ProgressView(JOB.connection, JOB.handler, "4f2a", "syncing"))
    doctor()
    (text,) = doctor.of("runs", "warning")
    assert "nothing has been kept for 60 min (run 4f2a)" in text


def test_a_run_that_was_queued_and_never_begun_is_told(
    doctor: Doctor, alive: Services, filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("worker.progress.time.time", ago(3600))
        alive.progress.publish(JOB, ProgressView(JOB.connection, JOB.handler, "4f2a", "queued"))
    doctor()
    (text,) = doctor.of("runs", "warning")
    assert "queued for 60 min and not begun (run 4f2a)" in text
    assert "`dcs sync google --handler gmail`" in text


# What the handlers say


def test_a_handler_in_error_is_told_with_message_run_and_the_way_out(
    doctor: Doctor, filled: Services
) -> None:
    vault = filled.vaults.open(OWNER)
    vault.update_handler(
        "google:1", "gmail", status="error", message="it is closed", last_run_id="4f2a"
    )
    assert doctor() == 1
    (text,) = doctor.of("handlers", "problem")
    assert text.startswith("google:1 of owner, gmail: it is closed (run 4f2a)")
    assert "`dcs sync google --handler gmail --force`" in text


def test_a_connection_that_the_provider_refuses_asks_to_connect_again(
    doctor: Doctor, filled: Services
) -> None:
    filled.vaults.open(OWNER).set_connection_status("google:1", "invalid-auth", "access ended")
    assert doctor() == 1
    assert doctor.of("handlers") == ["google:1 of owner: access ended | Run `dcs connect google`."]


def test_a_check_that_breaks_is_a_finding_and_the_rest_goes_on(
    doctor: Doctor, filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("subject: holiday in Rome")

    monkeypatch.setattr("cli.doctor.storage.disk", broken)
    assert doctor() == 1
    (text,) = doctor.of("disk", "problem")
    assert "could not be looked at: ValueError (ValueError (" in text
    assert "Rome" not in text
    assert doctor.of("vaults", "ok")


def test_full_queues_ask_for_more_workers_rather_than_for_beat(
    doctor: Doctor, alive: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCS_WORKER__QUEUE_LIMIT", "2")
    seconds, _ = alive.redis.time()
    alive.redis.zadd(DUE, {JOB.member: seconds - 600})
    for number in range(2):
        alive.queue.send(Job(OWNER, f"google:{number}", "gmail"), "r")
    assert doctor() == 0
    assert "the queues are full; what is due waits" in doctor.of("queue", "warning")[0]
