"""Signing in by the web tier, as a person does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from web.app import create_app
from web.signin import make_sign_in_link, sign_in_request

if TYPE_CHECKING:
    from conftest import Bench, Start

PATH = "/connect/facebook"


@pytest.fixture
def bench(start: Start) -> Bench:
    made = start()
    vault = made.services.vaults.open("owner")
    vault.remove_connection(made.job.connection)
    return made


@pytest.fixture
def client(bench: Bench) -> FlaskClient:
    app = create_app(bench.services)
    app.testing = True
    browser = app.test_client()
    _, form = sign_in_request(make_sign_in_link(bench.services))
    assert browser.post("/sign-in", data=form).status_code == 200
    return browser


def come_back(client: FlaskClient, granted: list[str], **form: Any) -> Any:
    """From the first click, over the dialog, to our own answer."""
    location = client.get(PATH).headers["Location"]
    asked = dict(parse_qsl(urlsplit(location).query))
    answer = {"account": "0", "decision": "allow", "granted": granted} | form
    sent = requests.post(
        location.partition("?")[0], data=asked | answer, allow_redirects=False, timeout=10
    )
    parts = urlsplit(sent.headers["Location"])
    return client.get(f"{parts.path}?{parts.query}")


def test_the_dialog_is_asked_in_facebooks_words(client: FlaskClient) -> None:
    location = urlsplit(client.get(PATH).headers["Location"])
    query = parse_qs(location.query)
    assert location.path == "/facebook/v26.0/dialog/oauth"
    assert query["scope"] == ["public_profile,user_likes,user_posts"]
    assert query["auth_type"] == ["rerequest"]
    assert "code_challenge" not in query


def test_a_sign_in_brings_a_token_that_lasts(client: FlaskClient, bench: Bench) -> None:
    come_back(client, ["user_likes", "user_posts"])
    vault = bench.services.vaults.open("owner")
    (connection,) = vault.connections()
    tokens = vault.tokens(connection.id)
    assert tokens is not None
    assert tokens.expires_at is not None
    assert {state.status for state in vault.handlers(connection.id)} == {"enabled"}
    shown = client.get("/").text
    assert not [token for token in bench.sandbox.world.tokens.all_given() if token in shown]


def test_a_permission_that_was_declined_stops_its_handler_alone(
    client: FlaskClient, bench: Bench
) -> None:
    come_back(client, ["user_likes"])
    bench.job = type(bench.job)("owner", bench.job.connection, "post")
    assert bench.sync().handler == "invalid-auth"
    assert "user_posts" in (bench.state().message or "")
    bench.job = type(bench.job)("owner", bench.job.connection, "following")
    assert bench.sync().handler == "enabled"
    assert len(bench.kept()) == 12


def test_a_refusal_connects_nothing_and_says_so(client: FlaskClient, bench: Bench) -> None:
    come_back(client, [], decision="deny")
    assert "did not allow access" in client.get("/").text
    assert not bench.services.vaults.open("owner").connections()


def test_a_wrong_secret_is_named(client: FlaskClient, bench: Bench) -> None:
    object.__setattr__(bench.sandbox.world.options, "client_secret", "another")
    come_back(client, ["user_likes"])
    assert "providers.facebook.client_id and client_secret" in client.get("/").text
