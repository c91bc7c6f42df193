"""The whole dance with X's side, as a browser meets it."""

from __future__ import annotations

import base64
import logging
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.connectors.twitter.conftest import NAME, Start
from web.app import create_app
from web.signin import make_sign_in_link, sign_in_request


def test_the_dance_sends_pkce_and_basic_and_leaves_no_token_anywhere(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    # The dance runs over plain http on loopback here.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    bench = start("post", items=3)
    services, world = bench.services, bench.sandbox.world
    vault = services.vaults.open("owner")
    vault.remove_connection(bench.job.connection)
    app = create_app(services)
    app.testing = True
    browser = app.test_client()
    _, form = sign_in_request(make_sign_in_link(services))
    assert browser.post("/sign-in", data=form).status_code == 200

    location = browser.get(f"/connect/{NAME}").location
    query = dict(parse_qsl(urlsplit(location).query))
    assert urlsplit(location).path == "/twitter/i/oauth2/authorize"
    assert query["code_challenge_method"] == "S256"
    assert set(query["scope"].split()) == set(bench.side.scopes)
    page = requests.get(location, timeout=10)
    assert page.status_code == 200
    answer = requests.post(
        location.partition("?")[0],
        data={**query, "decision": "allow", "account": "0", "granted": query["scope"].split()},
        allow_redirects=False,
        timeout=10,
    )
    back = urlsplit(answer.headers["Location"])
    assert browser.get(f"{back.path}?{back.query}").status_code == 302

    (connection,) = vault.connections()
    assert connection.profile["readableId"] == "@ada0"
    tokens = vault.tokens(connection.id)
    assert tokens
    assert tokens.refresh_token
    bench.sync_well()
    bench.sandbox.world.tokens.expire_access()
    bench.sync_well()

    given = world.tokens.all_given()
    places = caplog.text + browser.get("/").text + str(bench.position())
    client = services.redis
    for key in client.scan_iter():
        places += repr(client.dump(key))
    secret = base64.b64encode(
        f"{world.options.client_id}:{world.options.client_secret}".encode()
    ).decode()
    assert not [token for token in (*given, secret) if token in places]
    assert not re.search(r"https?://\S*(access_token|refresh_token)=", places)
