"""Sees to it that no process outlives the `dcs` that started it, however that one ends.

`python -m cli.guard PARENT COMMAND...` becomes COMMAND, with the kernel asked to end it when
PARENT dies (Linux). A tier of `dcs` also watches its parent itself, which works everywhere and
has a second step: whatever is left of its process group after a while is killed.

https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
#: Names the process that a tier must not outlive.
PARENT_VARIABLE = "DCS_CLI_PARENT"
#: Seconds that a tier has to end by itself once its parent is gone.
GRACE = 10.0


def end_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent dies; nothing where it cannot.

    Args:
        parent: Process id that the parent had when it started us; it may be dead already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def watch_parent() -> None:
    """End this process, then its group, when the parent that the environment names is gone.

    The group is this process's own: `Children` starts each tier in one. The variable stays: Celery
    starts itself anew on SIGHUP, which the kernel sends to an orphaned group with a stopped member.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return
    threading.Thread(target=_watch, args=(int(parent),), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is ours, no shell is involved
