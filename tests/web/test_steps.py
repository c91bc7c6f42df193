"""Connecting without OAuth, by a sign-in that the test plays; a real provider's is tested there."""

from __future__ import annotations

import re

import pytest

from config.settings import OWNER
from connectors.sdk.errors import ConnectorError
from connectors.sdk.oauth import Tokens
from connectors.sdk.signin import NotAcceptedError, SignIn, Step
from vault.errors import VaultError
from vault.vault import Vault

START = "/connect/google"
STEPS = f"{START}/steps"
LINK = "acme://login?token=c2VjcmV0"
SECRETS = (LINK, "12345", "hunter2")


class Played(SignIn):
    """Scan, or phone number, code and password."""

    def __init__(self, tokens):
        self.kind, self.closed, self.tokens, self.abandoned = "scan", 0, tokens, []
        self.error = None

    def step(self):
        if self.error:
            raise self.error
        link = LINK if self.kind == "scan" else None
        ways = ("phone",) if self.kind == "scan" else ("scan",)
        return Step(self.kind, f"please: {self.kind}", link, ways)

    def choose(self, way):
        if way not in ("phone", "scan"):
            raise NotAcceptedError("there is no such way")
        self.kind = way

    def answer(self, text):
        right = {"phone": "+1", "code": "12345", "password": "hunter2"}
        if text != right[self.kind]:
            raise NotAcceptedError(f"this {self.kind} is wrong")
        self.kind = {"phone": "code", "code": "password", "password": "done"}[self.kind]

    def finish(self):
        return self.tokens

    def close(self):
        self.closed += 1

    def abandon(self, tokens):
        self.abandoned.append(tokens)
        raise RuntimeError("the provider is away")


@pytest.fixture
def made(services, sandbox, monkeypatch):
    """The sign-ins begun so far, at a provider without OAuth."""
    begun = []

    def sign_in(_self, _transport):
        begun.append(Played(Tokens.from_json(sandbox.world.mint())))
        return begun[-1]

    kind = type(services.provider("google"))
    monkeypatch.setattr(kind, "oauth", None)
    monkeypatch.setattr(kind, "sign_in", sign_in)
    return begun


def text_of(client, path=STEPS):
    return client.get(path).text


def test_a_phone_number_a_code_and_a_password_connect_the_account(client, browser, services, made):
    assert client.get(START).location == STEPS
    browser.post(STEPS, way="phone")
    for kind, answer in (("phone", "+1"), ("code", "12345"), ("password", "hunter2")):
        page = text_of(client)
        assert f"please: {kind}" in page
        assert ('type="password"' in page) == (kind == "password")
        browser.post(STEPS, answer=answer)
    (connection,) = [client.get(STEPS).location]
    (kept,) = services.vaults.open(OWNER).connections()
    assert connection == f"/#{kept.id}"
    assert made[0].closed
    assert services.vaults.open(OWNER).tokens(kept.id) == made[0].tokens


def test_a_code_is_shown_as_a_picture_and_its_link_nowhere(client, made, caplog):
    caplog.set_level(0)
    client.get(START)
    page = text_of(client)
    picture = client.get(f"{STEPS}/code.svg")
    assert picture.mimetype == "image/svg+xml"
    assert "<path" in picture.text
    with client.session_transaction() as session:
        shown = page + repr(dict(session)) + caplog.text
    assert "steps/code.svg" in page
    assert not [secret for secret in SECRETS if secret in shown]
    assert made[0].kind == "scan"


def test_the_page_learns_that_the_code_was_scanned(client, made):
    client.get(START)
    before = re.search(r'data-mark="(\w+)"', text_of(client)).group(1)
    assert client.get(f"{STEPS}/mark").json["mark"] == before
    made[0].kind = "password"
    assert client.get(f"{STEPS}/mark").json["mark"] != before
    assert client.get(f"{STEPS}/code.svg").status_code == 404


def test_a_wrong_answer_may_be_given_again(client, browser, made):
    client.get(START)
    browser.post(STEPS, way="phone")
    browser.post(STEPS, answer="hello")
    page = text_of(client)
    assert "this phone is wrong" in page
    assert "please: phone" in page
    assert not made[0].closed


def test_a_way_that_does_not_exist_is_refused(client, browser, made):
    client.get(START)
    browser.post(STEPS, way="magic")
    assert "there is no such way" in text_of(client)
    assert not made[0].closed


def test_a_sign_in_that_cannot_go_on_says_why_and_is_let_go(client, made):
    client.get(START)
    made[0].error = ConnectorError("this number is banned")
    assert client.get(STEPS).location == "/"
    assert "this number is banned" in client.get("/").text
    assert made[0].closed


def test_a_sign_in_that_cannot_be_kept_is_ended_at_the_provider(client, made, monkeypatch):
    def full(*_):
        raise VaultError("no space is left")

    monkeypatch.setattr(Vault, "connect", full)
    client.get(START)
    made[0].kind = "done"
    assert client.get(STEPS).location == "/"
    # What went wrong first is what is said.
    assert "no space is left" in client.get("/").text
    assert made[0].abandoned == [made[0].tokens]


def test_a_sign_in_that_is_kept_is_not_ended_whatever_comes_after(client, made, monkeypatch):
    def full(*_, **__):
        raise VaultError("no space is left")

    monkeypatch.setattr(Vault, "update_handler", full)
    client.get(START)
    made[0].kind = "done"
    assert client.get(STEPS).location == "/"
    assert "no space is left" in client.get("/").text
    assert made[0].abandoned == []


def test_giving_up_lets_go(client, browser, made):
    client.get(START)
    browser.post(STEPS, stop="1")
    assert made[0].closed
    assert client.get(STEPS).location == "/"


def test_another_persons_browser_and_provider_do_not_reach_it(client, stranger, made):
    client.get(START)
    with client.session_transaction() as session:
        number = session["steps"]
    with stranger.session_transaction() as session:
        session["steps"] = number
    assert stranger.get(STEPS).status_code in (302, 401)
    assert "please" not in stranger.get(STEPS).text
    assert not made[0].closed


def test_a_second_sign_in_ends_the_first(client, made):
    client.get(START)
    client.get(START)
    assert [one.closed for one in made] == [1, 0]


def test_signing_out_lets_go(client, browser, made):
    client.get(START)
    browser.post("/sign-out")
    assert made[0].closed


def test_a_page_elsewhere_does_not_end_a_sign_in_under_way(client, made):
    client.get(START)
    assert client.get(START, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert [one.closed for one in made] == [0]


def test_the_second_of_two_tabs_finds_the_account_connected(client, made):
    client.get(START)
    made[0].kind = "done"
    assert client.get(STEPS).location.startswith("/#")
    assert client.get(STEPS).location == "/"
    assert made[0].closed == 1


def test_who_began_in_a_terminal_may_close_the_window(client, made):
    client.get(f"{START}?from=terminal")
    made[0].kind = "done"
    assert client.get(STEPS).location == f"{START}/done"
