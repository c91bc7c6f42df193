"""A connection's access token, among threads and at an endpoint that counts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from fakeredis import FakeRedis

from connectors.sdk.errors import InUseError, TokenExpiredError, TransientError
from connectors.sdk.http import Transport
from connectors.sdk.oauth import OAuth2, Tokens
from connectors.sdk.provider import ProviderConfig
from vault.errors import VaultError
from worker.metrics import REFRESHES, read
from worker.tokens import ConnectionTokens, GivenTokens

NOW = 1000.0


class Endpoint:
    """Rotates refresh tokens: each may be used but once. Answers slowly."""

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[str] = []
        self.valid = "refresh-0"

    def answer(self, body: str) -> tuple[int, dict[str, Any]]:
        from urllib.parse import parse_qs

        sent = parse_qs(body)["refresh_token"][0]
        self.sent.append(sent)
        time.sleep(0.1)
        if sent != self.valid:
            return 400, {"error": "invalid_grant"}
        number = len(self.sent)
        self.valid = f"refresh-{number}"
        return 200, {
            "access_token": f"access-{number}",
            "refresh_token": self.valid,
            "expires_in": 3600,
        }


class Vault:
    """Keeps one connection's tokens and tells what happened in which order."""

    def __init__(self, tokens: Tokens | None) -> None:
        self.held = tokens
        self.log: list[str] = []
        self.full = False

    def tokens(self, connection_id: str) -> Tokens | None:
        return self.held

    def save_tokens(self, connection_id: str, tokens: Tokens) -> None:
        if self.full:
            raise VaultError("no space is left")
        self.held = tokens
        self.log.append(f"saved {tokens.access_token} {tokens.refresh_token}")

    def replace_tokens(self, connection_id: str, old: Tokens, new: Tokens) -> Tokens:
        if self.held == old:
            self.save_tokens(connection_id, new)
        assert self.held is not None
        return self.held


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = endpoint.answer(body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    with serving(made):
        yield made


@pytest.fixture
def vault() -> Vault:
    return Vault(Tokens("access-0", "refresh-0", NOW + 3600))


Make = Callable[..., ConnectionTokens]


@pytest.fixture
def make(endpoint: Endpoint, vault: Any, fake: FakeRedis) -> Iterator[Make]:
    """A worker's view of the tokens; each call makes another worker's."""
    transport = Transport(connect_timeout=2, read_timeout=2)
    provider: Any = SimpleNamespace(
        id="acme",
        oauth=OAuth2("https://acme.example/a", "https://acme.example/t"),
        config=ProviderConfig(base_url=endpoint.url),
        headers=dict,
    )

    def made(lock_seconds: float = 10, now: float = NOW) -> ConnectionTokens:
        return ConnectionTokens(
            fake, vault, "owner", "acme:1", provider, transport, lock_seconds, 5.0, lambda: now
        )

    yield made
    transport.close()


def test_a_token_that_has_not_ended_is_read_once(make: Make, vault: Vault) -> None:
    tokens = make()
    assert tokens.access_token() == "access-0"
    vault.held = Tokens("other")
    assert tokens.access_token() == "access-0"


def test_an_ended_token_is_renewed_before_it_is_sent(make: Make, endpoint: Endpoint) -> None:
    tokens = make(now=NOW + 3550)
    assert tokens.access_token() == "access-1"
    assert tokens.access_token() == "access-1"
    assert endpoint.sent == ["refresh-0"]


def test_a_rotated_refresh_token_is_saved_before_the_new_token_is_used(
    make: Make, vault: Vault
) -> None:
    tokens = make()
    vault.log.append(f"used {tokens.refresh('access-0')}")
    assert vault.log == ["saved access-1 refresh-1", "used access-1"]
    vault.log.append(f"used {tokens.refresh('access-1')}")
    assert vault.log[2:] == ["saved access-2 refresh-2", "used access-2"]


def test_a_token_that_cannot_be_saved_is_not_used(make: Make, vault: Vault) -> None:
    vault.full = True
    tokens = make()
    with pytest.raises(VaultError):
        tokens.refresh("access-0")
    assert tokens.access_token() == "access-0"


@pytest.mark.parametrize("one_source", [True, False])
def test_many_that_find_the_token_rejected_renew_it_once(
    make: Make, endpoint: Endpoint, one_source: bool
) -> None:
    """Threads of one worker, and workers of their own."""
    shared = make()
    got: list[str] = []
    barrier = threading.Barrier(6)

    def work(tokens: ConnectionTokens) -> None:
        barrier.wait()
        got.append(tokens.refresh("access-0"))

    threads = [
        threading.Thread(target=work, args=(shared if one_source else make(),)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert got == ["access-1"] * 6
    assert endpoint.sent == ["refresh-0"]


def test_what_another_worker_renewed_is_taken_over(
    make: Make, vault: Vault, endpoint: Endpoint
) -> None:
    tokens = make()
    assert tokens.access_token() == "access-0"
    vault.held = Tokens("theirs", "their-refresh", NOW + 3600)
    assert tokens.refresh("access-0") == "theirs"
    assert tokens.access_token() == "theirs"
    assert endpoint.sent == []


def test_a_refused_refresh_asks_to_connect_again_and_frees_the_lock(
    make: Make, endpoint: Endpoint, fake: FakeRedis
) -> None:
    endpoint.valid = "another"
    with pytest.raises(TokenExpiredError, match="connect") as caught:
        make().refresh("access-0")
    assert "refresh-0" not in str(caught.value)
    assert fake.keys("dcs:refresh:*") == []


@pytest.mark.parametrize("held", [None, Tokens("access-0", None, NOW)])
def test_without_a_way_to_renew_the_person_must_connect_again(
    make: Make, vault: Vault, endpoint: Endpoint, held: Tokens | None
) -> None:
    vault.held = held
    with pytest.raises(TokenExpiredError, match="connect"):
        make().access_token()
    assert endpoint.sent == []


def test_a_lock_held_for_too_long_is_a_passing_fault(
    make: Make, endpoint: Endpoint, fake: FakeRedis
) -> None:
    fake.set("dcs:refresh:owner|acme:1", "someone", px=60_000)
    with pytest.raises(TransientError, match="another worker"):
        make(lock_seconds=0.15).refresh("access-0")
    assert endpoint.sent == []


def test_a_worker_that_died_in_a_refresh_keeps_no_one_out_for_long(
    make: Make, fake: FakeRedis
) -> None:
    fake.set("dcs:refresh:owner|acme:1", "dead", px=200)
    assert make(lock_seconds=5).refresh("access-0") == "access-1"


def test_a_refresh_that_outlives_its_lock_loses_no_rotated_token(
    make: Make, vault: Vault, endpoint: Endpoint
) -> None:
    with pytest.raises(TransientError):
        make(lock_seconds=0.03).refresh("access-0")
    assert vault.log == ["saved access-1 refresh-1"]
    assert make().refresh("access-0") == "access-1"
    assert endpoint.sent == ["refresh-0"]


def test_tokens_are_not_shown(make: Make) -> None:
    tokens = make()
    tokens.access_token()
    assert "access-0" not in repr(tokens) + str(tokens)


def test_renewals_are_counted_by_how_they_ended(
    make: Make, endpoint: Endpoint, fake: FakeRedis
) -> None:
    make().refresh("access-0")
    endpoint.valid = "taken back"
    with pytest.raises(TokenExpiredError):
        make().refresh("access-1")
    assert read(fake)[REFRESHES] == {("acme", "ok"): 1, ("acme", "refused"): 1}


def test_a_right_is_of_all_workers_and_has_its_own_key(make: Make, fake: FakeRedis) -> None:
    with make().exclusive():
        with pytest.raises(InUseError), make().exclusive():
            pytest.fail("two have it")
        # A renewal is another matter.
        assert make().refresh("access-0") == "access-1"


def test_the_token_is_read_once_the_right_is_held(make: Make, vault: Vault) -> None:
    tokens = make()
    assert tokens.access_token() == "access-0"
    vault.held = Tokens("newer")
    with tokens.exclusive():
        assert tokens.access_token() == "newer"


def test_who_has_lost_the_right_keeps_no_token_over_the_next_ones(
    make: Make, vault: Vault, fake: FakeRedis
) -> None:
    frozen, following = make(), make()
    with frozen.exclusive() as right:
        fake.delete("dcs:session:owner|acme:1")
        with following.exclusive():
            assert following.access_token() == "access-0"
            with pytest.raises(InUseError):
                frozen.keep("access-0", "older")
            following.keep("access-0", "newer")
        with pytest.raises(InUseError):
            right.check()
    assert vault.log == ["saved newer refresh-0"]


def test_a_token_is_kept_by_who_has_the_right(make: Make, vault: Vault) -> None:
    tokens = make()
    with tokens.exclusive():
        tokens.keep("access-0", "newer")
        assert tokens.access_token() == "newer"
    assert vault.log == ["saved newer refresh-0"]


@pytest.mark.parametrize("fails", [None, VaultError("no space is left"), KeyboardInterrupt()])
def test_given_tokens_that_are_not_kept_are_abandoned_as_they_are_by_then(
    fails: BaseException | None,
) -> None:
    given, ended = GivenTokens(Tokens("first")), list[Tokens]()

    def keep() -> None:
        with given.kept_or(ended.append):
            given.keep("first", "second")
            if fails:
                raise fails

    if fails is None:
        keep()
    else:
        with pytest.raises(type(fails)):
            keep()
    assert ended == ([Tokens("second")] if fails else [])


def test_what_goes_wrong_at_abandoning_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def abandon(tokens: Tokens) -> None:
        raise ValueError(tokens.access_token)

    with (
        pytest.raises(VaultError, match="no space"),
        GivenTokens(Tokens("sesame")).kept_or(abandon),
    ):
        raise VaultError("no space is left")
    assert "not ended at its provider (ValueError)" in caplog.text
    assert "sesame" not in caplog.text
