"""A served sandbox, and one person's calls to its Graph API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.facebook.store import Timeline
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running

_ACCOUNTS = 32


@dataclass
class Party:
    """One person."""

    sandbox: RunningSandbox
    token: str
    account: int

    @property
    def side(self) -> Any:
        return self.sandbox.world.sides["facebook"]

    @property
    def timeline(self) -> Timeline:
        found: Timeline = self.side.timelines[self.account]
        return found

    @property
    def url(self) -> str:
        return f"{self.sandbox.url}/facebook/v26.0"

    def proof(self) -> str:
        secret = self.sandbox.world.options.client_secret.encode()
        return hmac.new(secret, self.token.encode(), hashlib.sha256).hexdigest()

    def get(self, path: str, **params: Any) -> Any:
        """A success's JSON."""
        answer = requests.get(
            f"{self.url}/{path}",
            params={"appsecret_proof": self.proof(), **params},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json()

    def refusal(self, path: str, **params: Any) -> tuple[int, int | None]:
        """Code and subcode of a refusal."""
        query = {"appsecret_proof": self.proof(), "access_token": self.token, **params}
        query = {key: value for key, value in query.items() if value is not None}
        answer = requests.get(f"{self.url}/{path}", params=query, timeout=10)
        assert answer.status_code >= 400
        error = answer.json()["error"]
        assert {"message", "type", "code", "fbtrace_id"} <= set(error)
        return error["code"], error.get("error_subcode")

    def walk(self, path: str, **params: Any) -> list[list[Any]]:
        """The pages of a list, by its cursors."""
        pages: list[list[Any]] = []
        while True:
            answer = self.get(path, **params)
            pages.append(answer["data"])
            paging = answer.get("paging", {})
            if "next" not in paging:
                return pages
            params["after"] = paging["cursors"]["after"]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[RunningSandbox, Iterator[int]]]:
    """A sandbox, and the numbers of its accounts."""
    options = SandboxOptions(items=12, messages=0, newest=1_790_000_000.0, accounts=_ACCOUNTS)
    with running(options) as sandbox:
        yield sandbox, iter(range(_ACCOUNTS))


@pytest.fixture
def party(accounts: tuple[RunningSandbox, Iterator[int]]) -> Party:
    """A person whom no other test has touched."""
    sandbox, numbers = accounts
    number = next(numbers)
    minted = sandbox.world.tokens.mint(number, sandbox.world.sides["facebook"].scopes)
    return Party(sandbox, minted["access_token"], number)
