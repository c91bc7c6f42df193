"""Signing in step by step in the terminal, by a sign-in that the test plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from cli.errors import Fail
from cli.output import Output
from cli.steps import sign_in
from connectors.sdk import registry
from connectors.sdk.errors import ConnectorError
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Account
from connectors.sdk.signin import Kind, NotAcceptedError, SignIn, Step
from vault.errors import VaultError
from vault.vault import Vault

AFTER: dict[str, Kind] = {"scan": "password", "phone": "code", "code": "password"}
RIGHT = {"phone": "+1", "code": "12345", "password": "hunter2"}


class Played(SignIn):
    """Scan, or phone number and code; then a password."""

    def __init__(self) -> None:
        self.kind: Kind = "wait"
        self.looks = 0
        self.closed = False

    def step(self) -> Step:
        self.looks += 1
        if self.kind == "wait":
            self.kind = "scan"
            return Step("wait", "please wait")
        if self.kind == "scan" and self.looks > 4:
            self.kind = AFTER["scan"]
        link = f"acme://login?token={self.looks // 3}" if self.kind == "scan" else None
        return Step(self.kind, f"please: {self.kind}", link, ("phone",))

    def choose(self, way: Kind) -> None:
        self.kind = way

    def answer(self, text: str) -> None:
        if text == "banned":
            raise ConnectorError("this number is banned")
        if text != RIGHT[self.kind]:
            raise NotAcceptedError(f"this {self.kind} is wrong")
        self.kind = AFTER.get(self.kind, "done")

    def finish(self) -> Tokens:
        return Tokens("the session")

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.steps._LOOK", 0.01)


def go_through(played: Played, typed: str, way: Kind | None = None) -> Result:
    @click.command()
    def command() -> None:
        try:
            tokens = sign_in(played, Output(as_json=False), way, 5.0)
        except Fail as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"has {len(tokens.access_token)} characters")

    return CliRunner().invoke(command, input=typed)


def test_a_code_is_drawn_anew_when_it_changes_and_a_password_is_not_echoed() -> None:
    played = Played()
    result = go_through(played, "hunter2\n")
    assert result.exit_code == 0, result.output
    assert result.output.count("please: scan") == 2
    assert "▄" in result.output
    assert "hunter2" not in result.output
    assert "has 11 characters" in result.output
    assert played.closed


def test_a_phone_number_may_be_chosen_and_a_wrong_answer_is_asked_for_again() -> None:
    result = go_through(Played(), "+2\n+1\n12345\nhunter2\n", "phone")
    assert result.exit_code == 0, result.output
    assert "this phone is wrong" in result.output
    assert result.output.count("please: phone") == 2
    assert "please: scan" not in result.output


def test_a_sign_in_that_cannot_be_kept_is_ended_at_the_provider(
    monkeypatch: pytest.MonkeyPatch, dcs: Callable[..., Result], redis_server: Any
) -> None:
    """Such as where the disk is full; what went wrong is what is said."""
    played = Played()
    abandoned: list[Tokens] = []

    def fails(*_: Any) -> None:
        raise VaultError("no space is left")

    kind = registry.provider_class("google")
    monkeypatch.setattr(played, "abandon", abandoned.append)
    monkeypatch.setattr(kind, "oauth", None)
    monkeypatch.setattr(kind, "sign_in", lambda *_: played)
    monkeypatch.setattr(kind, "account", lambda *_: Account("1", {}))
    monkeypatch.setattr(Vault, "connect", fails)
    monkeypatch.setattr("cli.steps.click.prompt", lambda *_, **__: "hunter2")
    monkeypatch.setenv("DCS_REDIS_URL", redis_server.url)
    monkeypatch.setenv("DCS_PROVIDERS__GOOGLE__CLIENT_ID", "an-app")
    result = dcs("connect", "google")
    assert result.exit_code != 0
    assert "no space is left" in result.output + str(result.exception)
    assert abandoned == [Tokens("the session")]


def test_what_cannot_go_on_ends_with_its_reason_and_lets_go() -> None:
    played = Played()
    result = go_through(played, "banned\n", "phone")
    assert result.exit_code == 1
    assert "this number is banned" in result.output
    assert played.closed
