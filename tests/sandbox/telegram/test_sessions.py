"""Sessions: opened, ended, opened twice, and not sessions at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.tokens import TokenRules
from tests.sandbox.telegram.conftest import Stage

Make = Callable[..., Stage]
OK = {"@type": "ok"}


def error(code: int, message: str) -> dict[str, Any]:
    return {"@type": "error", "code": code, "message": message}


def test_a_minted_session_is_signed_in(stage: Make) -> None:
    made = stage(accounts=2)
    td = made.client()
    binlog = made.session(1)
    assert td.open(binlog) == OK
    assert td.states() == ["WaitTdlibParameters", "Ready"]
    assert str(td.send("getMe")["id"]) == made.side.account_id(1)
    td.send("close")
    # The same session, and another text each time, as TDLib's own file.
    assert td.binlog != binlog
    assert base64.b64decode(td.binlog).startswith(base64.b64decode(binlog))


def test_a_session_lasts_when_refresh_tokens_rotate_and_access_tokens_expire(stage: Make) -> None:
    made = stage(token_rules=TokenRules(rotate=True))
    binlog = made.session()
    made.world.tokens.expire_access()
    for _ in range(3):
        td = made.client()
        td.open(binlog)
        assert td.send("getMe")["@type"] == "user"
        td.send("close")


@pytest.mark.parametrize("content", [b"", b"not a session", b"\xff\x00"])
def test_a_file_that_is_no_session_is_no_error_and_not_signed_in(
    stage: Make, content: bytes
) -> None:
    td = stage().client()
    assert td.open(base64.b64encode(content).decode()) == OK
    assert td.states()[-1] == "WaitPhoneNumber"


def test_a_session_that_was_ended_is_found_out_at_the_next_request(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    live = made.client()
    live.open(binlog)
    made.world.tokens.revoke_refresh(0)
    late = made.client()
    late.open(binlog)
    for td in (live, late):
        assert td.states()[-1] == "Ready"
        assert td.send("loadChats", limit=1) == error(401, "Unauthorized")
        assert td.states() == ["LoggingOut", "Closed"]
        assert td.send("getMe") == error(500, "Request aborted")
        assert td.binlog is None


def test_of_one_account_several_sessions_may_be_open(stage: Make) -> None:
    made = stage()
    clients = [made.signed_in() for _ in range(3)]
    assert [td.send("getMe")["@type"] for td in clients] == ["user"] * 3
    assert made.side.network.duplicates == 0


def test_a_client_that_was_killed_does_not_stand_in_the_next_ones_way(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    for _ in range(3):
        td = made.client()
        td.open(binlog)
        assert td.send("getMe")["@type"] == "user"
    assert made.side.network.duplicates == 0


def test_who_was_replaced_and_closes_takes_the_session_from_nobody(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    first, second = made.client(), made.client()
    first.open(binlog)
    second.open(binlog)
    assert first.send("close")["@type"] == "ok"
    assert first.states()[-1] == "Closed"
    assert second.send("getMe")["@type"] == "user"
    assert made.side.network.duplicates == 0


def test_two_that_have_one_session_open_both_lose_it(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    first, second = made.client(), made.client()
    first.open(binlog)
    second.open(binlog)
    assert second.send("getMe")["@type"] == "user"
    assert first.send("getMe") == error(406, "AUTH_KEY_DUPLICATED")
    assert made.side.network.duplicates == 1
    assert second.send("getMe") == error(406, "AUTH_KEY_DUPLICATED")
    for td in (first, second):
        kinds = [given["@type"] for given in td.updates]
        assert "updateServiceNotification" in kinds
        assert td.states()[-2:] == ["LoggingOut", "Closed"]
        assert td.send("getMe") == error(500, "Request aborted")
    third = made.client()
    third.open(binlog)
    assert third.send("getMe") == error(401, "Unauthorized")


def test_two_that_take_turns_do_not_meet(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    for _ in range(2):
        td = made.client()
        td.open(binlog)
        td.send("close")
        binlog = td.binlog or ""
    assert made.side.network.duplicates == 0
