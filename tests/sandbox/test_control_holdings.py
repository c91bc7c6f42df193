"""Holdings as another process reaches them, and hundreds of accounts."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from sandbox.holding import Holding
from sandbox.options import SandboxOptions
from sandbox.world import World

HANDLERS = (
    "gmail", "calendar-event", "google-drive-document", "youtube-following", "youtube-favourite",
    "youtube-post",
)  # fmt: skip


class Held:
    """One holding over HTTP."""

    def __init__(self, sandbox: Any, handler: str, account: int = 0) -> None:
        self.url = f"{sandbox.url}/_sandbox/holdings/google/{account}/{handler}"
        self.real: Holding = sandbox.world.sides["google"].holdings(account)[handler]

    def get(self, path: str = "", **params: Any) -> Any:
        return requests.get(self.url + path, params=params, timeout=10).json()

    def do(self, verb: str, **body: Any) -> requests.Response:
        return requests.post(self.url, json={"do": verb, **body}, timeout=10)


@pytest.mark.parametrize("handler", HANDLERS)
def test_it_tells_what_a_sync_must_keep(start: Any, handler: str) -> None:
    held = Held(start(), handler)
    told = held.get()
    assert told["expected"] == held.real.expected({})
    assert told["has_noise"] == held.real.has_noise
    assert told["idle_requests"] == held.real.idle_requests()


@pytest.mark.parametrize("handler", HANDLERS)
def test_items_are_added_edited_and_removed(start: Any, handler: str) -> None:
    held = Held(start(), handler)
    before = held.get()["expected"]
    added = held.do("add", count=2).json()["ids"]
    assert set(held.get()["expected"]) == {*before, *added}
    assert len(held.do("edit", count=3).json()["ids"]) == 3
    assert held.do("edit", ids=added).json()["ids"] == added
    gone = held.do("remove", ids=added[:1]).json()["ids"]
    assert set(held.get()["expected"]) == {*before, *added} - set(gone)
    assert held.do("clear").ok
    assert held.get()["expected"] == []


def test_the_options_of_the_handler_count(start: Any) -> None:
    held = Held(start(messages=2000), "gmail")
    assert 0 < len(held.get(backdate="6")["expected"]) < len(held.get()["expected"])


def test_a_lost_feed_is_lost(start: Any) -> None:
    sandbox = start()
    held = Held(sandbox, "gmail")
    headers = {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}
    users = f"{sandbox.url}/gmail/v1/users/me"
    now = requests.get(f"{users}/profile", headers=headers, timeout=10).json()["historyId"]
    url = f"{users}/history?startHistoryId={now}"
    assert requests.get(url, headers=headers, timeout=10).ok
    assert held.do("lose_feed").ok
    assert requests.get(url, headers=headers, timeout=10).status_code == 404


def test_noise_comes_where_there_is_some(start: Any) -> None:
    sandbox = start()
    drive = Held(sandbox, "google-drive-document")
    before = drive.get()["expected"]
    assert drive.do("add_noise", count=3).ok
    assert drive.get()["expected"] == before
    assert Held(sandbox, "gmail").do("add_noise").status_code == 400


def test_what_was_sent_and_what_is_stale_can_be_asked_for(start: Any) -> None:
    sandbox = start(remember_sent=True)
    held = Held(sandbox, "youtube-favourite")
    headers = {"Authorization": f"Bearer {sandbox.world.mint()['access_token']}"}
    [ident] = held.do("spoil", **{"as": "unknown"}).json()["ids"]
    url = f"{sandbox.url}/youtube/v3/videos?myRating=like&part=snippet&maxResults=50"
    requests.get(url, headers=headers, timeout=10)
    sent = held.get(f"/sent/{ident}")["sent"]
    assert sent["aFieldOfTheFuture"]
    record = {"sourceId": ident, "name": sent["snippet"]["title"]}
    assert held.do("compare", records=[record]).json() == {"stale": []}
    held.do("edit", ids=[ident])
    assert held.do("compare", records=[record]).json() == {"stale": [ident]}
    assert held.do("spoil", ids=[ident]).ok


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [("fly", {}, 400), ("edit", {"ids": ["none"]}, 404), ("spoil", {"as": "blue"}, 400)],
)
def test_what_makes_no_sense_is_refused(start: Any, verb: str, body: Any, status: int) -> None:
    assert Held(start(), "gmail").do(verb, **body).status_code == status


def test_what_is_not_there_is_not_found(start: Any) -> None:
    sandbox = start()
    for path in ("none/0/gmail", "google/7/gmail", "google/0/none"):
        url = f"{sandbox.url}/_sandbox/holdings/{path}"
        assert requests.get(url, timeout=10).status_code == 404


def test_hundreds_of_accounts_cost_nothing_until_they_are_used() -> None:
    began = time.process_time()
    world = World(SandboxOptions(accounts=1000))
    assert time.process_time() - began < 2
    assert len({person.email for person in world.people}) == 1000
    assert len(world.mailbox(999).ids()) == 200


def test_tokens_of_many_accounts_come_at_once(start: Any) -> None:
    sandbox = start(accounts=300)
    url = f"{sandbox.url}/_sandbox/tokens"
    tokens = requests.post(url, json={"accounts": 300}, timeout=10).json()
    for number in (0, 7, 299):
        headers = {"Authorization": f"Bearer {tokens[number]['access_token']}"}
        profile = f"{sandbox.url}/gmail/v1/users/me/profile"
        told = requests.get(profile, headers=headers, timeout=10).json()
        assert told["emailAddress"] == sandbox.world.account(number).person.email
    assert requests.post(url, json={"accounts": 301}, timeout=10).status_code == 404
