"""What a run costs, as its `Api` counts it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk.errors import AccessDeniedError, ConnectorError, RateLimitedError
from connectors.sdk.http import Api, Transport, classify_by_status
from connectors.sdk.quota import Unlimited

URL = "https://api.example.com/items"


class Tokens:
    def __init__(self) -> None:
        self.current = "first"

    def access_token(self) -> str:
        return self.current

    def refresh(self, rejected: str) -> str:
        self.current = "second"
        return self.current


class Clock:
    """Waiting takes no time here, but the time passes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def api(server: Any, transport: Transport) -> Api:
    clock = Clock()
    return Api(
        transport,
        tokens=Tokens(),
        classify=classify_by_status,
        budget=Unlimited(clock),
        base_url=server.url,
        backoff=0.001,
        wait=clock.wait,
    )


def test_each_request_is_counted_by_how_it_ended(server: Any, api: Api) -> None:
    server.will(
        server.says(503),
        server.hangs_up,
        server.says(401),
        server.says(429, headers={"Retry-After": "2"}),
        server.says(),
    )
    api.json(URL)
    assert api.stats.results == {"fault": 2, "unauthorized": 1, "refused": 1, "ok": 1}
    assert sum(api.stats.results.values()) == api.stats.requests
    assert (api.stats.quota_waits, api.stats.quota_seconds) == (1, 2.0)


@pytest.mark.parametrize(
    ("status", "error", "result"),
    [(403, AccessDeniedError, "denied"), (400, ConnectorError, "failed")],
)
def test_a_refusal_is_counted_as_such(
    server: Any, api: Api, status: int, error: type[Exception], result: str
) -> None:
    server.will(server.says(status))
    with pytest.raises(error):
        api.json(URL)
    assert api.stats.results == {result: 1}


def test_a_wait_that_frees_the_worker_is_counted_too(server: Any, api: Api) -> None:
    server.will(server.says(429, headers={"Retry-After": "90"}))
    with pytest.raises(RateLimitedError):
        api.json(URL)
    assert (api.stats.quota_waits, api.stats.quota_seconds) == (1, 90.0)
    assert api.stats.waited_seconds == 0.0
