"""Finds processes by what Linux tells of them: children, commands, the owner of a socket."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    found: list[int] = []
    for task in _PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            found += [int(word) for word in task.read_text().split()]
    return found


def command(pid: int) -> str:
    """A process's command line; empty when it is gone or a zombie."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def child_with(pid: int, words: str) -> int | None:
    """The child whose command line holds these words; None when there is none."""
    return next((child for child in children(pid) if words in command(child)), None)


def with_variable(name: str, value: str) -> list[int]:
    """All processes that were started with this environment variable and live."""
    found: list[int] = []
    for path in _PROC.glob("[0-9]*/environ"):
        # Another's may not be read; a zombie's is empty.
        with suppress(OSError):
            if f"{name}={value}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return sorted(found)


def left_of(home: Path, seconds: float = 10.0) -> list[str]:
    """End the processes of a home that outlive its server, and name them.

    Args:
        home: Its `DCS_HOME`.
        seconds: How long they may take to end by themselves.

    Returns:
        A line for each that had to be killed: its number, parent and command.
    """
    deadline = time.monotonic() + seconds
    while (left := with_variable("DCS_HOME", str(home))) and time.monotonic() < deadline:
        time.sleep(0.05)
    named = [f"process {pid} of {parent(pid)} is left: {command(pid)}" for pid in left]
    for pid in left:
        send(pid, signal.SIGCONT)
        send(pid, signal.SIGKILL)
    return named


def parent(pid: int) -> int:
    """Who started a process, or took it on; 0 when it is gone."""
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def send(pid: int | None, number: signal.Signals) -> bool:
    """Send a signal; False when there is nobody to take it."""
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def owner_of_port(port: int, among: list[int]) -> int | None:
    """Which of these processes has the local end of a connection from this port of loopback."""
    inode = _inode(port)
    if inode is None:
        return None
    for pid in among:
        for link in _PROC.glob(f"{pid}/fd/*"):
            with suppress(OSError):
                if str(link.readlink()) == f"socket:[{inode}]":
                    return pid
    return None


def _inode(port: int) -> str | None:
    local = f":{port:04X}"
    for line in (_PROC / "net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(local):
            return fields[9]
    return None


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in seconds; 0 when it is gone."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
