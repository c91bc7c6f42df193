"""What a series tells besides its runs: faults left out, and processes left at its end."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import lanes
from tests.chaos.faults_processes import BeatKilled
from tests.chaos.faults_redis import ClockAhead
from tests.chaos.run import Result
from tests.chaos.series import LeftOut, Plan, Series

_PLAN = Plan(1, (ClockAhead,), mixed=False)


@pytest.fixture
def left() -> list[str]:
    """What outlives the stage."""
    return []


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: list[str]) -> None:
    """A stage on which nothing runs, on a machine where faults need no telling off."""
    monkeypatch.delenv("CI", raising=False)
    bare = SimpleNamespace(stop=lambda: left, refresh=lambda: None, logs=tmp_path, mounted=False)

    @contextmanager
    def chapter(*_: Any) -> Iterator[Any]:
        yield bare, None

    monkeypatch.setattr(Series, "_chapter", chapter)


def test_a_lane_tells_which_faults_its_machine_cannot_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.chaos.faults_redis._LIBRARIES", ())
    monkeypatch.setattr("signal.signal", lambda *_: None)
    told: queue.Queue[Any] = queue.Queue()
    lanes._lane(lanes._told(_PLAN), tmp_path, [0, 1], False, told)
    found = told.get_nowait()
    assert isinstance(found, LeftOut)
    assert "libfaketime" in found.reasons[ClockAhead.name]
    assert told.get_nowait() is None


def test_a_machine_that_must_have_every_fault_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.chaos.faults_redis._LIBRARIES", ())
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="cannot be injected"):
        list(Series(_PLAN, tmp_path, lambda _: None).go([0]))


def test_what_outlives_a_server_makes_its_last_run_a_failed_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: list[str]
) -> None:
    left.append("process 7 of 1 is left: dcs worker")

    def runs(_: Series, numbers: Iterable[int], *__: Any) -> Iterator[Result]:
        return (Result(number, [BeatKilled.name]) for number in numbers)

    monkeypatch.setattr(Series, "_runs", runs)
    found = list(Series(_PLAN, tmp_path, lambda _: None).go([0, 1, 2]))
    assert [result.sound for result in found] == [True, True, False]
    assert found[-1].remarks == left
    assert "process 7" in (tmp_path / "run-2" / "what.txt").read_text()


def test_what_outlives_a_server_without_runs_is_told_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: list[str]
) -> None:
    left.append("process 7 of 1 is left: dcs worker")
    monkeypatch.setattr(Series, "_runs", lambda *_: iter(()))
    with pytest.raises(RuntimeError, match="process 7"):
        list(Series(_PLAN, tmp_path, lambda _: None).go([0]))
