"""Locks on files: how long they are waited for, and what a fork does to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vault.errors import VaultLockedError
from vault.locks import locked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "owner.key"
    made.touch()
    return made


@contextmanager
def forked(work: Callable[[], None]) -> Iterator[int]:
    """A child process that does the work; gives its id, and ends it afterwards."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def exit_code(child: int) -> int | None:
    """How a child ended; None when it has not within five seconds."""
    for _ in range(500):
        # It stays to be waited for.
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            return ended.si_status
        time.sleep(0.01)
    return None


def test_a_lock_is_waited_for_as_long_as_told_and_what_is_in_use_is_said(file: Path) -> None:
    with locked(file, 0, "a"):
        began = time.monotonic()
        with pytest.raises(VaultLockedError, match=r"owner\.vault is in use"):
            locked(file, 0.1, "owner.vault").__enter__()
        assert 0.1 <= time.monotonic() - began < 2
    with locked(file, 0, "a"):
        pass


def test_those_who_share_a_lock_wait_for_none_but_who_wants_it_alone(file: Path) -> None:
    with locked(file, 0, "a", shared=True):
        with locked(file, 0, "a", shared=True):
            pass
        with pytest.raises(VaultLockedError):
            locked(file, 0, "a").__enter__()


def test_a_child_forked_under_a_lock_can_take_it_once_its_parent_is_done(file: Path) -> None:
    def take() -> None:
        with locked(file, 4, "a"):
            pass

    with locked(file, 0, "a"):
        child = forked(take)
        number = child.__enter__()
    try:
        assert exit_code(number) == 0
    finally:
        child.__exit__(None, None, None)


def test_a_child_that_leaves_its_parent_s_block_does_not_free_its_parent_s_lock(
    file: Path,
) -> None:
    held = locked(file, 0, "a")
    held.__enter__()
    with forked(lambda: held.__exit__(None, None, None)) as child:
        assert exit_code(child) == 0
        with pytest.raises(VaultLockedError):
            locked(file, 0, "a").__enter__()
    held.__exit__(None, None, None)


def test_a_child_that_outlives_its_parent_does_not_go_on_holding_its_lock(
    file: Path, tmp_path: Path
) -> None:
    noted = tmp_path / "child"

    def parent() -> None:
        with locked(file, 0, "a"):
            child = os.fork()
            if not child:
                time.sleep(30)
                os._exit(0)
            noted.write_text(str(child))
            os.kill(os.getpid(), signal.SIGKILL)

    with forked(parent) as number:
        assert exit_code(number) == signal.SIGKILL
        try:
            with locked(file, 4, "a"):
                pass
        finally:
            os.kill(int(noted.read_text()), signal.SIGKILL)
