from __future__ import annotations

import pytest

from connectors.sdk.errors import ConfigurationError
from web.keys import secret_key


def test_every_answer_carries_the_headers(client):
    for path in ("/", "/healthz", "/static/style.css", "/api/rest/v1/connections", "/nowhere"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_pages_with_a_persons_data_are_not_stored(client):
    assert client.get("/").headers["Cache-Control"] == "no-store"
    assert client.get("/api/rest/v1/connections").headers["Cache-Control"] == "no-store"


def test_pages_hold_no_script_or_style_that_the_policy_forbids(client, connection):
    for path in ("/", f"/connections/{connection.id}", "/records/email", "/sign-in"):
        text = client.get(path).text
        assert "<script>" not in text
        assert " style=" not in text
        assert " onclick=" not in text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:5021"])
def test_another_host_name_is_refused(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:5021", "localhost:8080", "[::1]:5021"])
def test_loopback_names_are_served(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_form_without_the_token_changes_nothing(client, connection, services):
    answer = client.post(f"/connections/{connection.id}/pause")

    assert answer.status_code == 403
    assert services.vaults.open("owner").connection(connection.id).status != "paused"


def test_a_wrong_token_is_refused(browser, connection):
    answer = browser.client.post(f"/connections/{connection.id}/pause", data={"csrf": "é"})

    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_a_request_from_another_origin_is_refused_even_with_the_token(browser, connection, origin):
    answer = browser.client.post(
        f"/connections/{connection.id}/pause",
        data={"csrf": browser.csrf()},
        headers={"Origin": origin},
    )

    assert answer.status_code == 403


def test_our_own_origin_is_accepted(browser, connection):
    answer = browser.client.post(
        f"/connections/{connection.id}/pause",
        data={"csrf": browser.csrf()},
        headers={"Origin": "http://localhost"},
    )

    assert answer.status_code == 303


def test_the_api_takes_the_token_from_a_header(client, connection):
    path = f"/api/rest/v1/connections/{connection.id}/sync"
    token = client.get("/api/rest/v1/session").json["csrfToken"]

    assert client.post(path, json={}).status_code == 403
    assert client.post(path, json={}, headers={"X-CSRF-Token": token}).status_code == 202


def test_the_secret_key_is_made_once_and_for_its_owner_alone(settings):
    key = secret_key(settings)

    path = settings.home / "keys" / "web"
    assert secret_key(settings) == key == path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_production_must_set_the_secret_key(settings):
    vault = settings.vault.model_copy(update={"make_master_key": False})

    with pytest.raises(ConfigurationError, match="DCS_WEB__SECRET_KEY"):
        secret_key(settings.model_copy(update={"vault": vault}))


def test_the_secret_key_may_come_from_a_file(settings, tmp_path):
    file = tmp_path / "key"
    file.write_text("x" * 40 + "\n")
    web = settings.web.model_copy(update={"secret_key_file": file})

    assert secret_key(settings.model_copy(update={"web": web})) == "x" * 40


def test_a_public_url_makes_cookies_secure_and_trusts_the_proxys_headers(app_at):
    app = app_at("https://data.example.org")
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "data.example.org"}

    answer = app.test_client().get("/sign-in", headers=headers)

    assert app.config["SESSION_COOKIE_SECURE"]
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"]
    refused = {"X-Forwarded-Host": "evil.example"}
    assert app.test_client().get("/sign-in", headers=refused).status_code == 400


def test_without_a_public_url_a_proxys_headers_count_for_nothing(client):
    answer = client.get("/healthz", headers={"X-Forwarded-Proto": "https"})

    assert "Strict-Transport-Security" not in answer.headers
