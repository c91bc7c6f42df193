"""Who is at work on a data directory: the lock that one holder has, and the note it leaves.

`run.lock` is held by the command that runs embedded parts; `run.json` says what it offers.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cli.errors import Fail

#: Seconds between looks at a lock that another holds.
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Note:
    """What the holder of a data directory offers.

    Args:
        pid: Its process.
        command: Such as `up`.
        redis_url: The embedded Redis; None when it uses the one that the settings name, whose
            URL may hold a password and is kept out of the note.
        web_url: Root of its web server's URLs; None when it runs none.
        ready: Whether others may use what it runs: all parts answer, and it stays.
        base_urls: What replaces the providers' own scheme and host, by provider, as set for its
            parts alone; without those that hold a password.
    """

    pid: int
    command: str
    redis_url: str | None
    web_url: str | None
    ready: bool = False
    base_urls: Mapping[str, str] = field(default_factory=dict)


def make(home: Path) -> None:
    """Make the data directory, readable by its owner alone.

    Raises:
        Fail: It cannot be made or written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Fail(
            f"cannot use {home} as data directory ({error.strerror}); set DCS_HOME"
        ) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise Fail(f"cannot write to {home}; set DCS_HOME to a directory of your own")


def read_note(home: Path) -> Note | None:
    """The note of the process that holds the data directory; None when none is alive."""
    try:
        note = Note(**json.loads((home / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return note if _alive(note.pid) and _locked(home) else None


def stale_note(home: Path) -> Note | None:
    """The note that a dead process left behind; to be called by the lock's holder."""
    try:
        return Note(**json.loads((home / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_note(home: Path, note: Note) -> None:
    """Leave the note, whole or not at all, readable by its owner alone."""
    path = home / "run.json"
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(note), file)
    part.replace(path)


@contextlib.contextmanager
def hold(home: Path, *, wait: float, waiting: Callable[[Note | None], None]) -> Iterator[None]:
    """Hold the data directory: at most one process at a time does.

    Args:
        home: The data directory.
        wait: How long to wait for another holder, in seconds; 0 does not wait.
        waiting: Called once when there is one to wait for.

    Raises:
        Fail: Another process holds it still.
    """
    descriptor = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, home, wait, waiting)
        yield
        with contextlib.suppress(FileNotFoundError):
            (home / "run.json").unlink()
    finally:
        # Closing lets go of the lock.
        os.close(descriptor)


def _acquire(
    descriptor: int, home: Path, wait: float, waiting: Callable[[Note | None], None]
) -> None:
    # Those who only look whether the lock is held take it for a moment.
    deadline = time.monotonic() + max(wait, 2 * _POLL)
    told = False
    while not _try(descriptor):
        note = read_note(home)
        if time.monotonic() >= deadline:
            raise Fail(_busy(home, note))
        if wait and not told:
            waiting(note)
            told = True
        time.sleep(_POLL)


def _busy(home: Path, note: Note | None) -> str:
    if note is None:
        return f"another dcs is at work in {home}; wait for it to end"
    where = f" at {note.web_url}" if note.web_url else ""
    return (
        f"dcs {note.command} runs already{where} (process {note.pid}, data directory {home}); "
        "stop it first, or set DCS_HOME to another directory"
    )


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked(home: Path) -> bool:
    """Whether some process holds the lock: a process id alone may have been given out anew."""
    try:
        descriptor = os.open(home / "run.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
