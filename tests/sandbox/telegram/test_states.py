"""A client's states, as measured of tdjson 1.8.69 without a network, and who may call what when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.telegram.conftest import Stage

Make = Callable[..., Stage]
OK = {"@type": "ok"}
ANEW = ("getMe", "loadChats", "getChat", "getChatHistory", "getMessages", "getUser")


def error(code: int, message: str) -> dict[str, Any]:
    return {"@type": "error", "code": code, "message": message}


def test_a_client_begins_by_asking_for_parameters(stage: Make) -> None:
    td = stage().client()
    assert td.receive() == []
    refused = td.send("getMe")
    needed = "Initialization parameters are needed: call setTdlibParameters first"
    assert refused == error(400, needed)
    assert [given["@type"] for given in td.told()] == [
        "updateOption", "updateOption", "updateAuthorizationState",
    ]  # fmt: skip
    state = {"@type": "authorizationStateWaitTdlibParameters"}
    assert td.send("getAuthorizationState") == state
    version = {"@type": "optionValueString", "value": "1.8.69"}
    assert td.send("getOption", name="version") == version
    assert td.send("getOption", name="none") == {"@type": "optionValueEmpty"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("api_id", 0, "Valid api_id must be provided. Can be obtained at https://my.telegram.org"),
        ("api_hash", "", "Valid api_hash must be provided."),
        ("device_model", "", "Device model must be non-empty"),
        ("system_language_code", "", "System language code must be non-empty"),
        ("application_version", "", "Application version must be non-empty"),
        ("use_secret_chats", True, "The sandbox does not play use_secret_chats"),
        ("use_message_database", True, "The sandbox does not play use_message_database"),
    ],
)
def test_parameters_that_will_not_do_are_refused(
    stage: Make, field: str, value: Any, message: str
) -> None:
    td = stage().client()
    refused = td.open(**{field: value})
    assert refused["code"] == 400
    assert refused["message"].startswith(message)
    assert td.states() == ["WaitTdlibParameters"]
    assert td.open() == OK
    assert td.states() == ["WaitPhoneNumber"]
    assert td.open() == error(400, "Unexpected setTdlibParameters")


def test_options_set_before_the_parameters_are_answered_after_them(stage: Make) -> None:
    td = stage().client()
    wanted = {
        "@type": "setOption",
        "name": "online",
        "value": {"@type": "optionValueBoolean", "value": False},
        "@extra": "early",
    }
    given = td.post("send", request=wanted)["objects"]
    assert "early" not in [one.get("@extra") for one in given]
    td.open()
    assert td.told()[-1] == {"@type": "ok", "@extra": "early"}
    value = {"@type": "optionValueBoolean", "value": False}
    assert td.send("getOption", name="online") == value


@pytest.mark.parametrize("name", ANEW)
def test_nothing_can_be_read_before_one_is_signed_in(stage: Make, name: str) -> None:
    td = stage().client()
    td.open()
    assert td.send(name, chat_id=1, limit=1) == error(401, "Unauthorized")
    assert td.send("setNetworkType", type={"@type": "networkTypeNone"}) == OK


def test_a_client_that_is_closed_answers_nothing_more(stage: Make) -> None:
    td = stage().client()
    td.open()
    td.told()
    answer = td.post("send", request={"@type": "close", "@extra": 1})
    kinds = [one.get("authorization_state", one)["@type"] for one in answer["objects"]]
    assert kinds == ["ok", "authorizationStateClosing", "authorizationStateClosed"]
    assert answer["binlog"] is None
    assert td.send("getMe") == error(500, "Request aborted")
    assert td.receive(5) == []


def test_logging_out_ends_the_session(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    td = made.client()
    td.open(binlog)
    td.told()
    answer = td.post("send", request={"@type": "logOut"})
    kinds = [one.get("authorization_state", one)["@type"] for one in answer["objects"]]
    assert kinds == ["authorizationStateLoggingOut", "ok", "authorizationStateClosed"]
    assert answer["binlog"] is None
    again = made.client()
    assert again.open(binlog) == OK
    assert again.send("getMe") == error(401, "Unauthorized")


def test_execute_answers_what_needs_no_client(stage: Make) -> None:
    url = f"{stage().url}/td/execute"

    def run(**wanted: Any) -> dict[str, Any]:
        return dict(requests.post(url, json={"request": wanted}, timeout=5).json()["object"])

    quiet = {"@type": "logStreamEmpty"}
    assert run(**{"@type": "setLogStream", "log_stream": quiet, "@extra": 1}) == {**OK, "@extra": 1}
    assert run(**{"@type": "setLogVerbosityLevel", "new_verbosity_level": 1}) == OK
    refused = error(400, "The method can't be executed synchronously")
    assert run(**{"@type": "getMe"}) == refused
    assert run(**{"@type": "zz"})["message"].endswith('Unknown class "zz"')


def test_a_body_that_names_no_client_or_request_is_refused_by_http(stage: Make) -> None:
    url = stage().url
    for verb, body in (
        ("send", {"request": {"@type": "close"}}),
        ("send", {"client": "a"}),
        ("send", {"client": "a", "request": {}, "binlog": 7}),
        ("receive", {"client": "a", "timeout": "long"}),
        ("receive", {}),
    ):
        assert requests.post(f"{url}/td/{verb}", json=body, timeout=5).status_code == 400


def test_calls_are_counted_with_what_was_refused(stage: Make) -> None:
    made = stage()
    td = made.signed_in()
    td.send("viewMessages", chat_id=1)
    counted = made.world.stats.to_json()
    assert counted["calls"] == {"telegram.setTdlibParameters": 1, "telegram.malformed": 1}
    assert counted["refused"] == {"The sandbox does not play viewMessages": 1}
    assert counted["total"] == 2
