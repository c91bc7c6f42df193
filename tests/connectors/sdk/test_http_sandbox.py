"""Each fault that the sandbox plays ends as an error that the engine knows what to do about."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.sdk.errors import ConnectorError, TokenExpiredError, TransientError
from connectors.sdk.http import Api, Transport, classify_by_status
from connectors.sdk.oauth import OAuth2, Tokens
from connectors.sdk.provider import ProviderConfig
from connectors.sdk.quota import Unlimited
from connectors.sdk.refresh import refresh_tokens
from sandbox.faults import (
    BODY_KINDS,
    CONNECTION_KINDS,
    ERROR_KINDS,
    GATEWAY_KINDS,
    KINDS,
    PASSING_KINDS,
    Fault,
)
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from sandbox.tokens import TokenRules

LIST = "https://api.example/gmail/v1/users/me/messages"
#: JSON, though not the object that was asked for: the handler's to refuse.
OTHER_JSON = {"list-json": [], "null-json": None, "other-json": {"status": "ok"}}
TRANSIENT = (BODY_KINDS - OTHER_JSON.keys()) | CONNECTION_KINDS | GATEWAY_KINDS | {"500", "503"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(messages=5, items=3)) as made:
        yield made


@pytest.fixture
def impatient() -> Iterator[Transport]:
    made = Transport(connect_timeout=2, read_timeout=0.5, answer_seconds=0.8, answer_megabytes=2)
    yield made
    made.close()


class Held:
    """One access token."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.token = sandbox.world.mint()["access_token"]

    def access_token(self) -> str:
        return str(self.token)

    def refresh(self, rejected: str) -> str:
        raise TokenExpiredError("connect the account again")


@pytest.fixture
def api(sandbox: RunningSandbox, impatient: Transport) -> Iterator[Callable[..., Api]]:
    def make(**changes: Any) -> Api:
        given: dict[str, Any] = {
            "tokens": Held(sandbox),
            "classify": classify_by_status,
            "budget": Unlimited(time.monotonic),
            "base_url": sandbox.url,
            "backoff": 0.01,
            "retries": 1,
        }
        return Api(impatient, **{**given, **changes})

    yield make
    sandbox.world.faults.clear()


def lay(sandbox: RunningSandbox, kind: str, **more: Any) -> None:
    sandbox.world.faults.add(Fault(kind, **{"seconds": 5, "size": 5, **more}))


def test_every_kind_is_looked_at_here() -> None:
    assert TRANSIENT | ERROR_KINDS | PASSING_KINDS | OTHER_JSON.keys() == KINDS


@pytest.mark.parametrize("kind", sorted(TRANSIENT))
def test_a_passing_fault_is_one_and_the_next_try_is_well(
    sandbox: RunningSandbox, api: Any, kind: str
) -> None:
    lay(sandbox, kind)
    made = api()
    assert len(made.json(LIST)["messages"]) == 5
    assert (made.stats.requests, made.stats.retries) == (2, 1)


@pytest.mark.parametrize("kind", sorted(TRANSIENT))
def test_a_lasting_fault_ends_soon_and_names_the_host_alone(
    sandbox: RunningSandbox, api: Any, kind: str
) -> None:
    lay(sandbox, kind, count=0)
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        api(retries=0).json(LIST, params={"q": "s3cret"})
    assert time.monotonic() - began < 3
    shown = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in str(caught.value)
    assert "users/me" not in shown.split("TransientError")[-1]


@pytest.mark.parametrize("kind", sorted(ERROR_KINDS))
def test_what_the_provider_refuses_is_an_error_of_ours(
    sandbox: RunningSandbox, api: Any, kind: str
) -> None:
    lay(sandbox, kind, count=0, retry_after=0.1)
    with pytest.raises(ConnectorError):
        api(wait=lambda _: None).json(LIST)


@pytest.mark.parametrize("kind", sorted(OTHER_JSON))
def test_json_of_another_kind_is_handed_on_as_it_is(
    sandbox: RunningSandbox, api: Any, kind: str
) -> None:
    lay(sandbox, kind)
    assert api().json(LIST) == OTHER_JSON[kind]


def settled(call: Callable[[], Any]) -> Any:
    """What a call gives; tried again where the connection that a fault broke is met once more."""
    try:
        return call()
    except TransientError:
        return call()


def test_bytes_left_behind_an_answer_do_not_become_the_next_one(
    sandbox: RunningSandbox, impatient: Transport
) -> None:
    lay(sandbox, "wrong-length-less", path=".")
    first = impatient.send("GET", f"{sandbox.url}/gmail/v1/users/me/profile")
    with pytest.raises(TransientError):
        first.json()
    headers = {"Authorization": f"Bearer {Held(sandbox).token}"}
    url = f"{sandbox.url}/gmail/v1/users/me/profile"
    answer = settled(lambda: impatient.send("GET", url, headers=headers))
    assert answer.json()["messagesTotal"] == 5


def test_a_certificate_that_is_not_good_is_a_passing_fault(
    sandbox: RunningSandbox, impatient: Transport
) -> None:
    with pytest.raises(TransientError, match=r"^127\.0\.0\.1 did not answer \(SSLError\)$"):
        impatient.send("GET", f"{sandbox.tls_url}/x?token=s3cret")


def test_a_host_that_refuses_for_a_while_is_reached_again(api: Any) -> None:
    with running(SandboxOptions(messages=5)) as other:
        assert other.world.listening is not None
        other.world.listening.refuse(0.5)
        time.sleep(0.2)
        made = api(base_url=other.url, tokens=Held(other), retries=8, backoff=0.05)
        assert len(made.json(LIST)["messages"]) == 5
        assert made.stats.retries >= 1


# Renewing the access


@pytest.fixture
def renew(impatient: Transport) -> Iterator[Callable[..., Any]]:
    """A sandbox with rules of its own; renews the tokens given, the first of its own otherwise."""
    with running(SandboxOptions(messages=0, items=0)) as made:
        oauth = OAuth2("https://acme.example/authorize", "https://acme.example/token")
        config = ProviderConfig(
            client_id=made.world.options.client_id,
            client_secret=SecretStr(made.world.options.client_secret),
            base_url=made.url,
        )
        first = Tokens.from_json(made.world.mint())

        def renew(kind: str | None = None, old: Tokens = first, **rules: Any) -> Tokens:
            made.world.tokens.rules = replace(TokenRules(), **rules)
            if kind is not None:
                lay(made, kind, path="/token$")
            return refresh_tokens(impatient, oauth, config, old, time.time())

        yield renew


@pytest.mark.parametrize("kind", sorted(TRANSIENT | OTHER_JSON.keys() | {"429", "lost-refresh"}))
def test_a_token_endpoint_that_fails_ends_no_access(renew: Any, kind: str) -> None:
    with pytest.raises(TransientError):
        renew(kind)
    assert settled(renew).access_token


@pytest.mark.parametrize("kind", ["401", "403-quota", "403-scope"])
def test_a_refusal_that_is_not_of_the_refresh_token_ends_no_access(renew: Any, kind: str) -> None:
    with pytest.raises(TransientError):
        renew(kind)
    assert settled(renew).access_token


def test_a_lost_answer_ends_the_access_where_tokens_rotate_strictly(renew: Any) -> None:
    with pytest.raises(TransientError):
        renew("lost-refresh", rotate=True)
    with pytest.raises(TokenExpiredError, match="connect"):
        renew(rotate=True)


@pytest.mark.parametrize("grace", [{"grace_uses": 1}, {"grace_seconds": 30}])
def test_a_lost_answer_is_mended_where_the_old_token_has_a_grace(
    renew: Any, grace: dict[str, Any]
) -> None:
    with pytest.raises(TransientError):
        renew("lost-refresh", rotate=True, **grace)
    second = renew(rotate=True, **grace)
    assert renew(old=second, rotate=True, **grace).refresh_token != second.refresh_token


def test_a_rotated_token_is_taken_over(renew: Any) -> None:
    tokens = renew(rotate=True)
    for _ in range(3):
        newer = renew(old=tokens, rotate=True)
        assert newer.refresh_token != tokens.refresh_token
        tokens = newer


def test_threads_have_deadlines_of_their_own(sandbox: RunningSandbox, api: Any) -> None:
    lay(sandbox, "slow-drip", path="/profile$")
    made, found = api(retries=0), []

    def slow() -> None:
        with pytest.raises(TransientError):
            made.json("https://api.example/gmail/v1/users/me/profile")
        found.append("cut")

    thread = threading.Thread(target=slow)
    thread.start()
    began = time.monotonic()
    while thread.is_alive():
        assert made.json(LIST)
        assert time.monotonic() - began < 5
        time.sleep(0.05)
    thread.join()
    assert found == ["cut"]
