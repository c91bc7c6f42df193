"""Signing in, step by step, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sdk.errors import ConnectorError, RateLimitedError
from connectors.sdk.http import Transport
from connectors.sdk.oauth import Tokens
from connectors.sdk.signin import NotAcceptedError, SignIn, Step
from connectors.telegram.errors import SIGNED_OUT
from connectors.telegram.session import Session
from sandbox.faults import Fault
from sandbox.telegram import network, signin
from sandbox.telegram.users import phone_of
from tests.connectors.telegram.conftest import Bench, Start

LATER = 24 * 3600


@pytest.fixture
def bench(start: Start) -> Bench:
    return start(accounts=3)


@pytest.fixture
def steps(bench: Bench) -> Iterator[SignIn]:
    transport = Transport()
    with bench.provider.sign_in(transport) as made:
        yield made
    transport.close()


def to_code(steps: SignIn, account: int = 0) -> Step:
    """Go by phone number up to the code."""
    steps.step()
    steps.choose("phone")
    assert steps.step().kind == "phone"
    steps.answer(f"+{phone_of(account)}")
    return steps.step()


def account_of(bench: Bench, steps: SignIn) -> str:
    """Finish, and ask whose account it is with what a connection then holds."""
    assert steps.step().kind == "done"
    bench.held.token = steps.finish().access_token
    bench.make_api()
    return bench.provider.account(bench.api).id


def scan(bench: Bench, steps: SignIn, account: int = 0) -> None:
    link = steps.step().link
    assert link is not None
    assert link.startswith("tg://login?token=")
    assert bench.side.network.scan(link.partition("=")[2], account)


def test_a_code_that_is_scanned_signs_in(bench: Bench, steps: SignIn) -> None:
    first = steps.step()
    assert (first.kind, first.ways) == ("scan", ("phone",))
    scan(bench, steps, 2)
    assert account_of(bench, steps) == bench.side.account_id(2)


def test_the_code_to_scan_is_renewed(bench: Bench, steps: SignIn) -> None:
    bench.side.network.qr_seconds = 0.0
    assert steps.step().link != steps.step().link


def test_phone_number_and_code_sign_in(bench: Bench, steps: SignIn) -> None:
    code = to_code(steps)
    assert code.kind == "code"
    assert "app" in code.text
    steps.answer(f" {network.CODE[:2]}-{network.CODE[2:]} ")
    assert account_of(bench, steps) == bench.side.account_id(0)


@pytest.mark.parametrize("way", ["scan", "phone"])
def test_a_two_step_password_is_asked_for_with_its_hint(
    bench: Bench, steps: SignIn, way: str
) -> None:
    if way == "scan":
        scan(bench, steps, 1)
    else:
        to_code(steps, 1)
        steps.answer(network.CODE)
    step = steps.step()
    assert step.kind == "password"
    assert network.HINT in step.text
    with pytest.raises(NotAcceptedError, match=rf"password is wrong.*{network.HINT}"):
        steps.answer("guess")
    assert steps.step().kind == "password"
    steps.answer(network.PASSWORD)
    assert account_of(bench, steps) == bench.side.account_id(1)


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        ("+123", NotAcceptedError, "does not know this phone number"),
        ("", NotAcceptedError, "Give the phone number"),
        (signin.FLOODED, RateLimitedError, "Try again tomorrow"),
        (signin.BANNED, ConnectorError, "has banned"),
    ],
)
def test_a_phone_number_that_is_refused_is_told_why(
    steps: SignIn, number: str, error: type[ConnectorError], words: str
) -> None:
    steps.step()
    steps.choose("phone")
    with pytest.raises(error, match=words) as refused:
        steps.answer(number)
    assert type(refused.value) is error
    assert steps.step().kind == "phone"


def test_a_wrong_code_may_be_typed_again(bench: Bench, steps: SignIn) -> None:
    to_code(steps)
    with pytest.raises(NotAcceptedError, match="wrong"):
        steps.answer("00000")
    steps.answer(network.CODE)
    assert steps.step().kind == "done"


def test_a_code_that_has_ended_says_why_and_another_can_be_sent(
    bench: Bench, steps: SignIn
) -> None:
    bench.side.network.code_seconds = -1.0
    step = to_code(steps)
    with pytest.raises(NotAcceptedError, match="sent on in a Telegram message"):
        steps.answer(network.CODE)
    bench.side.network.code_seconds = 300.0
    assert "code" in step.ways
    steps.choose("code")
    steps.answer(network.CODE)
    assert steps.step().kind == "done"


def test_another_number_can_be_given_in_place_of_a_code(bench: Bench, steps: SignIn) -> None:
    to_code(steps, 2)
    steps.choose("phone")
    assert steps.step().kind == "phone"
    steps.answer(phone_of(0))
    steps.answer(network.CODE)
    assert account_of(bench, steps) == bench.side.account_id(0)


def test_from_a_code_to_type_there_is_a_way_back_to_one_to_scan(
    bench: Bench, steps: SignIn
) -> None:
    to_code(steps)
    steps.choose("scan")
    scan(bench, steps)
    assert steps.step().kind == "done"


def test_a_way_that_is_not_there_is_not_taken(steps: SignIn) -> None:
    steps.step()
    with pytest.raises(NotAcceptedError, match="no such way"):
        steps.choose("password")
    with pytest.raises(NotAcceptedError, match="nothing to type"):
        steps.answer("12345")


def test_too_many_tries_say_how_long_to_wait(bench: Bench, steps: SignIn) -> None:
    to_code(steps)
    fault = Fault("429-seconds", path="/td/send", retry_after=7200)
    bench.sandbox.world.faults.add(fault)
    with pytest.raises(RateLimitedError, match="Try again in 2 hours") as wait:
        steps.answer(network.CODE)
    assert wait.value.retry_after == 7200


def test_a_sign_in_that_is_given_up_leaves_no_session_behind(bench: Bench) -> None:
    transport = Transport()
    tokens = bench.sandbox.world.tokens
    steps = bench.provider.sign_in(transport)
    to_code(steps)
    before = set(tokens.all_given())
    steps.answer(network.CODE)
    assert steps.step().kind == "done"
    (begun,) = set(tokens.all_given()) - before
    assert bench.side.network.account_of(begun) == 0
    steps.close()
    steps.close()
    assert bench.side.network.account_of(begun) is None
    with pytest.raises(ConnectorError, match="Begin again"):
        steps.step()
    transport.close()


def test_a_session_that_nobody_keeps_is_ended(bench: Bench) -> None:
    transport = Transport()
    tokens = bench.sandbox.world.tokens
    before = set(tokens.all_given())
    steps = bench.provider.sign_in(transport)
    scan(bench, steps)
    assert steps.step().kind == "done"
    given = steps.finish()
    steps.close()
    (begun,) = set(tokens.all_given()) - before
    assert bench.side.network.account_of(begun) == 0
    steps.abandon(given)
    assert bench.side.network.account_of(begun) is None
    # Neither that it has ended already nor that Telegram is away is anybody's trouble.
    steps.abandon(given)
    bench.sandbox.world.faults.add(Fault("reset", path="/td/", count=0))
    steps.abandon(given)
    bench.sandbox.world.faults.clear()
    steps.abandon(Tokens("no session"))
    transport.close()


def test_a_sign_in_that_is_not_done_cannot_be_finished(steps: SignIn) -> None:
    steps.step()
    with pytest.raises(ConnectorError, match="not done"):
        steps.finish()


def test_a_session_that_was_signed_in_holds_its_own_key(bench: Bench, steps: SignIn) -> None:
    scan(bench, steps)
    assert steps.step().kind == "done"
    tokens = steps.finish()
    assert tokens.refresh_token is None
    assert tokens.expires_at is None
    session = Session.unpacked(tokens.access_token)
    assert len(session.key) == 32
    assert session.key != network.MINTED_KEY
    assert list(session.files) == ["td.binlog"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"@type": "authorizationStateWaitRegistration"}, "no Telegram account"),
        ({"@type": "authorizationStateWaitEmailAddress"}, "e-mail address"),
        ({"@type": "authorizationStateWaitEmailCode"}, "Scan the code instead"),
        ({"@type": "authorizationStateWaitPremiumPurchase"}, "Scan the code instead"),
        ({"@type": "authorizationStateLoggingOut"}, "Begin again"),
        ({"@type": "authorizationStateOfTheFuture"}, "Begin again"),
    ],
)
def test_where_it_cannot_go_on_it_says_what_to_do(
    steps: Any, state: dict[str, str], words: str
) -> None:
    steps._client.state = state
    with pytest.raises(ConnectorError, match=words):
        steps.step()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Sms", "by SMS"),
        ("Fragment", "fragment.com"),
        ("MissedCall", "end of the number"),
        ("OfTheFuture", "has sent a code."),
    ],
)
def test_where_the_code_went_is_told(steps: Any, kind: str, words: str) -> None:
    info = {"type": {"@type": f"authenticationCodeType{kind}"}}
    steps._client.state = {"@type": "authorizationStateWaitCode", "code_info": info}
    step = steps.step()
    assert words in step.text
    assert step.ways == ("phone", "scan")


def test_telegram_that_cannot_be_reached_is_said_plainly(bench: Bench, steps: SignIn) -> None:
    bench.sandbox.world.faults.add(Fault("reset", path="/td/", count=0))
    with pytest.raises(ConnectorError, match="cannot be reached") as error:
        steps.step()
    assert SIGNED_OUT not in str(error.value)
    bench.sandbox.world.faults.clear()
