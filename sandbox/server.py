"""Serving the sandbox: blocking, or in a thread beside a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import waitress

from sandbox.app import app_of
from sandbox.listening import Listening
from sandbox.options import SandboxOptions
from sandbox.world import World

DEFAULT_PORT = 5022
# Requests that hang on purpose hold a thread each, and must leave some for the others. Beside a
# test there are few of them, and each sandbox starts all of its threads at once.
_THREADS = 48
_THREADS_BESIDE = 24


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that is being served.

    Args:
        url: Its root, without a slash at the end.
        world: Its state, to be looked at and changed.
    """

    url: str
    world: World

    @property
    def tls_url(self) -> str:
        """Root of an address where TLS fails (see `sandbox.listening`)."""
        listening = self.world.listening
        assert listening is not None  # noqa: S101 - it is being served
        return listening.tls_url()


def serve(options: SandboxOptions, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
    """Serve until the process is told to stop (SIGINT).

    Raises:
        FileNotFoundError: `options.mail` does not exist.
        OSError: The address cannot be taken.
    """
    world = World(options)
    sockets: dict[int, Any] = {}
    server = _server(world, host, port, sockets, _THREADS)
    try:
        _listening(world, sockets).loop()
    except (SystemExit, KeyboardInterrupt):
        world.stopped.set()
        server.task_dispatcher.shutdown()
    finally:
        world.stopped.set()


@contextmanager
def running(options: SandboxOptions | None = None, port: int = 0) -> Iterator[RunningSandbox]:
    """Serve on loopback for as long as the block runs.

    Args:
        options: How the sandbox is set up.
        port: 0 for a free one.
    """
    world = World(options or SandboxOptions())
    sockets: dict[int, Any] = {}
    server = _server(world, "127.0.0.1", port, sockets, _THREADS_BESIDE)
    listening = _listening(world, sockets)
    thread = threading.Thread(target=listening.loop, name="sandbox", daemon=True)
    thread.start()
    try:
        yield RunningSandbox(f"http://127.0.0.1:{server.effective_port}", world)
    finally:
        world.stopped.set()
        server.pull_trigger()  # wakes the loop, which then sees that it is to end
        thread.join()
        server.task_dispatcher.shutdown(timeout=5)
        for channel in list(server.active_channels.values()):
            channel.handle_close()  # with its buffers, which may be files
        server.close()
        listening.close()


def _server(world: World, host: str, port: int, sockets: dict[int, Any], threads: int) -> Any:
    app = app_of(world)
    return waitress.create_server(
        app, map=sockets, host=host, port=port, threads=threads, ident="sandbox"
    )


def _listening(world: World, sockets: dict[int, Any]) -> Listening:
    world.listening = Listening(world, sockets)
    return world.listening
