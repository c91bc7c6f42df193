"""The real library, without a network: what the connector sends is what the library understands."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.telegram import offline

ROOT = Path(__file__).resolve().parents[3]
CONNECTOR = ROOT / "connectors" / "telegram"

#: What the library says of each request to somebody who is not signed in.
UNAUTHORIZED = {
    "createBasicGroupChat", "getBasicGroup", "getChat", "getChatHistory", "getChats", "getMe", "getMessage", "getMessages",
    "getUser", "loadChats",
}  # fmt: skip
UNEXPECTED = {
    "checkAuthenticationCode", "checkAuthenticationPassword", "resendAuthenticationCode",
}  # fmt: skip
#: These wait for the network.
SILENT = {"requestQrCodeAuthentication", "setAuthenticationPhoneNumber"}
DONE = {
    "close",
    "logOut",
    "setLogStream",
    "setLogVerbosityLevel",
    "setOption",
    "setTdlibParameters",
}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=program,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    done = run("", "-m", "tests.connectors.telegram.offline")
    # The library writes its log to stderr where it is not told not to, with phone numbers in it.
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_library_is_the_version_that_is_pinned(said: dict[str, Any]) -> None:
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"tdjson=={said['version']}\n" in pinned


def test_every_request_is_understood(said: dict[str, Any]) -> None:
    for name, code, message in said["requests"]:
        if name in UNAUTHORIZED:
            assert (code, message) == (401, "Unauthorized"), name
        elif name in UNEXPECTED:
            assert (code, message) == (400, f"Call to {name} unexpected")
        elif name in SILENT:
            assert not message.startswith("Failed to parse"), name
        else:
            assert (code, message) == (200, ""), name


def test_every_request_that_can_be_sent_was(said: dict[str, Any]) -> None:
    assert {name for name, *_ in said["requests"]} == UNAUTHORIZED | UNEXPECTED | SILENT | DONE


def test_every_field_has_a_name_that_the_library_knows(said: dict[str, Any]) -> None:
    unknown = [
        f"{name}.{path}: {message}"
        for name, path, message in said["fields"]
        if not message.startswith("Failed to parse JSON object as TDLib request")
    ]
    assert not unknown
    assert len(said["fields"]) > 40
    # A name that it does not know is let pass.
    assert said["control"] == [401, "Unauthorized"]


def test_no_other_module_makes_requests() -> None:
    for path in CONNECTOR.glob("*.py"):
        if path.name != "calls.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Dict):
                    made = [
                        value.value
                        for key, value in zip(node.keys, node.values, strict=True)
                        if isinstance(key, ast.Constant)
                        and key.value == "@type"
                        and isinstance(value, ast.Constant)
                    ]
                    assert all(str(kind).startswith("authorizationState") for kind in made), path


def test_the_variants_reach_nested_fields() -> None:
    request = {"@type": "a", "one": 1, "two": {"@type": "b", "three": {"four": 4}}}
    assert dict(offline.broken(request)) == {
        "one": {**request, "one": [["x"]]},
        "two": {**request, "two": [["x"]]},
        "two.three": {**request, "two": {"@type": "b", "three": [["x"]]}},
        "two.three.four": {**request, "two": {"@type": "b", "three": {"four": [["x"]]}}},
    }


SESSIONS = """
import sys, tempfile
from pathlib import Path
from pydantic import SecretStr
from connectors.sdk.errors import TokenExpiredError
from connectors.telegram.client import Client, open_session
from connectors.telegram.config import TelegramConfig
from connectors.telegram.session import Session
from tests.connectors.telegram.offline import OfflineTd

config = TelegramConfig(client_id="12345", client_secret=SecretStr("x" * 32))

def opened(session):
    with session.directory() as directory:
        mode = directory.stat().st_mode & 0o777
        client = Client(OfflineTd())
        try:
            open_session(client, config, session, str(directory))
            standing = client.standing
        finally:
            assert client.close() and client.close()
        return standing, mode, session.read(directory)

standing, mode, first = opened(Session.new())
assert (standing, mode) == ("WaitPhoneNumber", 0o700), (standing, oct(mode))
assert list(first.files) == ["td.binlog"] and len(first.files["td.binlog"]) > 1000
standing, _, again = opened(Session.unpacked(first.packed()))
assert standing == "WaitPhoneNumber"
assert again.key == first.key and len(again.files["td.binlog"]) > 1000
try:
    opened(Session(bytes(32), first.files))
except TokenExpiredError as error:
    print(error)
"""


def test_a_session_is_packed_and_opened_again_with_its_key_alone() -> None:
    done = run(SESSIONS, "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the sign-in at Telegram has ended; connect the account again\n"


UNCLOSED = """
import tempfile
from connectors.telegram import calls
from tests.connectors.telegram.offline import OfflineTd

td = OfflineTd()
for _ in range(3):
    td.send(td.create(), calls.set_parameters(
        tempfile.mkdtemp(), bytes(32), 1, "x", "1", test_dc=False))
"""


def test_a_process_may_end_with_clients_open() -> None:
    done = run(UNCLOSED, "-")
    assert (done.returncode, done.stderr) == (0, "")


LEFT = """
import tempfile, time
from connectors.sdk.errors import TransientError
from connectors.telegram import calls, client
from connectors.telegram.client import Client
from tests.connectors.telegram.offline import OfflineTd

client._LAST_SECONDS = 0.0
td = OfflineTd()
hub = td._hub
left = []
for _ in range(3):
    left.append(Client(td))
    left[-1].ask(calls.set_parameters(
        tempfile.mkdtemp(), bytes(32), 1, "x", "1", test_dc=False))
    # It gives up before the client has closed, and may be asked to once more.
    assert not left[-1].close() and not left[-1].close()
    assert left[-1].lives_on
until = time.monotonic() + 20
while hub._queues and time.monotonic() < until:
    time.sleep(0.02)
print(len(hub._queues), len(hub._left), len(hub._alive))
assert not left[0].close()
try:
    left[0].ask(calls.get_me())
except TransientError as error:
    print(error)
# One that was never sent anything is let go at once.
unused = hub.create()
td.leave(unused)
print(len(hub._queues), len(hub._left), len(hub._alive))
"""


def test_a_client_that_closes_too_late_is_forgotten_when_it_has() -> None:
    done = run(LEFT, "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 0 0\nTelegram's client has closed\n0 0 0\n"


SIGNING_IN = """
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.http import Transport
from connectors.sdk.signin import NotAcceptedError
from connectors.telegram import client
from connectors.telegram.provider import Telegram
from tests.connectors.telegram.offline import OfflineTd

client.LibraryTd = OfflineTd
transport = Transport()
steps = Telegram.configured({"client_id": "12345", "client_secret": "x" * 32}).sign_in(transport)
# What a person would choose where a code is shown, for which there must be a network.
steps._by_phone = True
print(steps.step().kind)
try:
    steps.answer(" ")
except NotAcceptedError as error:
    print(error)
directory = steps._directory
assert directory.exists()
steps.close()
assert not directory.exists()
try:
    Telegram.configured({"client_id": "12345"}).sign_in(transport)
except ConfigurationError as error:
    print(error)
transport.close()
"""


def test_a_sign_in_goes_as_far_as_there_is_no_network() -> None:
    done = run(SIGNING_IN, "-")
    assert (done.returncode, done.stderr) == (0, "")
    step, number, application = done.stdout.splitlines()
    assert (step, number) == ("phone", "Give the phone number of the account.")
    assert "client_secret" in application
