"""What the sandbox says to malformed requests, as measured of tdjson 1.8.69 without a network."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.telegram.parse import NOT_PLAYED, REQUESTS, TdError, read

_INTEGER = 'Can\'t parse as an integer string "{}"'.format


def _history(**fields: Any) -> dict[str, Any]:
    return {"@type": "getChatHistory", **fields}


def _phone(settings: Any) -> dict[str, Any]:
    return {"@type": "setAuthenticationPhoneNumber", "settings": settings}


def _key(value: Any) -> dict[str, Any]:
    return {"@type": "setTdlibParameters", "database_encryption_key": value}


def _chats(chat_list: Any) -> dict[str, Any]:
    return {"@type": "loadChats", "chat_list": chat_list}


MALFORMED = [
    ({}, 'Can\'t find field "@type"'),
    ({"@type": "noSuchThing"}, 'Unknown class "noSuchThing"'),
    ({"@type": "message"}, 'Unknown class "message"'),
    ({"@type": 7}, "Unknown constructor 0x00000007"),
    ({"@type": None}, "Expected String or Integer, but receive Null"),
    (_history(limit="ten"), _INTEGER("ten")),
    (_history(limit=""), _INTEGER("")),
    (_history(limit=1.5), _INTEGER("1.5")),
    (_history(limit=2**40), _INTEGER(2**40)),
    (_history(limit=True), "Expected Number, but receive Boolean"),
    (_history(limit=[["x"]]), "Expected Number, but receive Array"),
    (_history(chat_id=True), "Expected String or Number, but receive Boolean"),
    (_history(chat_id={}), "Expected String or Number, but receive Object"),
    (_history(chat_id=2**70), _INTEGER(2**70)),
    (_history(chat_id=1.0), _INTEGER("1.0")),
    (_history(only_local="true"), "Expected Boolean, but receive String"),
    (_history(only_local=[]), "Expected Boolean, but receive Array"),
    ({"@type": "getMessages", "message_ids": 1}, "Expected Array, but receive Number"),
    ({"@type": "getMessages", "message_ids": ["ten"]}, _INTEGER("ten")),
    (_chats("x"), "Expected Object, but receive String"),
    (_chats({}), 'Can\'t find field "@type"'),
    (_chats({"@type": "chatListFoo"}), 'Unknown class "chatListFoo"'),
    (_chats({"@type": "chatListFolder", "chat_folder_id": "x"}), _INTEGER("x")),
    ({"@type": "setAuthenticationPhoneNumber", "phone_number": 1}, "Expected String, but receive Number"),
    (_phone([]), "Expected Object, but receive Array"),
    (_phone({"allow_flash_call": "x"}), "Expected Boolean, but receive String"),
    (_key("a"), "Wrong padding length"),
    (_key("!!!!"), "Wrong character in the string"),
    (_key(1), "Expected String, but receive Number"),
]  # fmt: skip

LET_PASS = [
    _history(limit="10", chat_id="10"),
    _history(limit=None, chat_id=None, only_local=None),
    _history(only_local=1, a_field_of_the_future=[["x"]]),
    {"@type": "getMessages", "message_ids": [1, "2", None]},
    _chats(None),
    _phone({"@type": "whatever", "allow_flash_call": True}),
    _phone(None),
    _key(None),
]


@pytest.mark.parametrize(("request_", "words"), MALFORMED, ids=lambda value: str(value)[:60])
def test_a_malformed_request_is_refused_in_tdlibs_words(
    request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(TdError) as caught:
        read(request_)
    assert (caught.value.code, caught.value.message) == (
        400,
        f"Failed to parse JSON object as TDLib request: {words}",
    )


@pytest.mark.parametrize("request_", LET_PASS, ids=lambda value: str(value)[:60])
def test_what_tdlib_lets_pass_is_let_pass(request_: dict[str, Any]) -> None:
    name, fields = read(request_)
    assert name == request_["@type"]
    assert fields.keys() == REQUESTS[name].keys()


def test_what_is_missing_is_nothing() -> None:
    assert read(_history(chat_id="7"))[1] == {
        "chat_id": 7,
        "from_message_id": 0,
        "offset": 0,
        "limit": 0,
        "only_local": False,
    }


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(TdError, match=r"^Expected a JSON object$"):
        read([])


@pytest.mark.parametrize("name", sorted(NOT_PLAYED))
def test_what_is_not_played_is_refused_by_name(name: str) -> None:
    with pytest.raises(TdError, match=f"^The sandbox does not play {name}$"):
        read({"@type": name})
