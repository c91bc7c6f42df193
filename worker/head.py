"""The head of a worker: Celery's own, but that it ends when it has failed.

After an error that Celery takes for unrecoverable (a Redis that refuses writes, say) it stops its
pool, and may wait for ever for an answer of a process that died in the middle of one. Whoever
supervises the worker starts it again only once it has ended.

https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from billiard import active_children
from celery.apps.worker import Worker

log = logging.getLogger(__name__)

#: Seconds that a worker that has failed has to stop by itself.
GRACE = 10.0


class Head(Worker):
    """Celery's worker, with an end to its failing, and silent where it is told to be quiet."""

    def on_before_init(self, quiet: bool = False, **kwargs: Any) -> None:
        """Keep what is no log record off standard output, for a worker started with `--quiet`.

        Celery writes to Python's own standard output by whose request it stops, and has no setting
        for that. It passes over one that is not there, as a program's without a console.
        https://docs.python.org/3/library/sys.html#sys.__stdout__
        """
        super().on_before_init(quiet=quiet, **kwargs)
        if quiet:
            sys.__stdout__ = None  # type: ignore[misc]  # documented to be None at times

    def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> Any:
        """Stop; after a failure for no longer than `GRACE`, for jobs come due by their leases."""
        if not in_sighandler:
            # A record may be half written where a signal came between.
            log.info("the worker stops; what it works on comes to the end of its batch")
        if exitcode:
            timer = threading.Timer(GRACE, _end, (exitcode,))
            timer.daemon = True
            timer.start()
        return super().stop(in_sighandler=in_sighandler, exitcode=exitcode)


def _end(exitcode: int) -> None:
    log.error("the worker does not come to its end by itself; it is ended")
    for child in active_children():
        if child.pid is not None:
            with suppress(OSError):
                os.kill(child.pid, signal.SIGKILL)
    os._exit(exitcode)
