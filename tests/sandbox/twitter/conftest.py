"""An account at X's side, asked without the connector."""

from __future__ import annotations

import base64
from typing import Any

import requests

from sandbox.server import RunningSandbox
from sandbox.twitter.side import TwitterSide

PREFIX = "/twitter/2"


class Account:
    """The first account, asked with a token of its own."""

    def __init__(self, sandbox: RunningSandbox, *scopes: str) -> None:
        self.world, self._url = sandbox.world, sandbox.url
        side = sandbox.world.sides["twitter"]
        assert isinstance(side, TwitterSide)
        self.side = side
        self.store = side.stores[0]
        self.path = f"/users/{side.account_id(0)}"
        self.headers = {
            "Authorization": "Bearer "
            + sandbox.world.tokens.mint(0, scopes or side.scopes)["access_token"]
        }

    def ask(self, path: str, **params: Any) -> requests.Response:
        asked = {name.replace("__", "."): value for name, value in params.items()}
        url = f"{self._url}{PREFIX}{path}"
        return requests.get(url, params=asked, headers=self.headers, timeout=10)

    def post(self, path: str, basic: str | None = None, **form: str) -> requests.Response:
        options = self.world.options
        pair = basic or f"{options.client_id}:{options.client_secret}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        return requests.post(f"{self._url}{PREFIX}{path}", data=form, headers=headers, timeout=10)
