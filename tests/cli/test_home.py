from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli import home
from cli.errors import Fail
from cli.home import Note


def _hold(folder: Path, wait: float = 0.0) -> contextlib.AbstractContextManager[None]:
    return home.hold(folder, wait=wait, waiting=lambda _: None)


def test_two_never_hold_one_home(tmp_path: Path) -> None:
    with _hold(tmp_path), pytest.raises(Fail, match="another dcs is at work"), _hold(tmp_path):
        pass


def test_the_holder_is_named_to_who_comes_second(tmp_path: Path) -> None:
    with _hold(tmp_path):
        home.write_note(tmp_path, Note(os.getpid(), "up", None, "http://127.0.0.1:1"))
        with (
            pytest.raises(Fail, match=r"dcs up runs already at http://127.0.0.1:1"),
            _hold(tmp_path),
        ):
            pass


def test_who_waits_gets_the_home_when_it_is_free(tmp_path: Path) -> None:
    told: list[Note | None] = []
    with contextlib.ExitStack() as first:
        first.enter_context(_hold(tmp_path))
        timer = threading.Timer(0.6, first.pop_all().close)
        timer.start()
        with home.hold(tmp_path, wait=10.0, waiting=told.append):
            assert told == [None]
        timer.join()


def test_the_note_counts_only_while_its_writer_holds_the_home(tmp_path: Path) -> None:
    note = Note(os.getpid(), "up", "unix:///x", None, ready=True)
    with _hold(tmp_path):
        home.write_note(tmp_path, note)
        assert home.read_note(tmp_path) == note
        assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "run.json").exists()
    # A live process, but not the one that wrote it: its id was given out anew.
    home.write_note(tmp_path, note)
    assert home.read_note(tmp_path) is None


def test_a_killed_holder_leaves_the_home_free(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, pathlib; from cli import home\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with home.hold(folder, wait=0, waiting=print):\n"
        "    home.write_note(folder, home.Note(os.getpid(), 'up', None, None, True))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert home.stale_note(tmp_path) is not None
    assert home.read_note(tmp_path) is None
    with _hold(tmp_path):
        pass


def test_a_garbled_note_is_no_note(tmp_path: Path) -> None:
    with _hold(tmp_path):
        (tmp_path / "run.json").write_text('{"pid": 1}')
        assert home.read_note(tmp_path) is None


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fail, match="set DCS_HOME"):
        home.make(tmp_path / "file" / "home")
