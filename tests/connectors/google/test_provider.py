from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.google.config import GoogleConfig
from connectors.google.provider import Google
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.registry import provider_class

if TYPE_CHECKING:
    from conftest import Start

FOLDER = Path(__file__).parents[3] / "connectors" / "google"


def test_the_registry_finds_it() -> None:
    assert provider_class("google") is Google


def test_the_account_is_known_by_the_id_that_never_changes(start: Start) -> None:
    bench = start(messages=1)
    account = bench.account()
    person = bench.sandbox.world.account().person
    assert account.id == person.sub
    assert account.profile["email"] == account.profile["readableId"] == person.email
    assert account.profile["name"] == person.name
    assert account.profile["avatar"]["uri"]


def test_it_asks_for_reading_and_nothing_more() -> None:
    scopes = Google.configured({}).scopes()
    assert scopes[0] == "openid"
    data = [scope for scope in scopes if scope not in Google.oauth.scopes]
    assert "https://www.googleapis.com/auth/gmail.readonly" in data
    assert all(scope.endswith(".readonly") for scope in data)


def test_the_quota_follows_the_age_of_the_project() -> None:
    new, old = (GoogleConfig(quota=kind).budget("gmail") for kind in ("new", "old"))
    assert new is not None
    assert old is not None
    assert (new.units, new.cost("messages.get"), new.cost("history.list")) == (6_000, 20, 2)
    assert (old.units, old.cost("messages.get"), old.cost("messages.list")) == (15_000, 5, 5)
    assert GoogleConfig(quota="none").budget("gmail") is None
    own = GoogleConfig(quota_units=400, quota_seconds=1).budget("gmail")
    assert own is not None
    assert (own.units, own.seconds, own.fit("messages.get", 25)) == (400, 1.0, 2)


@pytest.mark.parametrize("values", [{"batch_size": 26}, {"list_size": 501}, {"quota": "other"}])
def test_a_wrong_setting_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        Google.configured(values)


def test_the_icon_has_the_size_that_is_asked_for() -> None:
    content = (FOLDER / "icon.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (256, 256)
