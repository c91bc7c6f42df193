"""Telegram's side and holding as the contract suite drives them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.telegram.content import text_of
from tests.sandbox.telegram.conftest import Stage, Td

Make = Callable[..., Stage]
ALL = {"groupTypes": "private,basic,secret,supergroup"}


def record(made: Stage, td: Td, source_id: str) -> dict[str, Any]:
    """What a connector might make of an item."""
    chat, _, message = source_id.partition(":")
    if not message:
        shown = td.send("getChat", chat_id=int(chat))
        return {"sourceId": source_id, "sourceData": shown, "name": shown["title"] or "Chat"}
    shown = td.send("getMessage", chat_id=int(chat), message_id=int(message))
    return {
        "sourceId": source_id,
        "sourceData": shown,
        "type": "send" if shown["is_outgoing"] else "receive",
        "messageText": text_of(shown["content"]) or shown["content"]["@type"],
        "sentAt": datetime.fromtimestamp(shown["date"], UTC).isoformat(),
    }


@pytest.mark.parametrize("items", [0, 1, 7, 12, 22, 60])
def test_items_are_messages_and_chats_come_besides(stage: Make, items: int) -> None:
    expected = stage(items=items).holding.expected({})
    assert sum(":" in ident for ident in expected) == items
    assert len(set(expected)) == len(expected)
    if items >= 12:
        count = len(expected)
        picked = [0, 1, 2, count // 3, count // 2, -1, -2]
        assert all(":" in expected[place] for place in picked)


def test_options_say_which_chats_and_how_far_back(stage: Make) -> None:
    made = stage(items=60, newest=time.time() - 25 * 86_400)
    td = made.signed_in()
    growing = ("private", "private,basic", "private,basic,secret", ALL["groupTypes"])
    sizes = [len(made.holding.expected({"groupTypes": kinds})) for kinds in growing]
    assert sizes[0] < sizes[1] == sizes[2] < sizes[3]
    assert sizes[2] == len(made.holding.expected({}))
    recent = set(made.holding.expected({"backdate": "1"}))
    assert {i for i in made.holding.expected({}) if ":" not in i} <= recent
    found = [m for chat in td.load() for m in td.history(chat)]
    ages = {f"{m['chat_id']}:{m['id']}": time.time() - m["date"] for m in found}
    kept = [i for i in made.holding.expected({}) if ":" in i]
    assert 20 < sum(i in recent for i in kept) < 40
    assert max(ages[i] for i in kept if i in recent) < 31.1 * 86_400
    assert min(ages[i] for i in kept if i not in recent) > 27.9 * 86_400


def test_every_edit_shows_and_an_old_record_does_not_reflect_it(stage: Make) -> None:
    made = stage(items=60)
    td = made.signed_in()
    td.load()
    for source_id in made.holding.expected(ALL):
        before = record(made, td, source_id)
        assert made.holding.reflects(before), source_id
        seen = [before]
        for _ in range(2):
            made.holding.edit(source_id)
            assert not any(map(made.holding.reflects, seen)), source_id
            seen.append(record(made, td, source_id))
            assert made.holding.reflects(seen[-1]), source_id


def test_new_items_come_everywhere_and_into_an_empty_account_too(stage: Make) -> None:
    made = stage()
    added = made.holding.add(5)
    assert len({ident.partition(":")[0] for ident in added}) == 5
    made.holding.clear()
    assert made.holding.expected(ALL) == []
    assert made.signed_in().load() == []
    again = made.holding.add(2)
    expected = made.holding.expected({})
    assert set(again) < set(expected)
    assert len(expected) == 3
    td = made.signed_in()
    assert [m["id"] for m in td.history(td.load()[0])] == [
        int(ident.partition(":")[2]) for ident in reversed(again)
    ]


def test_what_is_removed_is_gone_with_all_that_is_in_it(stage: Make) -> None:
    made = stage()
    expected = made.holding.expected({})
    made.holding.remove(expected[0])
    assert made.holding.expected({}).count(expected[0]) == 0
    chat = next(ident for ident in expected if ":" not in ident)
    made.holding.remove(chat)
    left = made.holding.expected({})
    assert not any(ident.partition(":")[0] == chat for ident in left)
    # What went with its chat stays gone.
    for ident in expected:
        if ident not in left:
            made.holding.edit(ident)
            made.holding.remove(ident)
            assert not made.holding.reflects({"sourceId": ident, "name": "x"})
    assert made.holding.expected({}) == left


def test_noise_stands_at_the_head_of_the_list(stage: Make) -> None:
    made = stage()
    before = made.holding.expected({})
    idle = made.holding.idle_requests()
    made.holding.add_noise(25)
    assert made.holding.expected({}) == before
    assert made.holding.idle_requests() > idle
    td = made.signed_in()
    td.send("loadChats", limit=100)
    types = [u["chat"]["type"] for u in td.told("updateNewChat")]
    assert all(kind.get("is_channel") for kind in types)


def test_there_is_no_feed_to_lose(stage: Make) -> None:
    holding = stage().holding
    assert not holding.has_feed
    with pytest.raises(ValueError, match="too old"):
        holding.lose_feed()


def test_odd_items_come_odd_wherever_they_are_sent(stage: Make) -> None:
    made = stage(remember_sent=True)
    source_id = made.holding.expected({})[0]
    chat, message = map(int, source_id.split(":"))
    made.holding.spoil(source_id, "broken")
    td = made.signed_in()
    td.load()
    assert td.send("getChat", chat_id=chat)["last_message"]["content"] == 7
    assert td.page(chat)[0]["content"] == 7
    made.holding.spoil(source_id, None)
    shown = td.send("getMessage", chat_id=chat, message_id=message)
    assert made.holding.sent(source_id) == shown
    assert shown["content"]["@type"].startswith("message")
    assert made.holding.sent(str(chat))["@type"] == "chat"


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("401", 401, "Unauthorized"),
        ("403-scope", 403, "CHAT_FORBIDDEN"),
        ("403-daily", 429, "Too Many Requests: retry after 86400"),
        ("403-quota", 429, "Too Many Requests: retry after 1"),
        ("429", 429, "Too Many Requests: retry after 1"),
        ("429-seconds", 429, "Too Many Requests: retry after 600"),
        ("429-date", 429, "Too Many Requests: retry after 600"),
        ("500", 500, "RPC_CALL_FAIL"),
        ("503", 500, "WORKER_BUSY_TOO_LONG_RETRY"),
    ],
)
def test_a_fault_is_told_in_tdlibs_form(stage: Make, kind: str, code: int, message: str) -> None:
    made = stage()
    td = made.signed_in()
    wait = 600 if kind in ("429-seconds", "429-date") else None
    made.world.faults.add(Fault(kind, path=made.holding.path, retry_after=wait))
    told = td.post("send", request={"@type": "getMe"})
    assert told == {"@type": "error", "code": code, "message": message}
    assert td.send("getMe")["@type"] == "user"


def test_canaries_are_in_what_is_sent_and_in_what_connections_hold(stage: Make) -> None:
    made = stage()
    binlog = made.session()
    canaries = made.world.canaries()
    assert len(binlog) > 20
    assert sum(binlog in word for word in canaries) == 0
    packed = made.side.tokens(made.world.tokens.mint(0, ()))["access_token"]
    assert packed in made.world.canaries()
    td = made.signed_in()
    sent = json.dumps([m for chat in td.load() for m in td.history(chat)])
    assert sum(word in sent for word in made.store.words()) > 20


def test_the_application_that_is_known_has_a_number(stage: Make) -> None:
    made = stage()
    number, secret = made.side.client(made.world.options)
    assert made.client().open(api_id=number, api_hash=secret) == {"@type": "ok"}


def test_two_accounts_have_nothing_in_common(stage: Make) -> None:
    made = stage(accounts=2)
    ids = [set(made.side.holding(n).expected(ALL)) for n in (0, 1)]
    assert ids[0].isdisjoint(ids[1])
    assert made.side.account_id(0) != made.side.account_id(1)
