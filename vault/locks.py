"""Locks on files, between processes and threads. Each wait has an end, and no fork prolongs one.

A lock belongs to the open file, which a forked child shares: it would stay locked for as long as
the child lives, for its parent and for the child itself.

https://man7.org/linux/man-pages/man2/flock.2.html
https://docs.python.org/3/library/os.html#os.register_at_fork
"""

from __future__ import annotations

import fcntl
import functools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vault.errors import in_use

#: Seconds between two looks at a lock that somebody else holds.
_LOOK_EVERY = 0.01

#: The files that are open for a lock in this process.
_descriptors: dict[object, int] = {}
#: Held while a file is opened and noted, and at a fork. A signal's handler may fork, too.
_noting = threading.RLock()


@contextmanager
def locked(path: Path, seconds: float, name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a file or folder that exists.

    Args:
        path: The file or folder.
        seconds: How long to wait for it.
        name: What the message says is in use.
        shared: Let others in who share it, too.

    Raises:
        VaultLockedError: Somebody else held it for all that time.
        OSError: The file cannot be opened.
    """
    _watch_forks()
    ours = object()
    with _noting:
        descriptor = os.open(path, os.O_RDONLY)
        _descriptors[ours] = descriptor
    try:
        _wait(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds, name)
        yield
    finally:
        # Not in a child that was forked meanwhile: the lock is its parent's.
        if _descriptors.pop(ours, None) is not None:
            # Closing frees it as well, but not before a child that is being forked has closed it.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _wait(descriptor: int, how: int, seconds: float, name: str) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise in_use(name) from None
            time.sleep(_LOOK_EVERY)
        else:
            return


@functools.cache
def _watch_forks() -> None:
    os.register_at_fork(
        before=_noting.acquire, after_in_parent=_noting.release, after_in_child=_let_go
    )


def _let_go() -> None:
    """Close in a forked child what its parent has locked."""
    for descriptor in _descriptors.values():
        with suppress(OSError):
            os.close(descriptor)
    _descriptors.clear()
    _noting.release()
