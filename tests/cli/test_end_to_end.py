"""The commands as programs, on a throwaway home, with everything real."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli import browser
from cli.commands.demo import listed_ids, summarize
from cli.twins import played
from cli.watch import Rested
from config.settings import OWNER
from connectors.google.provider import Google
from connectors.sdk.schemas.email import Email
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import Commit, Connection
from web.signin import sign_in_request
from worker.keys import Job
from worker.progress import ProgressView
from worker.services import Services

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def test_the_demo_keeps_every_message_and_leaves_nothing_running(programs: Any) -> None:
    code, out, err = programs.run("demo", "--once", "--messages", "60", "--json")
    assert code == 0, err
    accounts = {account["provider"]: account for account in json.loads(out)["accounts"]}
    assert list(accounts) == played()
    assert all(account["complete"] and account["kept"] for account in accounts.values())
    account = accounts["google"]
    parts = {part["handler"]: part for part in account["handlers"]}
    assert list(parts) == sorted(handler.id for handler in Google.handlers)
    for part in parts.values():
        assert part["listed"] == part["kept"] > 0
        assert part["requests"] > 0
    assert parts["gmail"]["kept"] == 60
    assert account["listed"] == account["kept"] == sum(part["kept"] for part in parts.values())
    assert account["quarantined"] == 0
    assert "Traceback" not in err
    assert programs.left() == []
    # A home that was given is kept, and can be read with nothing running.
    code, out, _ = programs.run("data", "email", "--limit", "0", "--jsonl")
    assert len({json.loads(line)["_id"] for line in out.splitlines()}) == 60
    for kind in ("application/pdf", DOCX, "application/vnd.google-apps.document"):
        code, out, err = programs.run("data", "file", "--limit", "0", "--json")
        file = next(f for f in json.loads(out) if f["mimeType"] == kind and f.get("contentText"))
        # A word that stands in this document's text and nowhere else.
        (word,) = re.findall(r"Keyword (\w+)", file["contentText"])
        code, out, err = programs.run("data", "file", "--search", word, "--json")
        assert code == 0, err
        assert [found["_id"] for found in json.loads(out)] == [file["_id"]]


def test_beside_a_running_demo_doctor_asks_the_sandbox_and_not_the_providers(
    programs: Any,
) -> None:
    programs.up("demo", "--messages", "3")
    _, out, err = programs.run("doctor", "--quick", "--json")
    texts = [one["text"] for one in json.loads(out)["findings"] if one["area"] == "providers"]
    assert {f"{provider}: 127.0.0.1 answers" for provider in played()} <= set(texts), err


def test_the_demo_fails_with_the_reason_when_something_is_not_kept(programs: Any) -> None:
    code, out, err = programs.run(
        "demo", "--once", "--messages", "20", "--json", "--fault", "403-scope:0"
    )
    assert code == 1, err
    result = json.loads(out)
    assert result["complete"] is False
    (account,) = (one for one in result["accounts"] if one["provider"] == "google")
    (mail,) = (part for part in account["handlers"] if part["handler"] == "gmail")
    assert (mail["listed"], mail["kept"], len(account["missing"])) == (20, 0, 10)
    assert account["kept"] == account["listed"] - 20
    assert "not complete" in account["reasons"][0]
    assert programs.left() == []


def test_up_serves_refuses_a_second_and_stops_cleanly(programs: Any) -> None:
    process, told = programs.up("up")
    with urllib.request.urlopen(f"{told['web_url']}/healthz", timeout=10) as answer:
        assert answer.status == 200
    started = time.monotonic()
    code, out, err = programs.run("up")
    assert time.monotonic() - started < 5
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"dcs up runs already at {told['web_url']}" in err
    code, out, err = programs.run("sync")
    assert code == 1
    assert "dcs connect PROVIDER" in err
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert programs.left() == []


def test_a_killed_up_leaves_nothing_and_the_next_one_starts(programs: Any) -> None:
    process, _ = programs.up("up")
    process.kill()
    process.communicate(timeout=10)
    programs.wait_until_none_left()
    process, told = programs.up("up")
    assert told["sign_in_link"].startswith(told["web_url"])


@pytest.fixture
def sandbox(programs: Any) -> Iterator[RunningSandbox]:
    """A sandbox, and programs that use it."""
    options = SandboxOptions(messages=30)
    with running(options) as made:
        prefix = "DCS_PROVIDERS__GOOGLE__"
        programs.environment |= {
            f"{prefix}BASE_URL": made.url,
            f"{prefix}CLIENT_ID": options.client_id,
            f"{prefix}CLIENT_SECRET": options.client_secret,
        }
        yield made


def test_tokens_connect_sync_fetches_and_reset_deletes(
    programs: Any, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    tokens = sandbox.world.mint()
    (tmp_path / "tokens.json").write_text(json.dumps(tokens))
    code, out, err = programs.run("connect", "google", "--token-file", "tokens.json", "--json")
    assert code == 0, err
    connection = json.loads(out)["connection"]
    code, out, err = programs.run("sync", "google", "--json")
    assert code == 0, err
    handlers = {each["handler"]: each for each in json.loads(out)["handlers"]}
    assert {each["connection"] for each in handlers.values()} == {connection}
    assert {each["status"] for each in handlers.values()} == {"done"}
    assert handlers["gmail"]["kept"] == 30
    assert programs.left() == []
    logs = b"".join(path.read_bytes() for path in (programs.home / "logs").iterdir())
    assert tokens["access_token"].encode() not in logs
    code, out, err = programs.run("reset-provider", "google", "--delete-data")
    assert code == 2
    assert "--yes" in err
    code, out, err = programs.run("reset-provider", "google", "--delete-data", "--yes", "--json")
    assert code == 0, err
    deleted = sum(each["kept"] for each in handlers.values())
    assert json.loads(out) == {"connections": [connection], "deleted": deleted, "cleared": False}
    code, out, err = programs.run("data", "email", "--json")
    assert (code, json.loads(out)) == (0, [])


def test_connect_waits_until_the_person_comes_back(programs: Any, sandbox: RunningSandbox) -> None:
    process = programs.start("connect", "google", "--no-browser", "--json")
    assert process.stderr is not None
    link = None
    while link is None:
        line = process.stderr.readline()
        assert line, "it ended without a link"
        link = re.search(r"http://\S+/sign-in#\S+", line)
    browser.connect(*sign_in_request(link[0]), lambda: False)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    account = sandbox.world.account().person
    assert json.loads(out)["connection"] == f"google:{account.sub}"


def test_a_summary_compares_ids_not_numbers(
    services: Services,
) -> None:
    with running(SandboxOptions(messages=5)) as sandbox:
        account = sandbox.world.account().person.sub
        now = datetime.now(UTC)
        connection = Connection(
            f"google:{account}", "google", account, {}, "active", None, now, now
        )
        ids = sorted(listed_ids(sandbox.url, connection)["gmail"])
        assert len(ids) == 5
        vault = services.vaults.open(OWNER, create=True)
        vault.save_connection(connection)
        vault.ensure_handler(connection.id, "gmail")
        vault.claim(connection.id, "gmail", 1)
        # As many records as are listed, but one is another.
        kept = [*ids[1:], "never-listed"]
        records = [_email(account, ident) for ident in kept]
        vault.commit(Commit(connection.id, "gmail", 1, {Email.uri: Email}, {}, records))
        done = ProgressView(connection.id, "gmail", "run", "done")
        results = [Rested(Job(OWNER, connection.id, "gmail"), done)]
        summary = summarize(services, connection, results, sandbox.url, 2.0)
        assert (summary.listed, summary.kept, summary.missing) == (5, 4, ids[:1])
        assert not summary.complete
        vault.commit(
            Commit(connection.id, "gmail", 1, {Email.uri: Email}, {}, [_email(account, ids[0])])
        )
        assert summarize(services, connection, results, sandbox.url, 2.0).complete


def _email(account: str, ident: str) -> dict[str, Any]:
    return {
        "_id": f"google:{account}:{ident}",
        "schema": Email.uri,
        "name": "subject",
        "sourceApplication": "https://google.com",
        "sourceAccountId": account,
        "sourceId": ident,
        "sourceData": {},
        "insertedAt": "2026-01-01T00:00:00.000Z",
        "sentAt": "2026-01-01T00:00:00.000Z",
        "type": "receive",
        "fromEmail": "ada@example.org",
        "toEmail": "me@example.org",
        "messageText": "text",
    }
