"""A person's way through the pages: sign in, connect, watch, find, read."""

from __future__ import annotations

import base64
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.options import SandboxOptions

pytestmark = pytest.mark.browser

SEARCH = "input[type=search]"
MAIL = ".live[data-handler=gmail]"
STATE = f"{MAIL} [data-field=state]"
#: Enough mail, slow enough, to see it come in.
SLOW = SandboxOptions(messages=150, seed=7, latency_ms=100)
LANTERN = b"""\
From: Ada Example <ada@example.org>
To: owner@example.org
Subject: The lantern on the pier
Date: Fri, 1 Mar 2024 12:00:00 +0000
Message-ID: <lantern@example.org>
Content-Type: text/plain; charset=utf-8

It was lit again, and the ferrywoman waved.
"""

#: Notes each state and count that the page shows from now on. A page that loads again forgets them.
WATCH = """
const box = document.querySelector(".live[data-handler=gmail]");
const read = () => ["state", "counts"].map((f) => box.querySelector(`[data-field=${f}]`).textContent);
window.seen = [read()];
new MutationObserver(() => window.seen.push(read())).observe(box, { subtree: true, childList: true });
"""


def dashboard(driver, site):
    driver.open(site.sign_in_link())
    driver.click("a[href='/connect/google']")


def complaints(driver, site):
    """What the console has listed, but for the icon that the provider's page lacks."""
    return [line for line in driver.console() if f"{site.sandbox.url}/favicon.ico" not in line]


def written(cookie):
    """What Flask's session cookie says: signed, packed, and not encrypted."""
    packed = cookie.startswith(".")
    payload = cookie.lstrip(".").split(".")[0]
    plain = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(plain) if packed else plain).decode()


@pytest.mark.parametrize("options", [SLOW], ids=["slow"])
def test_a_connected_account_fills_up_before_the_persons_eyes(driver, site):
    dashboard(driver, site)
    driver.click("button[value=allow]")
    driver.wait_for_text(STATE, "Queued")
    driver.run(WATCH)
    [connection] = site.services.vaults.open("owner").connections()
    with ThreadPoolExecutor(1) as worker:
        syncing = worker.submit(site.sync, connection)
        end = ["Up to date", f"{SLOW.messages} kept"]
        driver.wait(lambda: driver.run("return window.seen.at(-1)") == end, "all kept", seconds=60)
        syncing.result()
    seen = driver.run("return window.seen")
    underway = {counts for state, counts in seen if state == "Syncing" and " of " in counts}
    assert any(0 < int(counts.split()[0]) < SLOW.messages for counts in underway), seen
    assert driver.run("return document.querySelector('.live[data-handler=gmail] progress').hidden")
    assert complaints(driver, site) == []


def test_a_sign_in_link_leaves_nothing_behind_and_works_once(driver, site):
    link = site.sign_in_link()
    [token] = parse_qs(urlsplit(link).fragment)["token"]
    driver.open(link)
    driver.wait_for_text("h1", "Connections")
    assert driver.url == f"{site.root}/"
    kept = driver.run("return JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert kept == '[{},{},""]'
    assert token not in driver.source
    assert token not in written(driver.cookies()["dcs"])
    driver.run("history.back()")
    assert token not in driver.url
    assert complaints(driver, site) == []
    driver.open(f"{site.root}/")
    driver.click("header form button")
    driver.wait_for_text("h1", "Sign in")
    driver.open(link)
    driver.wait_for_text("#sign-in-state", "This link was used already or is too old.")


def test_pages_and_cookies_hold_no_token(driver, site):
    before = set(site.canaries())
    dashboard(driver, site)
    driver.click("button[value=allow]")
    driver.wait_for_text(STATE, "Queued")
    [connection] = site.services.vaults.open("owner").connections()
    site.sync(connection)
    tokens = set(site.canaries()) - before
    access = site.services.vaults.open("owner").tokens(connection.id)
    assert {access.access_token, access.refresh_token} <= tokens
    held = [driver.url]
    for path in ("/", f"/connections/{connection.id}", "/records/email", "/records/email?q=a"):
        driver.open(site.root + path)
        held += [driver.source, written(driver.cookies()["dcs"])]
    driver.click("ul.records a")
    driver.wait_for_text("p.crumb", "Email")
    held += [driver.source, driver.run("return JSON.stringify([localStorage, sessionStorage])")]
    assert '"csrf"' in held[2]
    assert [token for token in tokens for text in held if token in text] == []
    assert complaints(driver, site) == []


def test_a_mail_is_found_and_read(driver, site):
    site.receive(LANTERN)
    site.sync(site.connect())
    driver.open(site.sign_in_link())
    driver.click("nav a[href^='/records']")
    driver.wait_for_text("[role=status]", f"{site.sandbox.world.options.messages + 1} records")
    driver.type(SEARCH, "ferrywoman\n")
    driver.wait(lambda: driver.url.endswith("?q=ferrywoman"), "the search's page")
    assert driver.text("[role=status]").startswith("1 record with")
    assert "ferrywoman waved" in driver.text("ul.records .snippet")
    driver.click("ul.records a")
    driver.wait_for_text("h1.subject", "The lantern on the pier")
    assert driver.text("article .text") == "It was lit again, and the ferrywoman waved."
    assert "Ada Example ada@example.org" in driver.text("article dl")
    assert complaints(driver, site) == []
