"""The OAuth dance: consent, PKCE, refresh tokens, granular scopes, userinfo, revoking."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
BACK = "http://127.0.0.1:5021/login/google/authorized"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}


class Form(HTMLParser):
    """The fields that a browser would send of the page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.kinds: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if tag != "input":
            return
        self.kinds[found["value"]] = found["type"]
        if found["type"] == "hidden" or "checked" in found:
            self.fields.append((found["name"], found["value"]))


class Dance:
    def __init__(self, sandbox: Any, path: str = "/o/oauth2/v2/auth") -> None:
        self.url, self.options = sandbox.url, sandbox.world.options
        self.page_url = f"{sandbox.url}{path}"

    def request(self, **params: str) -> dict[str, str]:
        return {
            "client_id": self.options.client_id,
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": f"openid email {READONLY}",
            "state": "s1",
            **params,
        }

    def ask(self, **params: str) -> requests.Response:
        return requests.get(
            self.page_url, params=self.request(**params), timeout=10, allow_redirects=False
        )

    def decide(
        self, refuse: str | None = None, decision: str = "allow", account: int = 0, **params: str
    ) -> dict[str, str]:
        fields = [
            (name, str(account) if name == "account" else value)
            for name, value in Form(self.ask(**params).text).fields
            if value != refuse or name != "granted"
        ]
        form = [*fields, ("decision", decision)]
        answer = requests.post(self.page_url, data=form, timeout=10, allow_redirects=False)
        assert answer.headers["Location"].startswith(BACK)
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in query.items()}

    def token(self, path: str = "/token", **params: str) -> requests.Response:
        form = {
            "client_id": self.options.client_id,
            "client_secret": self.options.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": BACK,
            **params,
        }
        return requests.post(f"{self.url}{path}", data=form, timeout=10)


@pytest.mark.parametrize("path", ["/o/oauth2/v2/auth", "/o/oauth2/auth"])
@pytest.mark.parametrize("token_path", ["/token", "/o/oauth2/token"])
def test_the_code_flow_gives_tokens_that_open_gmail(start, client, path, token_path):
    sandbox = start()
    dance = Dance(sandbox, path)
    back = dance.decide(access_type="offline", **PKCE)
    assert back["state"] == "s1"
    tokens = dance.token(token_path, code=back["code"], code_verifier=VERIFIER).json()
    assert tokens["expires_in"] == 3599
    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"].split()) == {"openid", EMAIL, READONLY}
    profile = client(sandbox, tokens["access_token"]).users().getProfile(userId="me").execute()
    assert profile["emailAddress"] == sandbox.world.account().person.email


@pytest.mark.parametrize(
    ("verifier", "words"),
    [("x" * 64, "Invalid code verifier."), (None, "Missing code verifier.")],
)
def test_a_wrong_verifier_is_refused_and_ends_the_code(start, verifier, words):
    dance = Dance(start())
    code = dance.decide(**PKCE)["code"]
    answer = dance.token(code=code, **({"code_verifier": verifier} if verifier else {}))
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": words}
    assert dance.token(code=code, code_verifier=VERIFIER).status_code == 400


def test_a_code_is_good_once_and_for_its_redirect_alone(start):
    dance = Dance(start())
    code = dance.decide()["code"]
    assert dance.token(code=code).status_code == 200
    assert dance.token(code=code).json()["error"] == "invalid_grant"
    other = dance.token(code=dance.decide()["code"], redirect_uri=f"{BACK}/other")
    assert other.json()["error"] == "redirect_uri_mismatch"


def test_a_refresh_token_comes_with_the_first_offline_consent_or_when_asked_again(start):
    dance = Dance(start())

    def got(**params: str) -> bool:
        return "refresh_token" in dance.token(code=dance.decide(**params)["code"]).json()

    assert got(access_type="offline")
    assert not got(access_type="offline")
    assert got(access_type="offline", prompt="consent")
    assert not got(prompt="consent")


def test_googles_own_library_refreshes_until_access_is_removed(start, client):
    sandbox = start()
    minted = sandbox.world.mint()
    credentials = Credentials(
        minted["access_token"],
        refresh_token=minted["refresh_token"],
        token_uri=f"{sandbox.url}/token",
        client_id=sandbox.world.options.client_id,
        client_secret=sandbox.world.options.client_secret,
    )
    sandbox.world.tokens.expire_access()
    credentials.refresh(Request())
    assert credentials.token != minted["access_token"]
    client(sandbox, credentials.token).users().getProfile(userId="me").execute()
    sandbox.world.tokens.revoke_refresh()
    with pytest.raises(RefreshError, match=r"invalid_grant: Token has been expired or revoked\."):
        credentials.refresh(Request())


def test_refresh_tokens_rotate_when_told_to(start):
    sandbox = start(rotate_refresh_tokens=True)
    dance, old = Dance(sandbox), sandbox.world.mint()["refresh_token"]
    first = dance.token(grant_type="refresh_token", refresh_token=old).json()
    assert first["refresh_token"] != old
    again = dance.token(grant_type="refresh_token", refresh_token=old)
    assert again.json()["error"] == "invalid_grant"


def test_a_person_may_refuse_a_scope(start):
    sandbox = start()
    dance = Dance(sandbox)
    back = dance.decide(refuse=READONLY)
    assert READONLY not in back["scope"]
    tokens = dance.token(code=back["code"]).json()
    assert READONLY not in tokens["scope"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    url = f"{sandbox.url}/gmail/v1/users/me/messages"
    answer = requests.get(url, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"
    info = requests.get(f"{sandbox.url}/oauth2/v3/userinfo", headers=headers, timeout=10).json()
    assert info["email"] == sandbox.world.account().person.email


def test_the_page_offers_accounts_and_what_can_be_refused(start):
    form = Form(Dance(start(accounts=2, messages=1)).ask(login_hint="alan.turing@example.com").text)
    assert ("account", "1") in form.fields
    assert form.kinds[READONLY] == "checkbox"
    assert form.kinds[EMAIL] == form.kinds["openid"] == "hidden"


def test_denying_goes_back_with_an_error(start):
    assert Dance(start()).decide(decision="deny") == {"state": "s1", "error": "access_denied"}


def test_prompt_none_asks_nobody(start):
    dance = Dance(start())
    first = dance.ask(prompt="none").headers["Location"]
    assert "error=interaction_required" in first
    dance.decide()
    assert "code=" in dance.ask(prompt="none").headers["Location"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example.com/"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_request"),
        ({"code_challenge_method": "md5"}, "invalid_request"),
    ],
)
def test_a_bad_request_is_not_sent_back(start, params, error):
    answer = Dance(start()).ask(**params)
    assert answer.status_code in (400, 401)
    assert error in answer.text
    assert "Location" not in answer.headers


def test_registered_redirects_are_the_only_ones(start):
    dance = Dance(start(redirect_uris=("https://example.com/back",)))
    assert dance.ask().status_code == 400
    assert dance.ask(redirect_uri="https://example.com/back").status_code == 200


def test_a_wrong_secret_is_401(start):
    dance = Dance(start())
    answer = dance.token(code=dance.decide()["code"], client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("path", "key"),
    [("/oauth2/v3/userinfo", "sub"), ("/oauth2/v2/userinfo", "id"), ("/v1/userinfo", "sub")],
)
def test_userinfo_tells_who_it_is(start, path, key):
    sandbox = start(accounts=2, messages=1)
    headers = {"Authorization": f"Bearer {sandbox.world.mint(1)['access_token']}"}
    info = requests.get(f"{sandbox.url}{path}", headers=headers, timeout=10).json()
    person = sandbox.world.account(1).person
    assert (info[key], info["email"], info["name"]) == (person.sub, person.email, person.name)
    assert requests.get(info["picture"], timeout=10).content.startswith(b"\x89PNG")
    assert requests.get(f"{sandbox.url}{path}", timeout=10).status_code == 401


def test_revoking_ends_all_tokens_of_the_consent(start):
    sandbox = start()
    minted = sandbox.world.mint()
    url = f"{sandbox.url}/revoke"
    assert requests.post(url, data={"token": minted["refresh_token"]}, timeout=10).ok
    assert sandbox.world.tokens.check(minted["access_token"]) is None
    again = requests.post(url, data={"token": minted["refresh_token"]}, timeout=10)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_an_access_token_ends_by_itself(start):
    sandbox = start(token_seconds=0)
    headers = {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}
    url = f"{sandbox.url}/gmail/v1/users/me/profile"
    assert requests.get(url, headers=headers, timeout=10).status_code == 401
