"""A worker that has failed comes to its end, whatever its pool waits for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

_STUCK = textwrap.dedent("""
    import time
    from celery.apps.worker import Worker
    from worker import head
    Worker.stop = lambda self, in_sighandler=False, exitcode=None: time.sleep(60)
    head.GRACE = 0.3
    made = head.Head.__new__(head.Head)
    made.stop(exitcode={code})
""")


def run(code: int | None, seconds: float) -> int | None:
    process = subprocess.Popen([sys.executable, "-c", _STUCK.format(code=code)])
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()


def test_a_failed_worker_whose_stopping_hangs_is_ended() -> None:
    began = time.monotonic()
    assert run(1, 20) == 1
    assert time.monotonic() - began < 15


def test_a_worker_that_was_asked_to_end_has_the_time_it_needs() -> None:
    assert run(None, 3) is None
