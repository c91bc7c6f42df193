"""The commands of `docker-compose.yml`, run as processes of this machine."""

from __future__ import annotations

from typing import Any

import pytest
import redis
import requests

pytestmark = pytest.mark.timeout(180)


def test_every_service_starts_by_its_own_command_and_becomes_healthy(machine: Any) -> None:
    machine.start("redis")
    client = redis.Redis(port=machine.ports["redis"])
    machine.wait("redis", lambda: answers(client))
    assert machine.mapped("redis://redis:6379/0").endswith(f"{machine.ports['redis']}/0")

    machine.start("beat")
    # Without a worker, what beat sends stays on its queue.
    machine.wait("beat", lambda: client.llen("schedule") >= 2)
    machine.wait("beat", lambda: machine.healthy("beat"))

    for name in ("worker", "web", "flower"):
        machine.start(name)
    machine.wait("worker", lambda: machine.healthy("worker"))
    machine.wait("worker", lambda: client.llen("schedule") == 0)
    machine.wait("web", lambda: machine.healthy("web"))
    machine.wait("flower", lambda: machine.healthy("flower"))

    url = f"http://127.0.0.1:{machine.ports['flower']}"
    assert requests.get(f"{url}/workers", timeout=10).status_code == 401
    auth = flower_auth(machine)
    machine.wait(
        "flower", lambda: "worker@" in requests.get(f"{url}/workers", auth=auth, timeout=10).text
    )
    refused = requests.post(f"{url}/api/worker/shutdown/worker@x", auth=auth, timeout=10)
    assert refused.status_code == 403

    # Signed out, the dashboard shows the way in and nothing else.
    page = requests.get(f"http://127.0.0.1:{machine.ports['web']}/", timeout=10)
    assert "sign" in page.text.lower()

    codes = machine.stop()
    assert all(code in (0, -15) for code in codes.values()), codes
    for name in codes:
        assert "Traceback" not in machine.log(name), machine.log(name)
        for file in ("master_key", "web_secret_key"):
            assert (machine.secrets / file).read_text() not in machine.log(name)
    assert (machine.folder / "data" / "appendonlydir").is_dir()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def flower_auth(machine: Any) -> tuple[str, str]:
    name, _, password = machine.environment({"env_file": ["secrets/flower.env"]})[
        "FLOWER_BASIC_AUTH"
    ].partition(":")
    return name, password
