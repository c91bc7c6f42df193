"""Whether the harness sees that a fault was met, and that a process was left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import processes
from tests.chaos.fault import until
from tests.chaos.front import Front
from tests.chaos.stage import Stage


@pytest.fixture
def provider() -> Iterator[socket.socket]:
    """Somebody who listens, and answers only what the test lets them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def front(provider: socket.socket) -> Iterator[Front]:
    """The relay to them."""
    found = Front()
    found.target = provider.getsockname()[1]
    yield found
    found.close()


def test_a_request_that_is_cut_before_its_answer_counts(
    front: Front, provider: socket.socket
) -> None:
    with socket.create_connection(("127.0.0.1", front.port)) as caller:
        behind, _ = provider.accept()
        with behind:
            caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert behind.recv(1000)
            front.close()
            assert front.cut == 1
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", front.port), timeout=5)
    assert front.calls == 1


def test_connections_that_rest_when_they_are_cut_do_not_count(
    front: Front, provider: socket.socket
) -> None:
    with socket.create_connection(("127.0.0.1", front.port)) as caller:
        behind, _ = provider.accept()
        with behind:
            caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert behind.recv(1000)
            behind.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert caller.recv(1000)
            front.close()
    assert front.cut == 0


def test_lines_of_logs_count_from_the_mark_on(tmp_path: Path) -> None:
    stage: Any = SimpleNamespace(logs=tmp_path)
    log = tmp_path / "worker.log"
    log.write_text("no space is left for a.vault\n")
    marks = Stage.marks(stage)
    assert Stage.told(stage, marks, "no space") == 0
    with log.open("a") as file:
        file.write("no space is left for b.vault\n")
    (tmp_path / "far-worker.log").write_text("no space is left for c.vault\nmore\n")
    assert Stage.told(stage, marks, "no space") == 2


def test_a_process_that_outlives_its_server_is_named_and_ended(tmp_path: Path) -> None:
    # Its parent ends at once, as the head of a tier does that is killed alone.
    script = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)  # forgotten'])"
    )
    environment = os.environ | {"DCS_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env=os.environ | {"DCS_HOME": str(tmp_path / "home-of-another")},
    )
    try:
        assert until(lambda: processes.with_variable("DCS_HOME", str(tmp_path / "home")), 5)
        (named,) = processes.left_of(tmp_path / "home", seconds=0.2)
        assert "# forgotten" in named
        assert until(lambda: not processes.with_variable("DCS_HOME", str(tmp_path / "home")), 5)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_processes_that_end_by_themselves_in_time_are_not_named(tmp_path: Path) -> None:
    environment = os.environ | {"DCS_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(0.5)"], env=environment
    )
    began = time.monotonic()
    assert until(lambda: processes.with_variable("DCS_HOME", str(tmp_path)), 5)
    try:
        assert processes.left_of(tmp_path, seconds=20) == []
        assert time.monotonic() - began < 20
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
