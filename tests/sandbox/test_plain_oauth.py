"""The plain OAuth server: consent, PKCE, codes, refreshing with and without rotation, revoking."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox import plain_oauth
from sandbox.options import SandboxOptions
from sandbox.world import World

SCOPES = ("profile", "posts.read")
BACK = "http://127.0.0.1:5021/connect/plain/authorized"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}


class Fields(HTMLParser):
    """The fields that a browser sends of the page's form when nothing is changed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "input" and (values["type"] == "hidden" or "checked" in values):
            self.found.append((values["name"], values["value"]))


class Dance:
    """An application and a person at the server."""

    def __init__(self, **options: Any) -> None:
        self.world = World(SandboxOptions(messages=0, items=0, accounts=2, **options))
        app = Flask(__name__)
        app.register_blueprint(plain_oauth.blueprint(self.world, "plain", "/plain", SCOPES))
        app.add_url_rule("/plain/me", view_func=self._me)
        self.client: FlaskClient = app.test_client()
        self.secrets = {
            "client_id": self.world.options.client_id,
            "client_secret": self.world.options.client_secret,
        }

    def _me(self) -> Any:
        grant = plain_oauth.bearer(self.world)
        return jsonify(grant and {"account": grant.account, "scopes": sorted(grant.scopes)})

    def ask(self, **params: str) -> TestResponse:
        request = {
            "client_id": self.world.options.client_id,
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "state": "s1",
            **params,
        }
        return self.client.get("/plain/oauth/authorize", query_string=request)

    def decide(
        self, *, account: int = 0, decision: str = "allow", refuse: str = "", **params: str
    ) -> dict[str, str]:
        form: dict[str, list[str]] = {"decision": [decision]}
        for name, value in Fields(self.ask(**params).text).found:
            chosen = str(account) if name == "account" else value
            form.setdefault(name, []).extend([chosen] if value != refuse else [])
        return back(self.client.post("/plain/oauth/authorize", data=form))

    def token(self, **form: str) -> TestResponse:
        sent = {"grant_type": "authorization_code", "redirect_uri": BACK, **self.secrets, **form}
        return self.client.post("/plain/oauth/token", data=sent)

    def refresh(self, token: str) -> TestResponse:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def me(self, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.get("/plain/me", headers=headers).json


def back(answer: TestResponse) -> dict[str, str]:
    """What the application is told by the redirect."""
    assert answer.headers["Location"].startswith(f"{BACK}?")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


@pytest.fixture
def start() -> Iterator[Callable[..., Dance]]:
    made: list[Dance] = []

    def begin(**options: Any) -> Dance:
        made.append(Dance(**options))
        return made[-1]

    yield begin
    for dance in made:
        dance.world.stopped.set()


Start = Callable[..., Dance]


def test_the_code_flow_gives_tokens_of_the_chosen_account(start: Start) -> None:
    dance = start(token_seconds=600)
    answer = dance.decide(account=1, **PKCE)
    assert answer["state"] == "s1"
    got = dance.token(code=answer["code"], code_verifier=VERIFIER)
    assert got.headers["Cache-Control"] == "no-store"
    tokens = got.get_json()
    assert set(tokens) == {
        "access_token", "refresh_token", "token_type", "expires_in", "scope",
    }  # fmt: skip
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    assert dance.me(tokens["access_token"]) == {"account": 1, "scopes": sorted(SCOPES)}
    assert dance.me("made-up") is None


def test_every_consent_brings_a_refresh_token(start: Start) -> None:
    dance = start()
    for _ in range(2):
        assert dance.token(code=dance.decide()["code"]).get_json()["refresh_token"]


def test_a_scope_that_is_not_granted_is_not_in_the_token(start: Start) -> None:
    dance = start()
    tokens = dance.token(code=dance.decide(refuse="posts.read")["code"]).get_json()
    assert tokens["scope"] == "profile"
    assert dance.me(tokens["access_token"])["scopes"] == ["profile"]


def test_denying_goes_back_with_an_error(start: Start) -> None:
    assert start().decide(decision="deny") == {"state": "s1", "error": "access_denied"}


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "posts.write"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "x"}, "invalid_request"),
    ],
)
def test_a_wrong_request_goes_back_with_its_error(
    start: Start, params: dict[str, str], error: str
) -> None:
    assert back(start().ask(**params)) == {"state": "s1", "error": error}


@pytest.mark.parametrize(
    ("params", "status"),
    [({"client_id": "other"}, 401), ({"redirect_uri": "https://evil.example.com/"}, 400)],
)
def test_a_request_of_a_stranger_is_sent_nowhere(
    start: Start, params: dict[str, str], status: int
) -> None:
    answer = start().ask(**params)
    assert answer.status_code == status
    assert "Location" not in answer.headers


@pytest.mark.parametrize("verifier", [{}, {"code_verifier": "x" * 64}])
def test_a_wrong_verifier_is_refused_and_ends_the_code(
    start: Start, verifier: dict[str, str]
) -> None:
    dance = start()
    code = dance.decide(**PKCE)["code"]
    answer = dance.token(code=code, **verifier)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")
    assert dance.token(code=code, code_verifier=VERIFIER).status_code == 400


def test_a_code_is_good_once_and_for_its_redirect_alone(start: Start) -> None:
    dance = start()
    code = dance.decide()["code"]
    assert dance.token(code=code).status_code == 200
    assert dance.token(code=code).get_json()["error"] == "invalid_grant"
    other = dance.token(code=dance.decide()["code"], redirect_uri=f"{BACK}/other")
    assert other.get_json()["error"] == "invalid_grant"


def test_refreshing_keeps_the_refresh_token_and_the_scopes(start: Start) -> None:
    dance = start()
    first = dance.token(code=dance.decide(refuse="profile")["code"]).get_json()
    second = dance.refresh(first["refresh_token"]).get_json()
    assert "refresh_token" not in second
    assert second["access_token"] != first["access_token"]
    assert second["scope"] == "posts.read"
    assert dance.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_token_that_rotated_away_is_refused(start: Start) -> None:
    dance = start(rotate_refresh_tokens=True)
    first = dance.token(code=dance.decide()["code"]).get_json()["refresh_token"]
    second = dance.refresh(first).get_json()["refresh_token"]
    assert second != first
    answer = dance.refresh(first)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")
    assert dance.refresh(second).status_code == 200


def test_revoking_ends_all_tokens_of_the_consent(start: Start) -> None:
    dance = start()
    tokens = dance.token(code=dance.decide()["code"]).get_json()
    form = {**dance.secrets, "token": tokens["refresh_token"]}
    assert dance.client.post("/plain/oauth/revoke", data=form).status_code == 200
    assert dance.me(tokens["access_token"]) is None
    assert dance.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert dance.client.post("/plain/oauth/revoke", data=form).status_code == 200


def test_a_wrong_secret_is_401_in_the_form_and_by_basic(start: Start) -> None:
    dance = start()
    answer = dance.token(code=dance.decide()["code"], client_secret="wrong")
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    form = {"grant_type": "refresh_token", "refresh_token": "none"}
    for secret, error in (("wrong", "invalid_client"), (None, "invalid_grant")):
        pair = (dance.secrets["client_id"], secret or dance.secrets["client_secret"])
        answer = dance.client.post("/plain/oauth/token", data=form, auth=pair)
        assert answer.get_json()["error"] == error


def test_another_grant_type_is_refused(start: Start) -> None:
    answer = start().token(grant_type="password")
    assert answer.get_json()["error"] == "unsupported_grant_type"


def test_paths_can_be_the_services_own() -> None:
    world = World(SandboxOptions(messages=0, items=0))
    app = Flask(__name__)
    made = plain_oauth.blueprint(world, "own", "", SCOPES, authorize="/auth", token="/t/o")
    app.register_blueprint(made)
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert {"/auth", "/t/o", "/oauth/revoke"} <= rules
