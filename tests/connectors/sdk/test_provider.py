"""What every provider does alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from connectors.sdk.errors import ConfigurationError, ConnectorError
from connectors.sdk.handler import Handler
from connectors.sdk.http import Api, classify_by_status
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider, ProviderConfig
from connectors.sdk.records import Account, Batch, Json, Position, Record
from connectors.sdk.schemas.email import Email


class Mail(Handler):
    id = "mail"
    label = "Mail"
    schema = Email
    scopes = frozenset({"mail.read", "profile"})

    def batches(self, position: Position) -> Iterator[Batch]:
        yield Batch([], position)

    def record(self, source: Json) -> Record:
        return source


class Files(Mail):
    id = "files"
    scopes = frozenset({"files.read"})


class AcmeConfig(ProviderConfig):
    plan: Literal["free", "paid"] = "free"


class Acme(Provider):
    id = "acme"
    label = "Acme"
    url = "https://acme.example"
    oauth = OAuth2("https://acme.example/a", "https://acme.example/t", scopes=("openid", "profile"))
    config_class = AcmeConfig
    handlers = (Mail, Files)

    def account(self, api: Api) -> Account:
        return Account("1")

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        return classify_by_status(status, headers, body)


def test_a_class_that_leaves_something_out_is_refused_when_it_is_made() -> None:
    with pytest.raises(TypeError, match="Half must set url, handlers"):
        type("Half", (Provider,), {"id": "half", "label": "Half"})


def test_a_class_that_says_not_how_to_sign_in_is_refused_when_it_is_made() -> None:
    given = {"id": "half", "label": "Half", "url": "https://half.example", "handlers": ()}
    with pytest.raises(TypeError, match="must set oauth, or say how to sign in"):
        type("Half", (Provider,), given)
    assert type("Whole", (Provider,), {**given, "sign_in": lambda *_: None}).oauth is None  # type: ignore[attr-defined]


def test_a_secret_is_not_shown() -> None:
    made = Acme.configured({"client_id": "me", "client_secret": "hush"})
    assert "hush" not in repr(made.config) + str(made.config) + repr(made)
    assert made.config.client_secret.get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"client_secrets": "hush"}, "client_secrets"),
        ({"client_secret": ["hush"]}, "client_secret"),
        ({"plan": "hush"}, "plan"),
        ({"base_url": {"hush": 1}}, "base_url"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"settings of provider acme: {named}") as caught:
        Acme.configured(values)
    assert "hush" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Acme.configured({}).config.client_id = "other"  # type: ignore[misc]  # the point of it


def test_all_scopes_are_asked_for_once() -> None:
    assert Acme.configured({}).scopes() == ("openid", "profile", "files.read", "mail.read")


def test_a_handler_is_found_by_its_id() -> None:
    assert Acme.configured({}).handler("files") is Files
    with pytest.raises(ConfigurationError, match="acme has no handler x; it has: mail, files"):
        Acme.configured({}).handler("x")


def test_a_provider_that_states_no_quota_has_none() -> None:
    assert Acme.configured({}).quota() is None


@pytest.mark.parametrize(
    "url", ["http://203.0.113.7", "http://127.evil.example", "http://127.0.0.1.nip.example:80"]
)
def test_plain_http_is_for_loopback_alone(url: str) -> None:
    with pytest.raises(ValidationError, match="must begin with https"):
        ProviderConfig(base_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5022", "http://localhost", "http://[::1]:1"])
def test_a_twin_on_loopback_may_use_plain_http(url: str) -> None:
    assert ProviderConfig(base_url=url).base_url == url
