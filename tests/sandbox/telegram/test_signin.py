"""Signing in: by code to scan, by phone number, and with a two-step password."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
import requests

from sandbox.telegram.network import CODE, HINT, PASSWORD
from sandbox.telegram.signin import BANNED, FLOODED
from tests.sandbox.telegram.conftest import Stage, Td

Make = Callable[..., Stage]
OK = {"@type": "ok"}


def waiting(made: Stage) -> Td:
    td = made.client()
    td.open()
    td.told()
    return td


def refused(answer: dict[str, object]) -> tuple[object, object]:
    return answer["code"], answer["message"]


def by_phone(made: Stage, phone: str = "+999 66 20000") -> Td:
    td = waiting(made)
    assert td.send("setAuthenticationPhoneNumber", phone_number=phone) == OK
    return td


def test_phone_number_and_code_sign_in(stage: Make) -> None:
    made = stage()
    td = by_phone(made)
    state = td.told("updateAuthorizationState")[0]["authorization_state"]
    assert state["@type"] == "authorizationStateWaitCode"
    assert state["code_info"]["phone_number"] == "9996620000"
    assert state["code_info"]["type"]["@type"] == "authenticationCodeTypeTelegramMessage"
    assert td.send("checkAuthenticationCode", code=CODE) == OK
    assert td.states() == ["Ready"]
    assert str(td.send("getMe")["id"]) == made.side.account_id(0)
    assert td.binlog is not None


def test_a_new_session_opens_with_its_own_key_alone(stage: Make) -> None:
    made = stage()
    key = base64.b64encode(b"k" * 32).decode()
    td = made.client()
    td.open(database_encryption_key=key)
    td.send("setAuthenticationPhoneNumber", phone_number="9996620000")
    td.send("checkAuthenticationCode", code=CODE)
    td.binlog = None
    td.send("close")
    assert td.binlog is not None
    again = made.client()
    assert refused(again.open(td.binlog)) == (401, "Wrong database encryption key")
    assert again.states() == ["WaitTdlibParameters"]
    assert again.open(td.binlog, database_encryption_key=key) == OK
    assert again.states() == ["Ready"]


def test_a_wrong_code_may_be_tried_again(stage: Make) -> None:
    td = by_phone(stage())
    assert refused(td.send("checkAuthenticationCode", code="11111")) == (400, "PHONE_CODE_INVALID")
    assert refused(td.send("checkAuthenticationCode", code="")) == (400, "PHONE_CODE_EMPTY")
    assert td.send("checkAuthenticationCode", code=CODE) == OK


def test_a_code_that_comes_late_has_expired_and_is_sent_again_once(stage: Make) -> None:
    made = stage()
    made.side.network.code_seconds = 0.0
    td = by_phone(made)
    assert refused(td.send("checkAuthenticationCode", code=CODE)) == (400, "PHONE_CODE_EXPIRED")
    made.side.network.code_seconds = 60.0
    td.told()
    assert td.send("resendAuthenticationCode") == OK
    info = td.told("updateAuthorizationState")[0]["authorization_state"]["code_info"]
    assert "next_type" not in info
    assert td.send("resendAuthenticationCode")["code"] == 400
    assert td.send("checkAuthenticationCode", code=CODE) == OK


@pytest.mark.parametrize(
    ("phone", "code", "message"),
    [
        ("", 400, "Phone number must be non-empty"),
        ("abc", 406, "PHONE_NUMBER_INVALID"),
        ("+1 555 0100", 406, "PHONE_NUMBER_INVALID"),
        (FLOODED, 400, "PHONE_NUMBER_FLOOD"),
        (BANNED, 400, "PHONE_NUMBER_BANNED"),
    ],
)
def test_a_number_that_will_not_do_is_refused(
    stage: Make, phone: str, code: int, message: str
) -> None:
    td = waiting(stage())
    assert refused(td.send("setAuthenticationPhoneNumber", phone_number=phone)) == (code, message)
    assert td.states() == []


def test_the_second_account_has_a_password(stage: Make) -> None:
    made = stage(accounts=2)
    td = by_phone(made, "9996620001")
    td.send("checkAuthenticationCode", code=CODE)
    state = td.told("updateAuthorizationState")[-1]["authorization_state"]
    assert state["@type"] == "authorizationStateWaitPassword"
    assert state["password_hint"] == HINT
    wrong = td.send("checkAuthenticationPassword", password="guess")
    assert refused(wrong) == (400, "PASSWORD_HASH_INVALID")
    assert td.send("checkAuthenticationPassword", password=PASSWORD) == OK
    assert td.states() == ["Ready"]
    assert str(td.send("getMe")["id"]) == made.side.account_id(1)


@pytest.mark.parametrize(
    "name",
    ["checkAuthenticationCode", "checkAuthenticationPassword", "resendAuthenticationCode"],
)
def test_a_step_that_is_not_expected_is_refused(stage: Make, name: str) -> None:
    td = waiting(stage())
    assert refused(td.send(name)) == (400, f"Call to {name} unexpected")


def shown(td: Td) -> str:
    state = td.told("updateAuthorizationState")[-1]["authorization_state"]
    assert state["@type"] == "authorizationStateWaitOtherDeviceConfirmation"
    return str(state["link"])


def test_a_code_is_scanned_on_the_sandboxs_page(stage: Make) -> None:
    made = stage(accounts=2)
    td = waiting(made)
    td.send("requestQrCodeAuthentication")
    link = shown(td)
    assert re.fullmatch(r"tg://login\?token=[\w-]+", link)
    page = requests.get(f"{made.url}/scan", params={"token": link}, timeout=5).text
    assert [made.world.people[n].name in page for n in (0, 1)] == [True, True]
    form = {"token": link.partition("=")[2], "account": "0", "decision": "allow"}
    assert requests.post(f"{made.url}/scan", data=form, timeout=5).status_code == 200
    td.receive(5)
    assert str(td.send("getMe")["id"]) == made.side.account_id(0)
    assert td.binlog is not None
    # It was good for one scan.
    assert requests.post(f"{made.url}/scan", data=form, timeout=5).status_code == 400


def test_an_accounts_phone_scans_the_code_that_is_shown_last(stage: Make) -> None:
    made = stage()
    assert not made.side.scan(0)
    first, second = waiting(made), waiting(made)
    for td in (first, second):
        td.send("requestQrCodeAuthentication")
        td.told()
    assert made.side.scan(0)
    first.receive()
    second._take(second.post("receive", timeout=1))
    assert second.states() == ["Ready"]
    assert first.states() == []


def test_who_scans_and_has_a_password_is_asked_for_it(stage: Make) -> None:
    made = stage(accounts=2)
    td = waiting(made)
    td.send("requestQrCodeAuthentication")
    assert made.side.network.scan(shown(td).partition("=")[2], 1)
    td.receive()
    assert td.send("checkAuthenticationPassword", password=PASSWORD) == OK
    assert td.states() == ["Ready"]


def test_a_scan_that_is_refused_or_names_nobody_changes_nothing(stage: Make) -> None:
    made = stage()
    td = waiting(made)
    td.send("requestQrCodeAuthentication")
    link = shown(td)
    for form in ({"token": link, "decision": "deny"}, {"token": link, "account": "7"}):
        requests.post(f"{made.url}/scan", data=form, timeout=5)
    assert td.receive() == []
    unknown = requests.get(f"{made.url}/scan", params={"token": "made-up"}, timeout=5)
    assert unknown.status_code == 400


def test_a_code_is_renewed_by_itself_and_the_old_one_is_dead(stage: Make) -> None:
    made = stage()
    made.side.network.qr_seconds = 0.3
    td = waiting(made)
    td.send("requestQrCodeAuthentication")
    first = shown(td).partition("=")[2]
    td._take(td.post("receive", timeout=5))
    second = shown(td).partition("=")[2]
    assert first != second
    assert not made.side.network.scan(first, 0)
    made.side.network.qr_seconds = 60.0


def test_from_the_code_to_scan_no_way_leads_to_the_phone_number(stage: Make) -> None:
    td = waiting(stage())
    td.send("requestQrCodeAuthentication")
    answer = td.send("setAuthenticationPhoneNumber", phone_number="9996620000")
    assert refused(answer) == (400, "Call to setAuthenticationPhoneNumber unexpected")


def test_from_the_phone_number_one_can_go_to_the_code_to_scan(stage: Make) -> None:
    td = by_phone(stage())
    assert td.send("requestQrCodeAuthentication") == OK
    assert shown(td)
