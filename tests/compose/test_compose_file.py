"""What `docker-compose.yml`, `Dockerfile` and `.dockerignore` promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cli.main import COMMANDS
from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["beat", "flower", "redis", "web", "worker"]
OURS = ["beat", "flower", "web", "worker"]


def test_it_has_every_tier(compose: dict[str, Any]) -> None:
    assert sorted(compose["services"]) == NAMES


@pytest.mark.parametrize("name", OURS)
def test_a_tier_runs_a_command_that_exists(compose: dict[str, Any], name: str) -> None:
    program, command, *_ = compose["services"][name]["command"]
    assert program == "dcs"
    assert command in COMMANDS


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_no_more_rights_than_it_needs(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_watched_and_started_again(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_published_on_this_machine_alone(compose: dict[str, Any], name: str) -> None:
    for port in compose["services"][name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_redis_is_reached_by_our_services_alone(compose: dict[str, Any]) -> None:
    redis = compose["services"]["redis"]
    assert "ports" not in redis
    assert redis["networks"] == ["queue"]
    assert compose["networks"]["queue"]["internal"] is True


def test_redis_keeps_an_append_only_file_on_a_volume(compose: dict[str, Any]) -> None:
    redis = compose["services"]["redis"]
    words = redis["command"]
    assert words[words.index("--appendonly") + 1] == "yes"
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"
    assert redis["volumes"] == ["queue:/data"]


def test_vaults_are_on_a_named_volume_of_web_and_worker(compose: dict[str, Any]) -> None:
    for name in ("web", "worker"):
        service = compose["services"][name]
        assert service["volumes"] == ["data:/data"]
        assert service["environment"]["DCS_HOME"] == "/data"
    assert set(compose["volumes"]) == {"data", "queue"}


def test_the_master_key_goes_to_those_alone_who_open_vaults(compose: dict[str, Any]) -> None:
    holders = {
        name
        for name, service in compose["services"].items()
        if "master_key" in service.get("secrets", [])
    }
    assert holders == {"web", "worker"}
    for name in holders:
        assert compose["services"][name]["environment"]["DCS_VAULT__MAKE_MASTER_KEY"] == "false"


def test_no_secret_is_in_the_file(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"SECRET|KEY|PASSWORD|TOKEN|DSN|AUTH", variable):
                assert value == "false" or value.startswith("/run/secrets/"), variable
            assert "@" not in value
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("secrets/")


def test_flower_asks_for_a_password(compose: dict[str, Any], tmp_path: Path, machine: Any) -> None:
    flower = compose["services"]["flower"]
    assert flower["env_file"] == ["secrets/flower.env"]
    text = (machine.secrets / "flower.env").read_text(encoding="utf-8")
    assert re.fullmatch(r"FLOWER_BASIC_AUTH=\w+:\w{32}\n", text)
    assert flower["environment"]["FLOWER_READ_ONLY"] == "true"


def test_the_documented_commands_make_private_keys(machine: Any) -> None:
    key = machine.secrets / "master_key"
    assert re.fullmatch(r"[0-9a-f]{64}", key.read_text(encoding="utf-8"))
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_bytes() != (machine.secrets / "web_secret_key").read_bytes()


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(compose: dict[str, Any], name: str) -> None:
    for variable in compose["services"][name]["environment"]:
        if not variable.startswith("DCS_"):
            continue
        model: Any = Settings
        for word in variable.removeprefix("DCS_").lower().split("__"):
            assert issubclass(model, BaseModel), variable
            assert word in model.model_fields, variable
            model = model.model_fields[word].annotation


def test_the_image_runs_unprivileged_and_holds_no_build_tools() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    build, final = re.split(r"(?m)^FROM python:3\.12-slim\n", text)
    assert "FROM python:3.12-slim AS build" in build
    assert "--constraint constraints.txt" in build
    assert re.search(r"(?m)^USER 10001:10001$", final)
    assert not re.search(r"apt-get|build-essential|gcc|pip install", final)
    assert not re.search(r"(?im)^(ARG|ENV).*(secret|password|token|key)", text)


def test_the_image_is_built_from_every_room() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = [
        name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]
    ]
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    for room in rooms:
        assert f"COPY {room} {room}\n" in docker
        assert f"!{room}" in allowed
    assert "!secrets" not in allowed
