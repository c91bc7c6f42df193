"""The controls over HTTP, the world behind them, and starting from the command line."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time

import pytest
import requests

from sandbox.app import create_app
from sandbox.options import SandboxOptions
from sandbox.world import World

OPTIONS = {"newest": 1_790_000_000.0}


def call(sandbox, verb: str, path: str, **params) -> requests.Response:
    return requests.request(verb, f"{sandbox.url}/_sandbox/{path}", timeout=10, **params)


def test_state_names_accounts_and_messages(start):
    sandbox = start(accounts=2, messages=4)
    accounts = call(sandbox, "GET", "state").json()["accounts"]
    assert [account["email"] for account in accounts] == [
        "ada.lovelace@example.com",
        "alan.turing@example.com",
    ]
    assert accounts[1]["messages"] == sandbox.world.mailbox(1).ids()
    assert not set(accounts[0]["messages"]) & set(accounts[1]["messages"])


def test_messages_are_added_deleted_trashed_and_relabelled(start):
    sandbox = start(messages=4)
    mailbox = sandbox.world.mailbox()
    ids = call(sandbox, "POST", "accounts/0/messages", json={"count": 2}).json()["ids"]
    assert mailbox.ids()[:2] == ids[::-1]
    raw = b"From: a@example.com\nSubject: handed in\n\nhello\n"
    headers = {"Content-Type": "message/rfc822"}
    [given] = call(sandbox, "POST", "accounts/0/messages", data=raw, headers=headers).json()["ids"]
    assert mailbox.ids()[0] == given
    assert mailbox.get(given).load() == raw.replace(b"\n", b"\r\n")
    call(sandbox, "POST", f"accounts/0/messages/{given}/trash")
    assert mailbox.get(given).labels == ("UNREAD", "TRASH")
    call(sandbox, "POST", f"accounts/0/messages/{given}/labels", json={"add": ["Label_1"]})
    assert "Label_1" in mailbox.get(given).labels
    call(sandbox, "DELETE", f"accounts/0/messages/{given}")
    assert mailbox.get(given) is None
    assert call(sandbox, "DELETE", f"accounts/0/messages/{given}").status_code == 404
    assert call(sandbox, "POST", "accounts/7/expire-history").status_code == 404


def test_tokens_are_minted_expired_and_revoked(start):
    sandbox = start(messages=1)
    tokens = call(sandbox, "POST", "tokens").json()
    assert tokens["expires_at"] == pytest.approx(time.time() + 3600, abs=30)
    assert sandbox.world.tokens.check(tokens["access_token"]) is not None
    call(sandbox, "POST", "tokens/expire-access", json={"account": 0})
    assert sandbox.world.tokens.check(tokens["access_token"]) is None
    call(sandbox, "POST", "tokens/revoke-refresh")
    assert sandbox.world.tokens.refresh(tokens["refresh_token"]) is None


def test_faults_are_laid_seen_and_cleared(start):
    sandbox = start(messages=1)
    laid = call(sandbox, "POST", "faults", json=[{"kind": "500"}, {"kind": "reset", "count": 3}])
    assert [fault["kind"] for fault in laid.json()] == ["500", "reset"]
    assert call(sandbox, "POST", "faults", json={"kind": "flood"}).status_code == 400
    assert call(sandbox, "DELETE", "faults").json() == []
    assert call(sandbox, "GET", "faults").json() == []


def test_stats_count_and_start_again(start):
    sandbox = start(messages=3)
    headers = {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}
    for _ in range(3):
        requests.get(f"{sandbox.url}/gmail/v1/users/me/messages", headers=headers, timeout=10)
    stats = call(sandbox, "GET", "stats").json()
    assert stats["requests"] == {"gmail": 3}
    assert stats["calls"] == {"gmail.users.messages.list": 3}
    assert stats["units"] == {"ada.lovelace@example.com": 15}
    call(sandbox, "POST", "stats/reset")
    assert call(sandbox, "GET", "stats").json()["total"] == 0


def test_canaries_stand_in_what_the_api_answers(start, client):
    sandbox = start(messages=40)
    messages = client(sandbox).users().messages()
    raws = [
        base64.urlsafe_b64decode(
            messages.get(userId="me", id=ident, format="raw").execute()["raw"]
        ).decode("latin-1")
        for ident in sandbox.world.mailbox().ids()
    ]
    canaries = call(sandbox, "GET", "canaries").json()
    assert set(sandbox.world.tokens.all_given()) <= set(canaries)
    shown = [word for word in canaries if any(word in raw for raw in raws)]
    # Encoded subjects and bodies hide theirs in the raw form.
    assert len(shown) > 60


def test_the_same_seed_makes_the_same_mailbox_and_another_one_does_not():
    def made(seed: int) -> list[tuple[str, tuple[str, ...], bytes]]:
        world = World(SandboxOptions(messages=120, seed=seed, **OPTIONS))
        return [(e.id, e.labels, e.load()) for e in world.mailbox().entries()]

    assert made(1) == made(1)
    assert not {ident for ident, _, _ in made(1)} & {ident for ident, _, _ in made(2)}


def test_a_big_mailbox_starts_quickly():
    began = time.process_time()
    world = World(SandboxOptions(messages=20_000, **OPTIONS))
    assert time.process_time() - began < 3
    assert len(set(world.mailbox().ids())) == 20_000


def test_the_application_needs_no_server():
    app = create_app(SandboxOptions(messages=2))
    world: World = app.extensions["sandbox"]
    answer = app.test_client().get("/_sandbox/state")
    assert answer.json == world.state()


def test_it_starts_from_the_command_line(tmp_path):
    (tmp_path / "one.eml").write_bytes(b"From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--mail", str(tmp_path)]
    with subprocess.Popen([*command, "--quota", "100/60", "--fault", "503"]) as process:
        try:
            assert len(_state_of(port)["accounts"][0]["messages"]) == 1
        finally:
            process.terminate()


def _state_of(port: int) -> dict:
    for _ in range(100):
        try:
            return requests.get(f"http://127.0.0.1:{port}/_sandbox/state", timeout=5).json()
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the sandbox did not start")
