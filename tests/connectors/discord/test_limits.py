"""Discord's limits and refusals: kept to, waited for, and never asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from connectors.discord.errors import SHUT_OUT, classify, wait_after
from connectors.sdk.errors import (
    AccessDeniedError,
    ConnectorError,
    PositionLostError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from sandbox.faults import Fault
from sandbox.options import Quota
from tests.connectors.discord.conftest import Start

PATH = "/users/@me/guilds$"
BLOCKED = "You are being blocked from accessing our API temporarily."
#: The example of https://docs.discord.com/developers/topics/rate-limits
OF_ROUTE = {
    "X-RateLimit-Limit": "10",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "1470173023.123",
    "X-RateLimit-Reset-After": "64.57",
    "X-RateLimit-Bucket": "abcd1234",
}


def body(code: int = 0, **more: Any) -> bytes:
    return json.dumps({"message": "secret words", "code": code, **more}).encode()


CASES: list[tuple[int, bytes, type[ConnectorError]]] = [
    (401, body(), TokenExpiredError),
    (401, body(50025), TokenExpiredError),
    (403, body(50026), AccessDeniedError),
    (403, body(50001), AccessDeniedError),
    (403, body(40002), AccessDeniedError),
    # Of a proxy on the way, which knows nothing of the person's access.
    (401, b"<html>no</html>", TransientError),
    (401, b"", TransientError),
    (403, b"<html>no</html>", TransientError),
    (403, b"{}", AccessDeniedError),
    (403, body(40333), RateLimitedError),
    (403, b"<html>Attention Required! | Cloudflare</html>", RateLimitedError),
    (400, body(50035, errors={"after": {"_errors": []}}), PositionLostError),
    (400, body(50035, errors={"limit": {"_errors": []}}), ConnectorError),
    (404, body(), ConnectorError),
    (502, b"<html>", TransientError),
    (500, b"\xff", TransientError),
]


@pytest.mark.parametrize(("status", "content", "error"), CASES)
def test_answers_become_errors(status: int, content: bytes, error: type[ConnectorError]) -> None:
    made = classify(status, CaseInsensitiveDict(), content)
    assert type(made) is error
    assert "secret words" not in str(made)


@pytest.mark.parametrize(
    ("headers", "content", "seconds", "everyone"),
    [
        ({**OF_ROUTE, "Retry-After": "65"}, body(retry_after=64.57), 64.57, False),
        ({"X-RateLimit-Scope": "shared"}, body(40062, retry_after=1336.57), 1336.57, False),
        ({"X-RateLimit-Global": "true", "Retry-After": "65"}, b"", 65.0, False),
        ({}, body(retry_after=0), 0.0, False),
        ({}, body(retry_after=1e300), 86_400.0, False),
        # Cloudflare's, which are not in Discord's form.
        ({}, json.dumps({"message": BLOCKED, "code": 0}).encode(), SHUT_OUT, True),
        ({}, b"error code: 1015", SHUT_OUT, True),
        ({"Retry-After": "7200"}, b"<html>", 7200.0, True),
        ({"Retry-After": "5"}, body(retry_after="soon"), SHUT_OUT, True),
        ({}, b'{"retry_after": NaN}', SHUT_OUT, True),
        ({}, body(retry_after=True), SHUT_OUT, True),
    ],
)
def test_a_429_names_its_wait_or_shuts_the_address_out(
    headers: dict[str, str], content: bytes, seconds: float, everyone: bool
) -> None:
    made = classify(429, CaseInsensitiveDict(headers), content)
    assert isinstance(made, RateLimitedError)
    assert (made.retry_after, made.everyone) == (seconds, everyone)


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({}, 64.57),
        ({"X-RateLimit-Remaining": "1"}, 0.0),
        ({"X-RateLimit-Reset-After": "soon"}, 0.0),
        ({"X-RateLimit-Remaining": "nan"}, 0.0),
        ({"X-RateLimit-Reset-After": "-1"}, 0.0),
    ],
)
def test_a_success_that_leaves_no_call_holds_the_next_one_back(
    changed: dict[str, str], seconds: float
) -> None:
    assert wait_after(CaseInsensitiveDict({**OF_ROUTE, **changed})) == seconds
    assert wait_after(CaseInsensitiveDict()) == 0.0


def test_calls_keep_to_the_limit_that_the_headers_tell(start: Start) -> None:
    bench = start({"page_size": 3}, quota=Quota(2, 0.4))
    job = bench.connect()
    assert bench.sync(job).handler == "enabled"
    assert len(bench.kept(job)) == 12
    refused = bench.side.address.refused()
    assert refused == 0


def test_an_address_that_is_shut_out_keeps_all_accounts_still(start: Start) -> None:
    bench = start(accounts=2)
    first, second = bench.connect(), bench.connect(1)
    bench.side.address.out = True
    bench.requests()
    for job in (first, second):
        outcome = bench.sync(job)
        assert outcome.next == "wait"
        assert SHUT_OUT - 60 < outcome.delay <= SHUT_OUT
    assert bench.requests() == {"discord": 1}
    # What Redis holds of it ends by itself.
    bench.side.address.clear()
    bench.services.redis.delete("dcs:block:discord")
    assert bench.sync(second).handler == "enabled"


def test_tokens_that_are_all_rejected_come_nowhere_near_the_limit_of_refusals(
    start: Start,
) -> None:
    bench = start()
    job = bench.connect()
    bench.sandbox.world.faults.add(Fault("401", path=PATH, count=0))
    for _ in range(12):
        if bench.sync(job).next != "wait":
            break
    vault = bench.services.vaults.open("owner")
    assert vault.connection(job.connection).status == "invalid-auth"
    assert bench.requests()["fault:401"] <= 20
    bench.sync(job)
    assert bench.requests() == {}
