"""Renewing tokens at an endpoint that misbehaves."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.sdk.errors import ConfigurationError, TokenExpiredError, TransientError
from connectors.sdk.http import Transport
from connectors.sdk.oauth import LongLived, OAuth2, Tokens
from connectors.sdk.provider import ProviderConfig
from connectors.sdk.refresh import prolong_tokens, refresh_tokens

OAUTH = OAuth2("https://acme.example/authorize", "https://acme.example/oauth/token")
OLD = Tokens("old-access", "old-refresh", 5.0, frozenset({"mail", "files"}))


@pytest.fixture
def config(server: Any) -> ProviderConfig:
    return ProviderConfig(
        client_id="me", client_secret=SecretStr("hush"), base_url=f"{server.url}/twin"
    )


@pytest.fixture
def refresh(config: ProviderConfig, transport: Transport) -> Callable[..., Tokens]:
    return lambda old=OLD, oauth=OAUTH: refresh_tokens(transport, oauth, config, old, now=1000.0)


def answers(server: Any, body: Any, status: int = 200) -> None:
    server.will(server.says(status, json.dumps(body).encode()))


def test_the_request_is_that_of_the_rfc(server: Any, refresh: Any) -> None:
    answers(server, {"access_token": "new", "expires_in": 3600})
    tokens = refresh()
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/twin/oauth/token")
    assert seen.form == {
        "grant_type": "refresh_token",
        "refresh_token": "old-refresh",
        "client_id": "me",
        "client_secret": "hush",
    }
    assert tokens.access_token == "new"
    assert tokens.expires_at == 4600.0


def test_what_the_answer_leaves_out_stays(server: Any, refresh: Any) -> None:
    """A scope that is left out is the one that was granted (RFC 6749, 5.1)."""
    answers(server, {"access_token": "new"})
    tokens = refresh()
    assert tokens.refresh_token == "old-refresh"
    assert tokens.scopes == OLD.scopes
    assert tokens.expires_at is None


def test_what_the_answer_brings_replaces_the_old(server: Any, refresh: Any) -> None:
    answers(server, {"access_token": "new", "refresh_token": "rotated", "scope": "mail"})
    tokens = refresh()
    assert tokens.refresh_token == "rotated"
    assert tokens.scopes == {"mail"}


def test_without_a_refresh_token_nothing_is_sent(server: Any, refresh: Any) -> None:
    with pytest.raises(TokenExpiredError, match="connect"):
        refresh(Tokens("old-access"))
    assert server.seen == []


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_grant", TokenExpiredError), (401, "invalid_client", ConfigurationError),
        (400, "unauthorized_client", ConfigurationError), (500, "x", TransientError),
        (503, "temporarily_unavailable", TransientError), (429, "slow_down", TransientError),
        (408, "timeout", TransientError),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(
    server: Any, refresh: Any, status: int, error: str, kind: type[Exception]
) -> None:
    answers(server, {"error": error, "error_description": "old-refresh"}, status)
    with pytest.raises(kind) as caught:
        refresh()
    shown = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in ("old-refresh", "old-access", "hush") if secret in shown]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "temporarily_unavailable"}, {"error": "invalid_request"}, {"error": "rate_limit"},
        {"error": {"code": 403, "status": "PERMISSION_DENIED"}}, {"error": ["invalid_grant"]},
        {"message": "no route"}, {}, [], "invalid_grant", None,
    ],
)  # fmt: skip
def test_only_an_ended_grant_ends_the_access(
    server: Any, refresh: Any, status: int, body: Any
) -> None:
    answers(server, body, status)
    with pytest.raises(TransientError):
        refresh()


def test_a_provider_may_have_words_of_its_own_for_an_ended_grant(server: Any, refresh: Any) -> None:
    answers(server, {"error": "invalid_request"}, 400)
    with pytest.raises(TokenExpiredError):
        refresh(oauth=replace(OAUTH, ended=frozenset({"invalid_request"})))


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_an_ended_grant_ends_it_whatever_the_status(server: Any, refresh: Any, status: int) -> None:
    answers(server, {"error": "invalid_grant"}, status)
    with pytest.raises(TokenExpiredError):
        refresh()


@pytest.mark.parametrize(
    "body",
    [
        [], None, "x", {}, {"access_token": ""}, {"access_token": 5},
        {"access_token": "a", "expires_in": "soon"}, {"access_token": "a", "scope": 5},
        {"access_token": "a", "refresh_token": 5}, {"access_token": "a", "refresh_token": {"a": 1}},
    ],
)  # fmt: skip
def test_an_answer_that_is_no_token_is_a_passing_fault(
    server: Any, refresh: Any, body: Any
) -> None:
    answers(server, body)
    with pytest.raises(TransientError):
        refresh()


def test_a_page_instead_of_json_ends_no_access(server: Any, refresh: Any) -> None:
    server.will(server.says(400, b"<html>a proxy's page</html>"))
    with pytest.raises(TransientError):
        refresh()


@pytest.mark.parametrize("fault", ["resets", "hangs_up", "cuts_a_chunk"])
def test_a_lost_answer_is_not_asked_for_again_at_once(
    server: Any, refresh: Any, fault: str
) -> None:
    server.will(getattr(server, fault))
    with pytest.raises(TransientError):
        refresh()
    assert len(server.seen) == 1


def test_a_client_may_be_known_by_basic_authentication(server: Any, refresh: Any) -> None:
    answers(server, {"access_token": "new"})
    refresh(oauth=replace(OAUTH, client_auth="basic"))
    [seen] = server.seen
    assert seen.form == {"grant_type": "refresh_token", "refresh_token": "old-refresh"}
    kind, _, pair = seen.headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"me:hush")


SHORT = Tokens("short", None, 5.0, frozenset({"likes"}))
LASTING = replace(OAUTH, long_lived=LongLived("swap", "swap_token"))


def test_a_short_lived_token_is_exchanged_in_the_body(
    server: Any, config: ProviderConfig, transport: Transport
) -> None:
    answers(server, {"access_token": "long", "expires_in": 5_000_000})
    tokens = prolong_tokens(transport, LASTING, config, SHORT, now=1000.0)
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/twin/oauth/token")
    assert seen.form == {
        "grant_type": "swap",
        "swap_token": "short",
        "client_id": "me",
        "client_secret": "hush",
    }
    assert tokens == Tokens("long", None, 5_001_000.0, SHORT.scopes)


def test_tokens_stay_where_there_is_nothing_to_exchange_them_for(
    server: Any, config: ProviderConfig, transport: Transport
) -> None:
    assert prolong_tokens(transport, OAUTH, config, SHORT, now=1000.0) is SHORT
    assert server.seen == []


def test_a_refusal_of_the_exchange_is_told_in_the_providers_words(
    server: Any, config: ProviderConfig, transport: Transport
) -> None:
    answers(server, {"error": {"code": 1, "message": "no such app"}}, 400)
    with pytest.raises(ConfigurationError, match="check the app's secret"):
        prolong_tokens(
            transport,
            LASTING,
            config,
            SHORT,
            now=1000.0,
            classify=lambda *_: ConfigurationError("check the app's secret"),
        )
