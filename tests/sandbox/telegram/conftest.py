"""Clients of a served sandbox's Telegram, by plain requests."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from sandbox.telegram.side import TelegramSide
from tests.sandbox.conftest import NEWEST

Json = dict[str, Any]
PARAMETERS = {
    "database_encryption_key": base64.b64encode(bytes(32)).decode(),
    "api_id": 1,
    "api_hash": "hash",
    "device_model": "a test",
    "system_language_code": "en",
    "application_version": "1",
}


class Td:
    """One client.

    Args:
        url: The side's.
        name: The client's; another one each time without it.
    """

    _names = itertools.count(1)

    def __init__(self, url: str, name: str | None = None) -> None:
        self.name = name or f"client {next(self._names)}"
        self.url = url
        self.updates: list[Json] = []
        self.binlog: str | None = None
        self._extras = itertools.count(1)

    def send(self, kind: str, binlog: str | None = None, **fields: Any) -> Json:
        """The answer to a request; updates go to `updates`."""
        extra = {"number": next(self._extras)}
        wanted = {"@type": kind, "@extra": extra, **fields}
        self._take(self.post("send", request=wanted, binlog=binlog))
        found = [given for given in self.updates if given.get("@extra") == extra]
        assert len(found) == 1, f"{kind} has {len(found)} answers"
        self.updates.remove(found[0])
        del found[0]["@extra"]
        return found[0]

    def receive(self, timeout: float = 0) -> list[Json]:
        """What has come, answers of earlier requests among it."""
        self._take(self.post("receive", timeout=timeout))
        return self.told()

    def post(self, verb: str, **body: Any) -> Json:
        """The bare answer."""
        sent = {"client": self.name, **body}
        return dict(requests.post(f"{self.url}/td/{verb}", json=sent, timeout=10).json())

    def told(self, kind: str | None = None) -> list[Json]:
        """The updates since the last look; those of a kind alone where one is named."""
        found, self.updates = self.updates, []
        return [given for given in found if kind in (None, given["@type"])]

    def states(self) -> list[str]:
        """The authorization states since the last look."""
        told = self.told("updateAuthorizationState")
        prefix = "authorizationState"
        return [u["authorization_state"]["@type"].removeprefix(prefix) for u in told]

    def open(self, binlog: str | None = None, **parameters: Any) -> Json:
        """Give the parameters."""
        return self.send("setTdlibParameters", binlog, **{**PARAMETERS, **parameters})

    def load(self, limit: int = 100) -> list[int]:
        """Load both lists; the ids of their chats."""
        found = []
        for name in ("chatListMain", "chatListArchive"):
            wanted = {"chat_list": {"@type": name}, "limit": limit}
            while self.send("loadChats", **wanted) == {"@type": "ok"}:
                pass
            found += self.send("getChats", **{**wanted, "limit": 1000})["chat_ids"]
        return found

    def page(self, chat: int, start: int = 0, limit: int = 100, offset: int = 0) -> list[Json]:
        """A page of history, without nulls."""
        answer = self.send(
            "getChatHistory", chat_id=chat, from_message_id=start, limit=limit, offset=offset
        )
        assert answer["@type"] == "messages", answer
        return [message for message in answer["messages"] if message is not None]

    def history(self, chat: int, limit: int = 100) -> list[Json]:
        """All messages of a chat, newest first."""
        found: list[Json] = []
        while page := self.page(chat, found[-1]["id"] if found else 0, limit):
            found += page
        return found

    def _take(self, answer: Json) -> None:
        self.updates += answer["objects"]
        self.binlog = answer["binlog"] or self.binlog


class Stage:
    """A served sandbox.

    Args:
        sandbox: The sandbox.
    """

    def __init__(self, sandbox: RunningSandbox) -> None:
        side = sandbox.world.sides["telegram"]
        assert isinstance(side, TelegramSide)
        self.side = side
        self.world = sandbox.world
        self.url = sandbox.url + side.prefix
        self.holding = side.holding()
        self.store = self.holding.store

    def session(self, account: int = 0) -> str:
        """The file of a new session, in base64."""
        packed = self.side.tokens(self.world.tokens.mint(account, ()))["access_token"]
        held = json.loads(base64.urlsafe_b64decode(packed))
        assert base64.b64decode(held["key"]) == bytes(32)
        return str(held["files"]["td.binlog"])

    def client(self, name: str | None = None) -> Td:
        """A client that has sent nothing yet."""
        return Td(self.url, name)

    def signed_in(self, account: int = 0) -> Td:
        """A client of a new session."""
        made = self.client()
        assert made.open(self.session(account)) == {"@type": "ok"}
        made.told()
        return made


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    """Serve a sandbox until the test ends."""
    with ExitStack() as stack:

        def make(**options: Any) -> Stage:
            settings = {"newest": NEWEST, "messages": 0, "items": 22, "seed": 5, **options}
            return Stage(stack.enter_context(running(SandboxOptions(**settings))))

        yield make
