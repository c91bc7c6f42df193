"""What a provider may add to each call of `Api` and of the token endpoint, and ask after it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors.sdk.errors import RateLimitedError
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
