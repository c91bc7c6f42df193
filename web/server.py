"""Serves the web tier with waitress."""

from __future__ import annotations

import logging
import threading
from typing import Any

import waitress
from waitress.task import ThreadedTaskDispatcher

from web import steps
from web.api import events
from web.app import create_app
from web.sign_ins import SignIns
from worker.services import Services


class _Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress publishes no types
    """Waitress's threads; event streams end before the threads are waited for, sign-ins after.

    Args:
        threads: How many.
        stopping: Ends the streams when set.
        sign_ins: Those under way.
    """

    def __init__(self, threads: int, stopping: threading.Event, sign_ins: SignIns) -> None:
        super().__init__()
        self._stopping = stopping
        self._sign_ins = sign_ins
        self.set_thread_count(threads)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> Any:
        """Stop the threads, waiting `timeout` seconds for answers under way."""
        self._stopping.set()
        done = super().shutdown(cancel_pending, timeout)
        self._sign_ins.close()
        return done


def make_server(services: Services) -> Any:
    """A server that listens already: `run()` answers until `close()`; see `effective_port`.

    Raises:
        OSError: The port is taken.
    """
    logging.getLogger("waitress").setLevel(logging.WARNING)
    # One line for each request that finds no free thread says nothing that can be acted on.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    web = services.settings.web
    app = create_app(services)
    return waitress.create_server(
        app,
        host=web.host,
        port=web.port,
        ident=None,
        # They count only where a public URL says that there is a proxy (`create_app`); but that
        # they are there must be seen: `/metrics` is not for what a proxy passes on.
        clear_untrusted_proxy_headers=False,
        _dispatcher=_Dispatcher(web.threads, events.stopping(app), steps.sign_ins(app)),
    )


def serve(services: Services) -> None:
    """Answer requests until the process is told to stop.

    Raises:
        OSError: The port is taken.
    """
    server = make_server(services)
    try:
        server.run()
    finally:
        server.close()
