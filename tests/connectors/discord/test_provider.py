"""Signing in, whose account it is, and the name that we give ourselves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from connectors.discord.provider import Discord
from connectors.sdk.errors import ConfigurationError, TransientError
from connectors.sdk.http import Api
from tests.connectors.discord.conftest import Start
from web.app import create_app
from web.signin import make_sign_in_link, sign_in_request

ME = {"id": "80351110224678912", "username": "nelly", "discriminator": "0", "global_name": "Nelly"}


class Answering:
    """An `Api` that answers everything with one object."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer

    def json(self, url: str, needs: tuple[str, ...]) -> Mapping[str, Any]:
        return self._answer


def profile(**changed: Any) -> Mapping[str, Any]:
    account = Discord.configured({}).account(cast(Api, Answering({**ME, **changed})))
    assert account.id == ME["id"]
    return account.profile


def test_an_account_has_its_names_and_its_avatar() -> None:
    assert profile(avatar="8342729096ea3675442027381ff50dfe") == {
        "name": "Nelly",
        "readableId": "nelly",
        "avatar": {
            "uri": "https://cdn.discordapp.com/avatars/80351110224678912/"
            "8342729096ea3675442027381ff50dfe.png"
        },
    }


def test_an_account_of_old_has_a_number_after_its_name() -> None:
    made = profile(global_name=None, discriminator="0337")
    assert (made["name"], made["readableId"]) == ("nelly", "nelly#0337")


def test_an_account_without_an_id_is_none() -> None:
    with pytest.raises(TransientError):
        profile(id="nobody")


def test_the_agent_says_where_this_server_is_found() -> None:
    made = Discord.configured({"agent_url": "https://data.example.org"})
    assert made.headers() == {"User-Agent": "DiscordBot (https://data.example.org, 1.0)"}


@pytest.mark.parametrize("url", ["data.example.org", "https://a.example\r\nX: y", "https://a)b"])
def test_an_agents_address_cannot_break_the_header(url: str) -> None:
    with pytest.raises(ConfigurationError, match="agent_url"):
        Discord.configured({"agent_url": url})


def test_the_dance_connects_and_no_secret_of_it_is_told(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The sandbox refuses the code's exchange without Discord's `User-Agent`."""
    caplog.set_level(logging.DEBUG)
    bench = start()
    app = create_app(bench.services)
    app.testing = True
    browser = app.test_client()
    _, form = sign_in_request(make_sign_in_link(bench.services))
    browser.post("/sign-in", data=form)
    asked_at = browser.get("/connect/discord").location
    assert urlsplit(asked_at).path == "/discord/oauth2/authorize"
    asked = dict(parse_qsl(urlsplit(asked_at).query))
    assert (asked["scope"], asked["code_challenge_method"]) == ("identify guilds", "S256")
    answer = {"account": "0", "decision": "allow", "granted": asked["scope"].split()}
    back = requests.post(
        asked_at.partition("?")[0], data=asked | answer, allow_redirects=False, timeout=10
    ).headers["Location"]
    done = browser.get(back)
    vault = bench.services.vaults.open("owner")
    (connection,) = vault.connections()
    assert connection.id == f"discord:{bench.side.account_id(0)}"
    tokens = vault.tokens(connection.id)
    assert tokens
    assert tokens.refresh_token
    code = parse_qs(urlsplit(back).query)["code"][0]
    pages = done.text + browser.get("/").text
    kept_in_redis = _redis(bench.services.redis)
    for secret in (tokens.access_token, tokens.refresh_token, code):
        for place in (caplog.text, pages, kept_in_redis):
            assert secret not in place


def _redis(client: Any) -> str:
    """All that Redis holds, the arguments of waiting tasks included."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    found = repr([(key, read[client.type(key)](key)) for key in client.scan_iter()])
    assert "discord" in found
    return found


def test_a_refresh_token_is_used_once_and_the_new_one_is_kept(start: Start) -> None:
    bench = start()
    job = bench.connect()
    vault = bench.services.vaults.open("owner")
    before = vault.tokens(job.connection)
    bench.sandbox.world.tokens.expire_access()
    assert bench.sync(job).handler == "enabled"
    after = vault.tokens(job.connection)
    assert before
    assert after
    assert after.refresh_token != before.refresh_token
    assert after.scopes == {"identify", "guilds"}
    assert bench.sandbox.world.tokens.refresh(before.refresh_token or "") is None
