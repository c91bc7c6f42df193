from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import children as module
from cli.children import Children
from cli.errors import Fail

_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def _until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_output_goes_to_a_log_of_its_owner_alone(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        child = children.start("one", [sys.executable, "-c", "print('hello')"], {})
        _until(lambda: not child.alive())
        assert child.log.read_text() == "hello\n"
        assert child.log.stat().st_mode & 0o777 == 0o600


def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("one", _SLEEP, {})
        assert child.process is not None
        first = child.process.pid
        os.kill(first, signal.SIGKILL)
        _until(lambda: children.keep() == [child])
        _until(lambda: not children.keep() and child.alive())
        assert child.process.pid != first


def test_one_that_keeps_dying_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_BACKOFF", 0.0)
    with Children(tmp_path) as children:
        children.start("one", [sys.executable, "-c", "raise SystemExit(1)"], {})
        with pytest.raises(Fail, match=r"one keeps stopping; see .*one\.log"):
            _until(lambda: bool(children.keep()) and False)


def test_one_that_does_not_start_is_named_with_its_log(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("one", [sys.executable, "-c", "raise SystemExit(1)"], {})
        _until(lambda: not child.alive())
        with pytest.raises(Fail, match=r"one does not start; see .*one\.log"):
            children.check()


def test_stopping_kills_what_does_not_end_and_all_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.5)
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with Children(tmp_path) as children:
        child = children.start("stubborn", [sys.executable, "-c", code], {})
        _until(lambda: child.log.read_text().endswith("\n"))
        grandchild = int(child.log.read_text())
        assert _runs(grandchild)
    assert not child.alive()
    _until(lambda: not _runs(grandchild))


def test_what_others_need_is_stopped_last(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(float(sys.argv[2])); open(sys.argv[3], 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    with Children(tmp_path) as children:
        base = children.start(
            "base", [sys.executable, "-c", code, "base ", "0", str(ends)], {}, needed=True
        )
        tier = children.start("tier", [sys.executable, "-c", code, "tier ", "0.3", str(ends)], {})
        _until(lambda: "ready" in base.log.read_text() and "ready" in tier.log.read_text())
    assert ends.read_text() == "tier base "


def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from cli.children import Children\n"
        "child = Children(pathlib.Path(sys.argv[1])).start('one', [sys.executable, '-c', 'import time; time.sleep(60)'], {})\n"
        "print(child.process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    assert _runs(pid)
    parent.kill()
    parent.communicate()
    _until(lambda: not _runs(pid))
