"""What the tests of the commands share: a runner, programs on a throwaway home, a filled vault."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from config.settings import OWNER
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Failed, record_id
from connectors.sdk.schemas.email import Email
from vault.model import Commit, Connection
from worker.services import Services

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Programs:
    """Runs `dcs` as a program on a home of its own, and finds what it leaves behind.

    Args:
        folder: Where home and files go.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home of its own"
        self.folder = folder
        self.web_port, self.sandbox_port = free_port(), free_port()
        self.started: list[subprocess.Popen[str]] = []
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DCS_")},
            "DCS_HOME": str(self.home),
            "DCS_WEB__PORT": str(self.web_port),
            "DCS_SANDBOX__PORT": str(self.sandbox_port),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout, stderr."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def up(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """Start a command that stays, and read the JSON line that it prints when it is up."""
        process = self.start(*arguments, "--json")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        return process, json.loads(line)

    def left(self) -> list[str]:
        """The processes of this home."""
        mark = f"DCS_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def wait_until_none_left(self, seconds: float = 25.0) -> None:
        deadline = time.monotonic() + seconds
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """`dcs` as a program; everything is stopped at the end."""
    made = Programs(tmp_path)
    yield made
    made.end()
    made.wait_until_none_left()


@pytest.fixture
def dcs() -> Callable[..., Result]:
    """`dcs` within this process."""
    return lambda *arguments: CliRunner().invoke(cli, list(arguments), prog_name="dcs")


def email(number: int, **fields: Any) -> dict[str, Any]:
    """A record."""
    return {
        "_id": record_id("google", "1", f"m{number}"),
        "schema": Email.uri,
        "name": f"subject {number}",
        "sourceApplication": "https://google.com",
        "sourceAccountId": "1",
        "sourceId": f"m{number}",
        "sourceData": {"id": f"m{number}"},
        "insertedAt": f"2026-01-{number:02}T00:00:00.000Z",
        "sentAt": f"2026-01-{number:02}T00:00:00.000Z",
        "type": "receive" if number % 2 else "send",
        "fromEmail": "ada@example.org",
        "toEmail": "me@example.org",
        "messageText": f"word{number} lantern",
        **fields,
    }


@pytest.fixture
def filled(services: Services) -> Services:
    """A vault with a connection, nine records and one item in quarantine."""
    vault = services.vaults.open(OWNER, create=True)
    now = datetime.now(UTC)
    profile = {"name": "Ada", "email": "ada@example.org", "readableId": "ada@example.org"}
    vault.save_connection(Connection("google:1", "google", "1", profile, "active", None, now, now))
    vault.save_tokens("google:1", Tokens("access-1234567890", "refresh-1234567890", 4e9))
    vault.ensure_handler("google:1", "gmail")
    vault.claim("google:1", "gmail", 1)
    vault.commit(
        Commit(
            connection_id="google:1",
            handler_id="gmail",
            fence=1,
            schemas={Email.uri: Email},
            position={"at": 9},
            records=[email(number) for number in range(1, 10)],
            quarantined=[Failed("m10", {"id": "m10"}, "no date")],
            total=10,
        )
    )
    return services
