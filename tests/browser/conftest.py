"""A real Chromium before the real server: the pages as a person's own browser runs them.

chromedriver speaks the W3C's WebDriver protocol, JSON over HTTP, so that `requests` is all that is
needed. Where there is no Chromium these tests are left out, and the run's summary says so; with
`CI` set in the environment they fail instead.

https://www.w3.org/TR/webdriver2/, https://developer.chrome.com/docs/chromedriver/capabilities
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from config.settings import OWNER, Settings, load
from connectors.sdk.oauth import Tokens
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.model import Connection
from web.server import make_server
from web.signin import make_sign_in_link
from worker import connections
from worker.engine import Engine
from worker.keys import Job
from worker.services import Services

HANDLER = "gmail"

_BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
_INSTALL = "apt-get install chromium chromium-driver"
_FLAGS = (
    "--headless",
    # Chromium's sandbox refuses to run for root, and needs rights that containers lack.
    "--no-sandbox",
    "--disable-gpu",
    # Containers give /dev/shm less room than Chromium takes.
    "--disable-dev-shm-usage",
    # Nothing goes to the network.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: WebDriver's name for a reference to an element, the same in all browsers.
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_LEFT_OUT = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium and chromedriver")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser's tests out where there is none, but never in continuous integration."""
    if _programs() or os.environ.get("CI"):
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.stash[_LEFT_OUT] = True
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.stash.get(_LEFT_OUT, False):
        line = f"browser tests left out: no chromium; {_INSTALL}"
        terminalreporter.write_line(line, yellow=True, bold=True)


def _programs() -> tuple[str, str] | None:
    """chromedriver and the browser, by path; None where one of them is missing."""
    driver = shutil.which("chromedriver")
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    return (driver, browser) if driver and browser else None


class Driver:
    """One browser with a profile of its own, without cookies.

    A click returns before the next page is there: ask `wait_for_text` for what that page alone says.

    Args:
        service: chromedriver's root.
        browser: The browser's program.
        profile: An empty folder.
    """

    WAIT_SECONDS = 10.0

    def __init__(self, service: str, browser: str, profile: Path) -> None:
        self._http = requests.Session()
        # A proxy of the environment has no business between here and loopback.
        self._http.trust_env = False
        self._url = f"{service}/session"
        options = {"binary": browser, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
        asked = {
            "browserName": "chrome",
            "timeouts": {"implicit": int(self.WAIT_SECONDS * 1000), "pageLoad": 20_000},
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self._call("POST", "", capabilities={"alwaysMatch": asked})
        self._url = f"{self._url}/{made['sessionId']}"

    def quit(self) -> None:
        """End the browser."""
        self._call("DELETE", "")
        self._http.close()

    def open(self, url: str) -> None:
        """Go to the URL and wait until the page has loaded."""
        self._call("POST", "/url", url=url)

    @property
    def url(self) -> str:
        """What the address bar holds."""
        return str(self._call("GET", "/url"))

    @property
    def source(self) -> str:
        """The page as it is now, as HTML."""
        return str(self._call("GET", "/source"))

    def cookies(self) -> dict[str, str]:
        """The page's cookies, those that scripts cannot read included."""
        return {cookie["name"]: cookie["value"] for cookie in self._call("GET", "/cookie")}

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; what it returns."""
        return self._call("POST", "/execute/sync", script=script, args=arguments)

    def text(self, css: str) -> str | None:
        """What a person reads in the first such element; None if there is none now."""
        script = "return document.querySelector(arguments[0])?.innerText.trim()"
        found: str | None = self.run(script, css)
        return found

    def wait_for_text(self, css: str, expected: str) -> None:
        """Wait until the first such element has this text."""
        self.wait(lambda: self.text(css) == expected, f"{css}: {expected}")

    def click(self, css: str) -> None:
        """Click the first such element as soon as there is one; it must be in sight."""
        self._call("POST", f"/element/{self._find(css)}/click")

    def type(self, css: str, text: str) -> None:
        """Type into the first such field; `\\n` is the key Enter, as WebDriver has it."""
        keys = text.replace("\n", "\ue007")
        self._call("POST", f"/element/{self._find(css)}/value", text=keys)

    def console(self) -> list[str]:
        """What the console has listed since last asked: errors, refusals by policy, scripts' own."""
        return [entry["message"] for entry in self._call("POST", "/se/log", type="browser")]

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
        """Wait until the condition holds; fail with `what` was waited for."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not seen in {seconds:g} s: {what}"
            time.sleep(0.05)

    def _find(self, css: str) -> str:
        found = self._call("POST", "/element", using="css selector", value=css)
        return str(found[_ELEMENT])

    def _call(self, method: str, path: str, **body: Any) -> Any:
        content = body if method == "POST" else None
        answer = self._http.request(method, self._url + path, json=content, timeout=60)
        value = answer.json()["value"]
        assert answer.ok, f"{method} {path} {body}: {value['error']}: {value['message']}"
        return value


@pytest.fixture(scope="session")
def chromedriver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """chromedriver's root and the browser's program."""
    found = _programs()
    if found is None:
        pytest.fail(f"no chromium and chromedriver on PATH: {_INSTALL}", pytrace=False)
    folder = tmp_path_factory.mktemp("chromedriver")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [found[0], "--port=0"],
            env=os.environ | {"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{_port(process, log)}", found[1]
    finally:
        process.terminate()
        process.wait(timeout=20)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that chromedriver says it has taken."""
    deadline = time.monotonic() + 20
    while not (said := re.search(r"started successfully on port (\d+)", log.read_text())):
        assert process.poll() is None, f"chromedriver has ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"chromedriver does not start: {log.read_text()}"
        time.sleep(0.05)
    return int(said[1])


@pytest.fixture
def driver(chromedriver: tuple[str, str], tmp_path: Path) -> Iterator[Driver]:
    made = Driver(*chromedriver, tmp_path / "profile")
    yield made
    made.quit()


@pytest.fixture
def options() -> SandboxOptions:
    """A small account; a test that needs another one gives it as a parameter of this name."""
    return SandboxOptions(messages=12, seed=7)


@pytest.fixture
def sandbox(options: SandboxOptions) -> Iterator[RunningSandbox]:
    with running(options) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    options = sandbox.world.options
    client = {"client_id": options.client_id, "client_secret": options.client_secret}
    return load(
        home=tmp_path / "home",
        web={"port": 0},
        providers={"google": client | {"base_url": sandbox.url, "quota": "none"}},
    )


@dataclass(frozen=True)
class Site:
    """The server as it is reached, and what happens behind it.

    Args:
        root: Its URL, without a slash at the end.
        services: Its services, which know that URL.
        sandbox: The provider's side.
    """

    root: str
    services: Services
    sandbox: RunningSandbox

    def sign_in_link(self) -> str:
        return make_sign_in_link(self.services)

    def receive(self, mail: bytes) -> None:
        """Let a mail (RFC 5322) arrive in the account."""
        self._control("POST", "accounts/0/messages", mail, {"Content-Type": "message/rfc822"})

    def canaries(self) -> list[str]:
        """What the sandbox has said or given out so far that must not leak."""
        found: list[str] = self._control("GET", "canaries")
        return found

    def connect(self) -> Connection:
        """Connect the account without the dance."""
        tokens = Tokens.from_json(self.sandbox.world.mint())
        return connections.connect(self.services, OWNER, "google", tokens)

    def sync(self, connection: Connection) -> None:
        """Bring the mail up to date, as a worker does: slice by slice, on a slow machine many."""
        job = Job(OWNER, connection.id, HANDLER)
        next_ = "continue"
        while next_ == "continue":
            run = self.services.schedule.run_of(job)
            outcome = Engine(self.services).run(OWNER, connection.id, HANDLER, run)
            next_ = outcome.next
        assert (outcome.next, outcome.handler) == ("rest", "enabled"), outcome

    def _control(
        self, method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> Any:
        url = f"{self.sandbox.url}/_sandbox/{path}"
        answer = requests.request(method, url, data=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def site(services: Services, sandbox: RunningSandbox) -> Iterator[Site]:
    """The real server on a free port, one thread beside the test."""
    server = make_server(services)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    web = services.settings.web.model_copy(update={"port": server.effective_port})
    settings = services.settings.model_copy(update={"web": web})
    # A copy takes cached values along.
    settings.__dict__.pop("public_url", None)
    yield Site(settings.public_url, replace(services, settings=settings), sandbox)

    def close() -> None:
        for channel in list(server.active_channels.values()):
            channel.close()
        server.close()

    # Within the server's own loop, which ends when nothing is open any more.
    server.trigger.pull_trigger(close)
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)
