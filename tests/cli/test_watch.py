from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from cli.output import Output
from cli.watch import PATIENCE, Rested, missing, progress_of, rests, wait_for
from config.settings import OWNER
from worker.keys import Job
from worker.progress import ProgressView
from worker.services import Services

JOB = Job(OWNER, "google:1", "gmail")


def _view(status: Any, **fields: Any) -> ProgressView:
    return ProgressView("google:1", "gmail", "run", status, **fields)


@pytest.mark.parametrize(
    ("status", "wait", "to_end", "expected"),
    [
        ("queued", None, False, False),
        ("syncing", None, False, False),
        ("done", None, False, True),
        ("error", None, True, True),
        ("paused", None, False, True),
        ("waiting", 5.0, False, False),
        ("waiting", PATIENCE * 2, False, True),
        ("waiting", PATIENCE * 2, True, False),
    ],
)
def test_a_run_rests_when_nothing_is_to_be_waited_for(
    status: str, wait: float | None, to_end: bool, expected: bool
) -> None:
    view = _view(status, not_before=None if wait is None else 1000.0 + wait)
    assert rests(view, 1000.0, to_end=to_end) is expected


def test_waiting_shows_each_view_until_the_run_rests(filled: Services) -> None:
    views = iter(
        [_view("syncing", kept=n, total=10) for n in (0, 5)] + [_view("done", kept=10, total=10)]
    )
    seen: list[str] = []
    results = wait_for(
        filled,
        [JOB],
        to_end=False,
        show=lambda _, view: seen.append(view.status),
        keep=lambda: filled.progress.publish(JOB, next(views)),
    )
    assert seen == ["syncing", "syncing", "done"]
    assert [(r.job, r.view.kept) for r in results] == [(JOB, 10)]


def test_off_a_terminal_progress_is_plain_lines_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_of(Output(as_json=False), {JOB: 3}) as show:
        show(JOB, _view("syncing", kept=2, total=10))
        show(JOB, _view("syncing", kept=3, total=10))
        show(JOB, _view("done", kept=7, total=10))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "google:1 gmail: syncing, 5 of 10 kept",
        "google:1 gmail: done, 10 of 10 kept",
    ]


def test_quarantined_items_are_missing_with_the_way_on(filled: Services) -> None:
    (line,) = missing([Rested(JOB, _view("done"))], filled)
    assert "1 listed but not kept" in line
    assert "dcs quarantine retry" in line


@pytest.mark.parametrize(
    ("view", "word"),
    [
        (_view("error", message="the provider is down"), "the provider is down"),
        (_view("error", message="the provider is down"), "(run "),
        (_view("paused"), "--force"),
        (_view("waiting", not_before=time.time() + 3600, message="quota"), "--to-end"),
    ],
)
def test_what_did_not_come_to_its_end_says_why(
    filled: Services, view: ProgressView, word: str
) -> None:
    (line, _) = missing([Rested(JOB, view)], filled)
    assert "not complete" in line
    assert word in line


def test_a_complete_run_misses_nothing(filled: Services, dcs: Callable[..., Any]) -> None:
    vault = filled.vaults.open(OWNER)
    vault.reset("google:1", "gmail", delete_data=True)
    assert missing([Rested(JOB, _view("done"))], filled) == []
