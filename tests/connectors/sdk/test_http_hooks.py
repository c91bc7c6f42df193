"""What a provider may add to each call of `Api` and of the token endpoint, and ask after it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors.sdk.errors import ConnectorError, RateLimitedError, TokenExpiredError
from connectors.sdk.http import Api, Transport, classify_by_status
from connectors.sdk.oauth import OAuth2, Tokens
from connectors.sdk.provider import ProviderConfig
from connectors.sdk.quota import Unlimited
from connectors.sdk.refresh import refresh_tokens

AGENT = {"User-Agent": "Acme (https://example.com)"}
URL = "https://api.example.com/items"


def api(server: Any, transport: Transport, **changes: Any) -> Api:
    given: dict[str, Any] = {
        "tokens": None,
        "classify": classify_by_status,
        "budget": Unlimited(time.monotonic),
        "base_url": server.url,
        "backoff": 0.001,
    }
    return Api(transport, **{**given, **changes})


def test_a_providers_headers_go_with_each_call(server: Any, transport: Transport) -> None:
    made = api(server, transport, headers=AGENT)
    made.json(URL)
    made.request("GET", URL, headers={"Accept": "text/plain"})
    assert [seen.headers["User-Agent"] for seen in server.seen] == [AGENT["User-Agent"]] * 2
    assert server.seen[1].headers["Accept"] == "text/plain"


def test_a_providers_headers_go_with_a_refresh(server: Any, transport: Transport) -> None:
    server.will(server.says(body=b'{"access_token": "new"}'))
    config = ProviderConfig(base_url=server.url)
    oauth = OAuth2("https://acme.example/authorize", "https://acme.example/token")
    refresh_tokens(transport, oauth, config, Tokens("old", "refresh"), 0.0, AGENT)
    assert server.seen[0].headers["User-Agent"] == AGENT["User-Agent"]


def test_the_next_call_waits_as_the_last_success_asked(server: Any, transport: Transport) -> None:
    server.will(server.says(headers={"Left": "0"}), server.says(headers={"Left": "1"}))
    waits: list[float] = []
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    made = api(
        server,
        transport,
        budget=Unlimited(lambda: now),
        wait=wait,
        wait_after=lambda headers: 2.0 if headers["left"] == "0" else 0.0,
    )
    for _ in range(3):
        made.json(URL)
    assert waits == [2.0]


@pytest.mark.parametrize("everyone", [True, False])
def test_a_refusal_of_the_server_itself_holds_back_all_accounts(
    server: Any, transport: Transport, everyone: bool
) -> None:
    class Budget(Unlimited):
        blocked: list[str] = []  # noqa: RUF012 - one test's own class

        def block(self, seconds: float) -> None:
            self.blocked.append("one")

        def block_all(self, seconds: float) -> None:
            self.blocked.append("all")

    server.will(server.says(429))
    made = api(
        server,
        transport,
        budget=Budget(time.monotonic),
        classify=lambda *_: RateLimitedError("wait", 3600.0, everyone=everyone),
    )
    with pytest.raises(RateLimitedError):
        made.json(URL)
    assert Budget.blocked == ["all" if everyone else "one"]


def test_what_is_said_of_the_token_with_another_status_leads_to_the_token_held_by_now(
    server: Any, transport: Transport
) -> None:
    """A person may have signed in again meanwhile, and the reason is the provider's own."""

    class Held:
        def __init__(self, *tokens: str) -> None:
            self.tokens = list(tokens)

        def access_token(self) -> str:
            return self.tokens[0]

        def refresh(self, rejected: str) -> str:
            assert rejected == self.tokens[0]
            if len(self.tokens) == 1:
                raise TokenExpiredError("cannot be renewed")
            return self.tokens.pop(0) and self.tokens[0]

        def keep(self, old: str, new: str) -> None:
            raise AssertionError("an OAuth token is kept by nobody but its refresh")

    def classify(status: int, *_: Any) -> ConnectorError | None:
        return TokenExpiredError("sign in there first") if status == 400 else None

    def made(*tokens: str) -> Api:
        return api(server, transport, tokens=Held(*tokens), classify=classify)

    server.will(server.says(400), server.says(body=b'{"a": 1}'))
    assert made("old", "new").json("https://api.example.com/") == {"a": 1}
    server.will(server.says(400))
    with pytest.raises(TokenExpiredError, match="sign in there first"):
        made("old").json("https://api.example.com/")


def test_no_wait_is_for_ever(server: Any, transport: Transport) -> None:
    server.will(server.says(429, headers={"Retry-After": "1000000000"}))
    with pytest.raises(RateLimitedError) as caught:
        api(server, transport).json("https://api.example.com/")
    assert caught.value.retry_after == 7 * 24 * 3600
