from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import request

from config.settings import OWNER
from sandbox.faults import Fault

START = "/connect/google"
GMAIL = "https://www.googleapis.com/auth/gmail.readonly"


def asked(client, path=START):
    return parse_qs(urlsplit(client.get(path).location).query)


def test_the_dance_connects_the_account(client, dance, services, sandbox):
    answer = dance.whole(client)

    vault = services.vaults.open(OWNER)
    (connection,) = vault.connections()
    assert answer.location == f"/#{connection.id}"
    assert connection.profile["email"] == sandbox.world.account().person.email
    assert vault.tokens(connection.id).refresh_token
    assert "is connected" in client.get("/").text


def test_the_request_is_bound_to_this_browser_and_asks_for_offline_access(client):
    query = asked(client)

    assert len(query["state"][0]) > 16
    assert query["code_challenge_method"] == ["S256"]
    assert query["access_type"] == ["offline"]
    assert query["prompt"] == ["consent"]
    assert query["redirect_uri"] == ["http://localhost/connect/google/authorized"]
    assert GMAIL in query["scope"][0].split()


@pytest.mark.parametrize("client_auth", ["form", "basic"])
def test_the_client_is_known_as_the_provider_wants_it(
    client, dance, services, sandbox, monkeypatch, client_auth
):
    provider = services.provider("google")
    oauth = replace(provider.oauth, client_auth=client_auth, scope_separator=",")
    monkeypatch.setattr(type(provider), "oauth", oauth)
    assert "," in asked(client)["scope"][0]
    seen = []
    monkeypatch.setattr(
        "sandbox.google.oauth.check_client", lambda *_: seen.append(request.form.to_dict())
    )
    monkeypatch.setattr(type(provider), "oauth", replace(oauth, scope_separator=" "))

    dance.whole(client)

    assert ("client_secret" in seen[0]) == (client_auth == "form")


def test_consent_is_asked_for_again_only_where_no_refresh_token_is_held(client, dance):
    dance.whole(client)

    assert "prompt" not in asked(client)


def test_an_account_that_comes_without_a_refresh_token_is_asked_once_more(client, dance, services):
    """Another account's token does not renew this one's access."""
    dance.whole(client)
    vault = services.vaults.open(OWNER)
    (connection,) = vault.connections()
    other = replace(connection, id="google:other", account_id="other")
    vault.save_connection(other)
    vault.save_tokens(other.id, vault.tokens(connection.id))
    vault.remove_connection(connection.id)
    assert "prompt" not in asked(client)

    assert urlsplit(dance.whole(client).location).path == START
    assert vault.tokens(connection.id).refresh_token is None
    assert dance.whole(client).location == f"/#{connection.id}"

    assert vault.tokens(connection.id).refresh_token
    assert "prompt" not in asked(client)


def test_connecting_again_keeps_the_refresh_token(client, dance, services):
    dance.whole(client)
    vault = services.vaults.open(OWNER)
    (connection,) = vault.connections()
    before = vault.tokens(connection.id)

    dance.whole(client)

    after = vault.tokens(connection.id)
    assert after.refresh_token == before.refresh_token
    assert after.access_token != before.access_token


def test_two_people_who_connect_at_once_do_not_mix(sign_in, dance, services):
    first, second = sign_in(), sign_in()
    first_asked = first.get(START).location
    second_asked = second.get(START).location
    first_back = dance.consent(first_asked, account="0")
    second_back = dance.consent(second_asked, account="1")

    assert second.get(second_back).location.startswith("/#")
    assert first.get(first_back).location.startswith("/#")

    assert len(services.vaults.open(OWNER).connections()) == 2


def test_an_answer_meant_for_another_browser_is_refused(sign_in, dance, services):
    victim, attacker = sign_in(), sign_in()
    victim.get(START)
    stolen = dance.consent(attacker.get(START).location)

    answer = victim.get(stolen)

    assert answer.location == "/"
    assert "began elsewhere" in victim.get("/").text
    assert services.vaults.open(OWNER, create=True).connections() == []


def test_an_answer_works_once(client, dance):
    back = dance.consent(client.get(START).location)
    client.get(back)

    client.get(back)

    assert "began elsewhere" in client.get("/").text


def test_connecting_needs_a_person(stranger, sign_in, dance):
    back = dance.consent(sign_in().get(START).location)

    assert stranger.get(START).location == "/sign-in"
    assert stranger.get(back).location == "/sign-in"


def test_a_refusal_by_the_person_says_so(client, dance, services):
    dance.whole(client, decision="deny")

    assert "You did not allow access" in client.get("/").text
    assert services.vaults.open(OWNER, create=True).connections() == []


def test_words_of_the_answer_are_never_shown(client):
    state = asked(client)["state"][0]

    client.get(f"{START}/authorized?state={state}&error=<b>x&error_description=<script>y")

    page = client.get("/").text
    assert "refused to connect" in page
    assert "<b>x" not in page
    assert "<script>y" not in page


def test_fewer_scopes_than_asked_connect_and_say_what_is_missing(client, dance, services):
    granted = ["openid", "https://www.googleapis.com/auth/userinfo.email"]

    dance.whole(client, granted=granted)

    vault = services.vaults.open(OWNER)
    states = vault.handlers(vault.connections()[0].id)
    assert {state.status for state in states} == {"invalid-auth"}
    assert "No permission" in client.get("/").text


def test_a_made_up_code_ends_with_a_plain_message(client):
    state = asked(client)["state"][0]

    client.get(f"{START}/authorized?state={state}&code=made-up")

    page = client.get("/").text
    assert "Connect again" in page
    assert "made-up" not in page


def test_an_answer_without_a_code_ends_with_a_plain_message(client):
    state = asked(client)["state"][0]

    answer = client.get(f"{START}/authorized?state={state}&x=secret-word")

    assert answer.location == "/"
    assert "secret-word" not in client.get("/").text


@pytest.mark.parametrize("kind", ["500", "503", "reset", "truncate", "garbage-json"])
def test_a_provider_in_trouble_ends_with_a_plain_message(client, dance, sandbox, services, kind):
    back = dance.consent(client.get(START).location)
    sandbox.world.faults.add(Fault(path="/token", count=9, kind=kind))

    answer = client.get(back)

    assert answer.location == "/"
    assert 'class="notice bad"' in client.get("/").text
    assert services.vaults.open(OWNER, create=True).connections() == []


def test_a_provider_that_is_down_ends_with_a_plain_message(client, dance, services):
    back = dance.consent(client.get(START).location)
    google = services.settings.providers["google"]
    google["base_url"] = "http://127.0.0.1:9"

    client.get(back)

    assert "did not answer" in client.get("/").text


def test_a_wrong_client_secret_names_the_setting(client, dance, services):
    back = dance.consent(client.get(START).location)
    services.settings.providers["google"]["client_secret"] = "wrong-word"

    client.get(back)

    page = client.get("/").text
    assert "client_secret" in page
    assert "wrong-word" not in page


def test_no_token_code_or_verifier_reaches_cookie_or_log(client, dance, services, sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    back = dance.consent(client.get(START).location)
    verifier = None
    with client.session_transaction() as session:
        verifier = session["google_oauth_code_verifier"]

    client.get(back)

    with client.session_transaction() as session:
        kept = repr(dict(session))
    tokens = services.vaults.open(OWNER).tokens(services.vaults.open(OWNER).connections()[0].id)
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (tokens.access_token, tokens.refresh_token, code, verifier):
        assert secret not in kept
        assert secret not in caplog.text
    assert "oauth" not in kept
    assert sandbox.world.options.client_secret not in caplog.text


def test_who_began_in_a_terminal_may_close_the_window(client, dance):
    answer = dance.whole(client, f"{START}?from=terminal")

    assert answer.location == "/connect/google/done"
    assert "close this window" in client.get(answer.location).text


def test_a_missing_client_id_says_what_to_set(client, services):
    services.settings.providers["google"]["client_id"] = ""

    answer = client.get(START)

    assert answer.status_code == 409
    assert "DCS_PROVIDERS__GOOGLE__CLIENT_ID" in answer.text
    assert "http://localhost/connect/google/authorized" in answer.text


def test_an_unknown_provider_is_named(client):
    answer = client.get("/connect/nowhere")

    assert answer.status_code == 400
    assert "there is no provider nowhere" in answer.text


def test_plain_http_to_another_host_is_refused(client, services):
    services.settings.providers["google"]["base_url"] = "http://203.0.113.7"

    answer = client.get(START)

    assert answer.status_code == 400
    assert "base_url: must begin with https" in answer.text


def test_plain_http_from_a_public_server_is_refused(app_at, sign_in):
    client = app_at("http://data.example.org").test_client()
    client.set_cookie("dcs", sign_in().get_cookie("dcs").value, domain="data.example.org")

    answer = client.get(START, base_url="http://data.example.org")

    assert answer.status_code == 400
    assert "web.public_url must begin with https" in answer.text
