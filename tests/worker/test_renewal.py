"""When what expires is held, and when it is lost."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from worker import renewal
from worker.renewal import Renewal


def test_it_is_renewed_for_as_long_as_its_holder_lives() -> None:
    asked: list[None] = []
    held = Renewal(lambda: not asked.append(None), 0.6, name="test")
    held.start()
    time.sleep(0.9)
    assert not held.lost
    held.stop()
    assert 2 <= len(asked) <= 4


def test_its_loss_is_told_once() -> None:
    told: list[None] = []
    held = Renewal(lambda: False, 0.06, name="test", on_loss=lambda: told.append(None))
    held.start()
    time.sleep(0.15)
    assert held.lost
    held.stop()
    assert len(told) == 1


def test_redis_away_for_a_moment_loses_nothing_and_for_a_life_loses_it() -> None:
    away = threading.Event()

    def renew() -> bool:
        if away.is_set():
            raise redis.ConnectionError
        return True

    held = Renewal(renew, 0.9, name="test")
    held.start()
    away.set()
    time.sleep(0.4)
    assert not held.lost
    away.clear()
    time.sleep(0.7)
    assert not held.lost
    away.set()
    time.sleep(1.0)
    assert held.lost
    held.stop()


def test_a_holder_that_was_frozen_knows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its own thread has run again, and though Redis would still say that it is ours."""
    held = Renewal(lambda: True, 10.0, name="test")
    held.start()
    assert not held.lost
    later = renewal.clock() + 11
    monkeypatch.setattr(renewal, "clock", lambda: later)
    assert held.lost
    monkeypatch.undo()
    # Whatever has happened meanwhile: it stays so.
    assert held.lost
    assert not held.renew()
    held.stop()


def test_the_clock_counts_what_the_machine_has_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", {7: 1234.5}.__getitem__)
    assert renewal.clock() == 1234.5
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert abs(renewal.clock() - time.monotonic()) < 1
