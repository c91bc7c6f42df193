"""Tokens: their forms, their end, and that they are never shown."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk.oauth import Tokens

WHOLE = Tokens("a-token", "r-token", 1000.0, frozenset({"mail", "files"}))


def test_tokens_are_not_shown() -> None:
    for shown in (repr(WHOLE), str(WHOLE), f"{[WHOLE]}"):
        assert "a-token" not in shown
        assert "r-token" not in shown


def test_tokens_survive_the_way_through_the_vault() -> None:
    assert Tokens.from_json(WHOLE.to_json()) == WHOLE
    assert Tokens.from_json(Tokens("a").to_json()) == Tokens("a")


@pytest.mark.parametrize(
    ("expires_at", "now", "expired"),
    [(None, 1e12, False), (1000, 939, False), (1000, 940, True), (1000, 2000, True)],
)
def test_a_token_counts_as_ended_a_minute_early(
    expires_at: float | None, now: float, expired: bool
) -> None:
    assert Tokens("a", expires_at=expires_at).expired(now) is expired


@pytest.mark.parametrize(
    ("answer", "now", "expires_at"),
    [
        ({"expires_in": 3600}, 100.0, 3700.0), ({"expires_in": "3600"}, 100.0, 3700.0),
        ({"expires_in": 0}, 100.0, 100.0), ({"expires_in": 3600}, None, None),
        ({"expires_at": 50, "expires_in": 3600}, 100.0, 50.0), ({"expires_in": None}, 1.0, None),
    ],
)  # fmt: skip
def test_the_end_is_counted_from_the_answer(
    answer: dict[str, Any], now: float | None, expires_at: float | None
) -> None:
    assert Tokens.from_json({"access_token": "a", **answer}, now=now).expires_at == expires_at


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [("a b", {"a", "b"}), (["a", "b"], {"a", "b"}), ("", set()), (None, set()), ([], set())],
)
def test_a_scope_is_a_string_or_a_list(scope: Any, scopes: set[str]) -> None:
    assert Tokens.from_json({"access_token": "a", "scope": scope}).scopes == scopes


@pytest.mark.parametrize("token", [None, "", 5, ["a"]])
def test_tokens_without_an_access_token_are_refused_without_showing_them(token: Any) -> None:
    with pytest.raises(ValueError, match="access_token") as caught:
        Tokens.from_json({"access_token": token, "refresh_token": "r-token"})
    assert "r-token" not in str(caught.value)


def test_an_old_refresh_token_is_kept_only_where_none_came_along() -> None:
    assert Tokens("new").keeping_refresh_token(WHOLE).refresh_token == "r-token"
    assert Tokens("new", "own").keeping_refresh_token(WHOLE).refresh_token == "own"
    assert Tokens("new").keeping_refresh_token(None).refresh_token is None


@pytest.mark.parametrize(
    "odd",
    [{"refresh_token": 5}, {"refresh_token": ["r"]}, {"expires_at": "NaN"}, {"expires_at": "inf"}],
)
def test_tokens_that_make_no_sense_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"refresh_token|access"):
        Tokens.from_json({"access_token": "a"} | odd)
