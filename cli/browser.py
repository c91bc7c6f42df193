"""Plays a person with a browser, for the demo: signs in, and consents at the sandbox.

Everything goes over HTTP, as it does with a real browser: cookies, redirects, forms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from cli.errors import Fail

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = 30.0
#: Where the steps of a sign-in without OAuth are shown.
_STEPS = "/steps"
#: Seconds between two looks at them.
_LOOK = 0.5


def connect(sign_in_url: str, sign_in_form: dict[str, str], phone: Callable[[], bool]) -> None:
    """Sign in at the dashboard and go through the provider's consent, or scan its code.

    Args:
        sign_in_url: Where the sign-in link is exchanged.
        sign_in_form: Its form, with the path to go on to.
        phone: Scans the code that is shown last; whether there was one.

    Raises:
        Fail: A page was not as expected; says which.
    """
    with requests.Session() as browser:
        # A proxy of the environment is not for this machine's own servers.
        browser.trust_env = False
        signed_in = _checked(browser.post(sign_in_url, data=sign_in_form, timeout=_TIMEOUT))
        page = _get(browser, urljoin(sign_in_url, signed_in.json()["next"]))
        if urlsplit(page.url).path.endswith(_STEPS):
            _scan(browser, page, phone)
            return
        action, form = _consent(page)
        _checked(browser.post(action, data=form, timeout=_TIMEOUT))


def _scan(browser: requests.Session, page: requests.Response, phone: Callable[[], bool]) -> None:
    """Hold the phone to the code that the page shows, and wait until the page has moved on."""
    deadline = time.monotonic() + _TIMEOUT
    scanned = False
    while urlsplit(page.url).path.endswith(_STEPS):
        # The code is there once the provider has given it.
        scanned = scanned or phone()
        if time.monotonic() > deadline:
            raise Fail(
                "the code was scanned, and nothing came of it" if scanned else "no code came"
            )
        time.sleep(_LOOK)
        page = _get(browser, page.url)


def _get(browser: requests.Session, url: str) -> requests.Response:
    return _checked(browser.get(url, timeout=_TIMEOUT))


def _checked(response: requests.Response) -> requests.Response:
    parts = urlsplit(response.url)
    if parts.hostname not in _LOOPBACK:
        raise Fail(f"the demo was led away from this machine, to {parts.hostname}")
    if not response.ok:
        raise Fail(f"{parts.path} on port {parts.port} answers {response.status_code}")
    return response


def _consent(page: requests.Response) -> tuple[str, list[tuple[str, str]]]:
    """The page's form as a person sends it who changes nothing and presses its first button."""
    reader = _Form()
    reader.feed(page.text)
    if not reader.fields or reader.button is None:
        raise Fail(f"{urlsplit(page.url).path} shows no form to consent with")
    return urljoin(page.url, reader.action), [*reader.fields, reader.button]


class _Form(HTMLParser):
    """Reads the fields of a page's form that are sent unchanged, and its first button."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.button: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, a field or a button."""
        values = dict(attrs)
        name, value = values.get("name"), values.get("value") or ""
        if tag == "form":
            self.action = values.get("action") or ""
        elif tag == "button" and name and self.button is None:
            self.button = (name, value)
        elif tag == "input" and name:
            kind = values.get("type")
            if kind not in {"radio", "checkbox"} or "checked" in values:
                self.fields.append((name, value))
