from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from web.signin import LINK_SECONDS, make_sign_in_link, sign_in_request


def test_the_links_token_is_not_in_the_part_that_servers_see(services):
    link = urlsplit(make_sign_in_link(services, "/connect/google?from=terminal"))

    assert link.path == "/sign-in"
    assert not link.query
    assert "token=" in link.fragment


def test_a_link_signs_in_and_leads_on(services, stranger):
    url, form = sign_in_request(make_sign_in_link(services, "/connect/google?from=terminal"))

    answer = stranger.post(urlsplit(url).path, data=form)

    assert answer.json == {"next": "/connect/google?from=terminal"}
    assert stranger.get("/").status_code == 200


def test_a_link_works_once(services, app):
    _, form = sign_in_request(make_sign_in_link(services))
    app.test_client().post("/sign-in", data=form)

    second = app.test_client()

    assert second.post("/sign-in", data=form).status_code == 401
    assert second.get("/").status_code == 302


def test_looking_at_the_link_does_not_use_it_up(services, stranger):
    _, form = sign_in_request(make_sign_in_link(services))
    assert stranger.get("/sign-in").status_code == 200

    assert stranger.post("/sign-in", data=form).status_code == 200


def test_redis_holds_a_hash_of_the_link_and_for_a_short_time_alone(services):
    _, form = sign_in_request(make_sign_in_link(services))

    (key,) = services.redis.keys("dcs:sign-in:*")

    assert form["token"].encode() not in key + services.redis.get(key)
    assert 0 < services.redis.ttl(key) <= LINK_SECONDS


@pytest.mark.parametrize("token", ["", "guess", "%00", "é" * 50])
def test_a_wrong_token_does_not_sign_in(stranger, token):
    assert stranger.post("/sign-in", data={"token": token}).status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "/sign-out",
        "/api/rest/v1/session",
        "/static/style.css",
        "/nowhere",
        "/%2f/evil.example",
        "\t//evil.example",
        "",
    ],
)
def test_a_link_leads_to_our_own_pages_alone(services, stranger, target):
    _, form = sign_in_request(make_sign_in_link(services))

    answer = stranger.post("/sign-in", data=form | {"next": target})

    assert answer.json == {"next": "/"}


def test_the_session_cookie_is_out_of_reach_of_script_and_other_sites(services, stranger):
    _, form = sign_in_request(make_sign_in_link(services))

    cookie = stranger.post("/sign-in", data=form).headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_signing_out_makes_a_copy_of_the_cookie_worthless(app, browser):
    copy = browser.client.get_cookie("dcs").value
    assert browser.post("/sign-out").status_code == 303
    thief = app.test_client()
    thief.set_cookie("dcs", copy)

    assert thief.get("/").status_code == 302


@pytest.mark.parametrize("path", ["/", "/records/email", "/connections/x", "/connect/google"])
def test_pages_send_a_stranger_to_the_sign_in(stranger, path):
    answer = stranger.get(path)

    assert (answer.status_code, answer.location) == (302, "/sign-in")


def test_the_api_tells_a_stranger_so(stranger):
    answer = stranger.get("/api/rest/v1/connections")

    assert answer.status_code == 401
    assert answer.json["message"] == "Sign in first."


def test_every_route_but_the_few_public_ones_asks_for_a_sign_in(app, stranger):
    # `/metrics` has a guard of its own: see test_metrics.py.
    public = {"/sign-in", "/healthz", "/readyz", "/metrics", "/static/<path:filename>"}
    for rule in app.url_map.iter_rules():
        if rule.rule in public:
            continue
        path = app.url_map.bind("localhost").build(
            rule.endpoint, dict.fromkeys(rule.arguments, "x"), method=next(iter(rule.methods))
        )
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            status = stranger.open(path, method=method).status_code
            assert status in {302, 401, 403}, (rule.rule, method, status)
