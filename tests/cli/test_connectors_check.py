"""`dcs connectors check`: whose result is whose, and the read-only part on a live connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Ended

from cli.connectors_check import Result, _named, _read
from config.settings import OWNER, Settings, load
from connectors.google.provider import Google
from connectors.sdk.handler import Handler
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Record
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.contract import live
from worker import connections
from worker.keys import Job
from worker.services import Services

Dcs = Callable[..., Ended]
HANDLERS = ["post", "post-like", "some-post"]


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("test_x[acme/post-full_sync]", ("post", "full_sync")),
        ("test_x[acme/post-like-429-date]", ("post-like", "429-date")),
        ("test_x[acme/some-post-401]", ("some-post", "401")),
        ("test_x[acme/post]", ("post", "test_x")),
        ("test_the_sandbox_plays", ("all", "test_the_sandbox_plays")),
    ],
)
def test_a_result_is_told_by_its_handler(case: str, found: tuple[str, str]) -> None:
    assert _named(case, "acme", HANDLERS) == found


def test_a_skipped_check_is_no_success(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase name="test_x[acme/post-a]"/>'
        '<testcase name="test_x[acme/post-b]"><skipped message="why"/></testcase>'
        '<testcase name="test_x[acme/post-c]">'
        '<failure message="AssertionError: 3 items are lost&#10;assert 1"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert list(_read(report, "acme", HANDLERS)) == [
        Result("post", "a", "passed", ""),
        Result("post", "b", "skipped", "why"),
        Result("post", "c", "failed", "3 items are lost"),
    ]


def test_what_is_asked_wrongly_is_refused_before_anything_runs(dcs: Dcs) -> None:
    assert "there is no provider nobody" in dcs("connectors", "check", "nobody").stderr
    wrong = dcs("connectors", "check", "google", "--handler", "nothing")
    assert "has no handler nothing" in wrong.stderr
    assert dcs("connectors", "check", "google", "--account", "a@example.org").exit_code == 2


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(messages=12, items=60)) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    google: dict[str, Any] = {"base_url": sandbox.url, "quota": "none", "youtube_page_size": 5}
    return load(home=tmp_path / "home", providers={"google": google})


@pytest.fixture
def connection(services: Services, sandbox: RunningSandbox) -> str:
    tokens = Tokens.from_json(sandbox.world.mint())
    return connections.connect(services, OWNER, "google", tokens).id


@pytest.mark.parametrize("handler", [handler.id for handler in Google.handlers])
def test_a_live_connection_is_read_and_nothing_is_kept(
    services: Services, connection: str, handler: str
) -> None:
    found = list(live.results(services, Job(OWNER, connection, handler)))
    assert [result["check"] for result in found] == [check.__name__ for check in live.CHECKS]
    assert {result["outcome"] for result in found} == {"passed"}, found
    vault = services.vaults.open(OWNER)
    assert list(vault.export()) == []
    assert vault.handler(connection, handler).position == {}


def test_a_mistake_shows_in_the_live_part_too(
    services: Services, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Handler.build

    def without_zone(self: Handler, **fields: Any) -> Record:
        return {**build(self, **fields), "insertedAt": "2026-01-01T00:00:00"}

    monkeypatch.setattr(Handler, "build", without_zone)
    found = list(live.results(services, Job(OWNER, connection, "youtube-post")))
    assert found[0]["outcome"] == "failed"
    assert "quarantined" in found[0]["message"]
