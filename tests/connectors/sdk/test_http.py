"""The transport against a server that misbehaves, and what `Api` makes of it."""

from __future__ import annotations

import gzip
import threading
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.addresses import rebase
from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    ConnectorError,
    RateLimitedError,
    TokenExpiredError,
    TransientError,
)
from connectors.sdk.http import Answer, Api, Transport, classify_by_status, retry_after
from connectors.sdk.quota import Unlimited

SECRET = "s3cret"


class Tokens:
    """A token source that counts."""

    def __init__(self, *fresh: str) -> None:
        self.current = "first"
        self.fresh = list(fresh)
        self.rejected: list[str] = []

    def access_token(self) -> str:
        return self.current

    def refresh(self, rejected: str) -> str:
        self.rejected.append(rejected)
        self.current = self.fresh.pop(0)
        return self.current


class Budget:
    """Answers from a list of waits, then lets everything pass."""

    message = "the account's quota is used up for now"

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)
        self.taken: list[int] = []
        self.blocked: list[float] = []
        self.given_back: list[int] = []

    def take(self, units: int) -> float:
        self.taken.append(units)
        return self.waits.pop(0) if self.waits else 0.0

    def block(self, seconds: float) -> None:
        self.blocked.append(seconds)

    def refused(self, units: int) -> None:
        self.given_back.append(units)


@pytest.fixture
def api(server: Any, transport: Transport) -> Callable[..., Api]:
    def make(**changes: Any) -> Api:
        given: dict[str, Any] = {
            "tokens": None,
            "classify": classify_by_status,
            "budget": Unlimited(time.monotonic),
            "base_url": server.url,
            "backoff": 0.001,
        }
        return Api(transport, **{**given, **changes})

    return make


def url(path: str = "/items") -> str:
    return f"https://api.example.com{path}"


def faults(server: Any) -> dict[str, Any]:
    zipped = gzip.compress(b'{"a": 1}')
    return {
        "timeout": lambda to: time.sleep(0.4),
        "reset": server.resets,
        "hang-up": server.hangs_up,
        "cut chunk": server.cuts_a_chunk,
        "cut body": server.says(body=b"{}", headers={"Content-Length": "200"}),
        "no gzip": server.says(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        "garbled gzip": server.says(
            body=zipped[:12] + bytes(len(zipped) - 12), headers={"Content-Encoding": "gzip"}
        ),
        "redirect loop": server.says(302, headers={"Location": f"/again?token={SECRET}"}),
        "502": server.says(502),
        "408": server.says(408),
    }


def test_a_call_is_signed_with_the_token_that_it_carries(server: Any, api: Any) -> None:
    server.will(server.says(401), server.says(body=b'{"a": 1}'))
    made = api(tokens=Tokens("second"), sign=lambda token: {"proof": token[::-1]})
    assert made.json(url("/items"), params={"limit": 5}) == {"a": 1}
    paths = [seen.path.removeprefix("/items?limit=5&proof=") for seen in server.seen]
    assert paths == ["tsrif", "dnoces"]


KINDS = [
    "timeout", "reset", "hang-up", "cut chunk", "cut body", "no gzip", "garbled gzip",
    "redirect loop", "502", "408",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_passing_fault_is_tried_again(server: Any, api: Any, kind: str) -> None:
    fault = faults(server)[kind]
    # Each redirect of the loop is a request of its own: six of them make one fault.
    server.will(*[fault] * (6 if kind == "redirect loop" else 1), server.says(body=b'{"a": 1}'))
    made = api()
    assert made.json(url()) == {"a": 1}
    assert (made.stats.retries, made.stats.requests) == (1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lasting_fault_ends_after_the_stated_tries_and_tells_no_secret(
    server: Any, api: Any, kind: str
) -> None:
    server.will(faults(server)[kind])
    made = api(retries=1, tokens=Tokens())
    with pytest.raises(TransientError) as caught:
        made.json(url(f"/items?key={SECRET}"), params={"token": SECRET})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "first" not in str(caught.value)
    assert made.stats.requests == 2
    assert made.stats.retries == 1


@pytest.mark.parametrize("body", [b"<html>a proxy</html>", b'{"a": ', b"", b"\xff\xfe"])
def test_json_that_cannot_be_read_is_asked_for_again(server: Any, api: Any, body: bytes) -> None:
    server.will(server.says(body=body), server.says(body=b"[1]"))
    assert api().json(url()) == [1]


def test_json_that_stays_unreadable_is_a_passing_fault_without_the_body(
    server: Any, api: Any
) -> None:
    server.will(server.says(body=f"<p>{SECRET}".encode()))
    with pytest.raises(TransientError) as caught:
        api(retries=1).json(url())
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert len(server.seen) == 2


def test_a_truncated_gzip_of_the_right_length_is_no_json(server: Any, api: Any) -> None:
    zipped = gzip.compress(b'{"a": "' + bytes(range(97, 123)) * 40 + b'"}')
    whole = server.says(body=b"{}")
    server.will(server.says(body=zipped[:-30], headers={"Content-Encoding": "gzip"}), whole)
    assert api().json(url()) == {}


def test_a_host_that_refuses_connections_is_a_passing_fault(transport: Transport) -> None:
    with pytest.raises(TransientError, match=r"127\.0\.0\.1 did not answer"):
        transport.send("GET", f"http://127.0.0.1:1/x?token={SECRET}")


def test_a_wait_is_no_longer_than_the_patience(server: Any, transport: Transport) -> None:
    server.will(lambda to: time.sleep(0.6))
    begun = time.monotonic()
    with pytest.raises(TransientError):
        transport.send("GET", server.url)
    assert time.monotonic() - begun < 0.5


def test_credentials_in_netrc_are_not_sent(
    server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login ada password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.will(server.says(302, headers={"Location": "/there"}), server.says())
    transport.send("GET", f"{server.url}/here")
    assert [seen.headers["Authorization"] for seen in server.seen] == [None, None]


def test_a_redirect_to_another_host_does_not_take_the_token_along(
    server: Any, transport: Transport
) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.will(server.says(302, headers={"Location": f"{elsewhere}/there"}), server.says())
    transport.send("GET", f"{server.url}/here", headers={"Authorization": "Bearer x"})
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer x", None]


def test_one_persons_cookie_is_not_sent_for_the_next(server: Any, transport: Transport) -> None:
    server.will(server.says(headers={"Set-Cookie": f"session={SECRET}; Path=/"}))
    transport.send("GET", server.url)
    transport.send("GET", server.url)
    assert server.seen[1].headers["Cookie"] is None


def test_an_answer_and_its_errors_show_no_content() -> None:
    answer = Answer(200, {"Set-Cookie": SECRET}, SECRET.encode())
    assert SECRET not in repr(answer)


def test_a_rejected_token_is_renewed_once(server: Any, api: Any) -> None:
    server.will(server.says(401), server.says())
    tokens = Tokens("second")
    api(tokens=tokens).json(url())
    assert tokens.rejected == ["first"]
    sent = [seen.headers["Authorization"] for seen in server.seen]
    assert sent == ["Bearer first", "Bearer second"]


def test_renewed_tokens_that_are_all_rejected_ask_to_connect_again(server: Any, api: Any) -> None:
    server.will(server.says(401))
    tokens = Tokens("second", "third", "fourth", "fifth")
    with pytest.raises(AccessRejectedError, match="connect") as caught:
        api(tokens=tokens).json(url())
    assert tokens.rejected == ["first", "second", "third", "fourth"]
    assert len(server.seen) == 4
    assert "first" not in str(caught.value) + repr(caught.value)


def test_a_refresh_that_gives_the_rejected_token_again_ends_at_once(server: Any, api: Any) -> None:
    server.will(server.says(401))
    with pytest.raises(TokenExpiredError, match="connect"):
        api(tokens=Tokens("first", "first")).json(url())
    assert len(server.seen) == 1


def test_a_fresh_token_that_others_have_used_up_is_renewed_again(server: Any, api: Any) -> None:
    """As when several handlers share a connection whose tokens end fast."""
    server.will(server.says(401), server.says(401), server.says(200, b'{"ok": true}'))
    tokens = Tokens("second", "third")
    assert api(tokens=tokens).json(url()) == {"ok": True}
    assert tokens.rejected == ["first", "second"]


def test_a_401_without_tokens_does_not_loop(server: Any, api: Any) -> None:
    server.will(server.says(401))
    with pytest.raises(TokenExpiredError):
        api().json(url())
    assert len(server.seen) == 1


def test_a_401_that_is_not_about_the_token_renews_nothing(server: Any, api: Any) -> None:
    server.will(server.says(401))
    tokens = Tokens("second")
    with pytest.raises(AccessDeniedError, match="no channel"):
        api(
            tokens=tokens, classify=lambda *_: AccessDeniedError("the account has no channel")
        ).json(url())
    assert tokens.rejected == []


def test_a_token_is_renewed_between_passing_faults(server: Any, api: Any) -> None:
    server.will(server.says(503), server.says(401), server.says(503), server.says())
    tokens = Tokens("second")
    assert api(tokens=tokens).json(url()) == {}
    assert tokens.rejected == ["first"]


@pytest.mark.parametrize("header", ["2", "date"])
def test_a_short_wait_happens_in_place(server: Any, api: Any, header: str) -> None:
    value = formatdate(time.time() + 2.5, usegmt=True) if header == "date" else header
    server.will(server.says(429, headers={"Retry-After": value}), server.says())
    waits: list[float] = []
    budget = Budget()
    made = api(wait=waits.append, budget=budget)
    assert made.json(url(), cost=7) == {}
    assert len(waits) == 1
    assert 1.0 <= waits[0] <= 2.5
    assert budget.blocked == waits
    assert budget.taken == [7, 7]
    assert (made.stats.refused, made.stats.retries) == (1, 0)
    assert made.stats.waited_seconds == waits[0]


@pytest.mark.parametrize("header", ["90", "date"])
def test_a_long_wait_raises_at_once_and_blocks_the_account(
    server: Any, api: Any, header: str
) -> None:
    value = formatdate(time.time() + 90, usegmt=True) if header == "date" else header
    server.will(server.says(429, headers={"Retry-After": value}))
    budget = Budget()
    with pytest.raises(RateLimitedError) as caught:
        api(budget=budget, wait=lambda _: pytest.fail("waited")).json(url())
    assert caught.value.retry_after is not None
    assert 85 < caught.value.retry_after <= 90
    assert budget.blocked == [caught.value.retry_after]
    assert len(server.seen) == 1


def test_a_provider_that_goes_on_refusing_is_left_to_the_engine(server: Any, api: Any) -> None:
    server.will(server.says(429))
    waits: list[float] = []
    with pytest.raises(RateLimitedError) as caught:
        api(wait=waits.append, budget=Budget(), retries=2, backoff=0.5).json(url())
    assert caught.value.retry_after is None
    assert len(server.seen) == 3
    assert len(waits) == 2
    assert 1.0 <= waits[0] <= 1.5
    assert 2.0 <= waits[1] <= 3.0


def test_a_budget_spent_for_a_short_while_is_waited_for(api: Any) -> None:
    waits: list[float] = []
    budget = Budget(0.5, 0.25)
    made = api(budget=budget, wait=waits.append)
    made.json(url(), cost=5)
    assert waits == [0.5, 0.25]
    assert budget.taken == [5, 5, 5]


def test_a_budget_spent_for_long_frees_the_worker_before_any_request(server: Any, api: Any) -> None:
    with pytest.raises(RateLimitedError) as caught:
        api(budget=Budget(30.0), inline_wait=5.0).json(url(), cost=5)
    assert caught.value.retry_after == 30.0
    assert server.seen == []


def test_a_wait_that_is_ended_ends_the_call(server: Any, api: Any) -> None:
    class StopError(Exception):
        pass

    def stop(seconds: float) -> None:
        raise StopError

    server.will(server.says(503))
    with pytest.raises(StopError):
        api(wait=stop).json(url())
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, TokenExpiredError), (403, AccessDeniedError), (404, ConnectorError), (429, RateLimitedError),
        (408, TransientError), (500, TransientError), (503, TransientError),
    ],
)  # fmt: skip
def test_a_status_stands_for_an_error(status: int, kind: type[ConnectorError]) -> None:
    assert type(classify_by_status(status, {}, b"")) is kind


def test_a_success_is_no_error() -> None:
    assert classify_by_status(204, {}, b"") is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), (" 3 ", 3.0), ("0", 0.0), ("1.5", 1.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60.0), ("Wed, 21 Oct 2015 07:26:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 60.0), ("soon", None), ("", None), ("-5", None),
        ("\u00b2", None), ("nan", None), ("1e9", None),
    ],
)  # fmt: skip
def test_retry_after_holds_seconds_or_a_date(value: str, seconds: float | None) -> None:
    now = 1445412420.0  # 2015-10-21 07:27:00 UTC
    assert retry_after({"retry-after": value}, now) == seconds


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (None, "https://api.example.com/v1/items?a=b&c=%2F#x"),
        ("", "https://api.example.com/v1/items?a=b&c=%2F#x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/items?a=b&c=%2F#x"),
        ("http://[::1]:8080/", "http://[::1]:8080/v1/items?a=b&c=%2F#x"),
        ("https://proxy.example/acme/", "https://proxy.example/acme/v1/items?a=b&c=%2F#x"),
    ],
)
def test_a_base_url_replaces_scheme_host_and_port(base: str | None, expected: str) -> None:
    assert rebase("https://api.example.com/v1/items?a=b&c=%2F#x", base) == expected


def test_a_call_goes_to_the_base_url_with_its_query(server: Any, api: Any) -> None:
    api(base_url=f"{server.url}/twin/").json(url("/items?a=1"), params={"b": "x y"})
    assert server.seen[0].path == "/twin/items?a=1&b=x+y"


def test_threads_share_a_transport(server: Any, api: Any) -> None:
    server.will(server.says(body=b'{"a": 1}'))
    answers: list[Any] = []
    made = api()
    threads = [threading.Thread(target=lambda: answers.append(made.json(url()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"a": 1}] * 8
