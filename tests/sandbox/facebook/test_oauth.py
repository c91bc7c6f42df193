from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

if TYPE_CHECKING:
    from conftest import Party

HERE = "http://127.0.0.1:5021/back"


def asked(party: Party, **values: Any) -> dict[str, Any]:
    options = party.sandbox.world.options
    base = {"client_id": options.client_id, "redirect_uri": HERE, "state": "s1"}
    return {**base, "scope": "public_profile,user_likes", **values}


def decided(party: Party, **values: Any) -> dict[str, list[str]]:
    form = {**asked(party), "decision": "allow", "granted": ["user_likes"], **values}
    answer = requests.post(
        f"{party.url}/dialog/oauth", data=form, allow_redirects=False, timeout=10
    )
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(party: Party, method: str = "POST", **values: Any) -> tuple[int, Any]:
    options = party.sandbox.world.options
    form = {"client_id": options.client_id, "client_secret": options.client_secret, **values}
    where = {"params": form} if method == "GET" else {"data": form}
    answer = requests.request(method, f"{party.url}/oauth/access_token", timeout=10, **where)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_code_brings_a_token_and_that_one_a_lasting_one(party: Party, method: str) -> None:
    code = decided(party)["code"][0]
    status, short = exchange(party, method, code=code, redirect_uri=HERE)
    assert status == 200
    assert set(short) == {"access_token", "token_type", "expires_in"}
    assert short["expires_in"] <= 2 * 3600
    status, long = exchange(
        party, method, grant_type="fb_exchange_token", fb_exchange_token=short["access_token"]
    )
    assert (status, long["expires_in"], long["token_type"]) == (200, 5_183_944, "bearer")
    party.token = long["access_token"]
    assert party.get("me/permissions")["data"][1] == {
        "permission": "user_likes",
        "status": "granted",
    }


def test_a_declined_permission_is_left_out_and_the_basic_one_never_is(party: Party) -> None:
    code = decided(party, granted=[])["code"][0]
    _, given = exchange(party, code=code, redirect_uri=HERE)
    party.token = given["access_token"]
    assert [p["status"] for p in party.get("me/permissions")["data"]] == [
        "granted",
        "declined",
        "declined",
    ]


def test_a_refusal_goes_back_with_its_reason(party: Party) -> None:
    back = decided(party, decision="deny")
    assert back["error"] == ["access_denied"]
    assert back["error_reason"] == ["user_denied"]
    assert back["state"] == ["s1"]


@pytest.mark.parametrize(
    ("values", "code", "subcode"),
    [
        ({"client_secret": "wrong"}, 1, None),
        ({"client_id": "1"}, 101, None),
        ({"redirect_uri": "http://127.0.0.1:5021/other"}, 100, 36008),
        ({"code": "unknown"}, 100, 36009),
        ({"grant_type": "fb_exchange_token", "fb_exchange_token": "ended"}, 190, 463),
        ({"grant_type": "refresh_token"}, 100, None),
    ],
)
def test_the_token_endpoint_refuses_in_facebooks_form(
    party: Party, values: dict[str, str], code: int, subcode: int | None
) -> None:
    given = {"code": decided(party)["code"][0], "redirect_uri": HERE, **values}
    status, answer = exchange(party, **given)
    assert status == 400
    assert (answer["error"]["code"], answer["error"].get("error_subcode")) == (code, subcode)


@pytest.mark.parametrize(
    "values",
    [{"client_id": "1"}, {"redirect_uri": "https://else.example/"}, {"scope": "user_friends"}],
)
def test_the_dialog_shows_what_is_wrong(party: Party, values: dict[str, str]) -> None:
    answer = requests.get(f"{party.url}/dialog/oauth", params=asked(party, **values), timeout=10)
    assert answer.status_code == 400
    assert requests.get(f"{party.url}/dialog/oauth", params=asked(party), timeout=10).ok
