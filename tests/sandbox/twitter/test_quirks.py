"""What X does now and then, when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.options import SandboxOptions
from sandbox.server import running
from tests.sandbox.twitter.conftest import Account


@pytest.fixture
def account() -> Iterator[Account]:
    with running(SandboxOptions(items=3, seed=3)) as made:
        yield Account(made)


def counts(account: Account) -> tuple[int, int]:
    found = account.ask("/users/me", user__fields="public_metrics").json()["data"]["public_metrics"]
    return found["following_count"], found["tweet_count"]


def test_counts_can_lag_and_catch_up(account: Account) -> None:
    before = counts(account)
    account.store.let_counts_lag()
    account.store.post()
    account.store.follow()
    assert counts(account) == before
    account.store.let_counts_catch_up()
    assert counts(account) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("path", ["tweets", "following"])
def test_a_lists_tokens_can_go_on_for_ever(account: Account, path: str) -> None:
    def after(token: str | None) -> Any:
        params = {"pagination_token": token} if token else {}
        return account.ask(f"{account.path}/{path}", max_results=100, **params).json()

    assert "next_token" not in after(None)["meta"]
    account.store.quirks.endless = "same"
    first = after(None)
    token = first["meta"]["next_token"]
    assert first["data"]
    assert after(token) == {"meta": {"result_count": 0, "next_token": token}}
    account.store.quirks.endless = "new"
    given = {token}
    for _ in range(5):
        page = after(token)
        token = page["meta"]["next_token"]
        assert "data" not in page
        assert token not in given
        given.add(token)


def test_a_connection_status_can_be_missing_empty_or_dropped(account: Account) -> None:
    followed, other = (user.id for user in account.store.following[:2])
    account.store.unfollow(other)

    def told() -> dict[str, Any]:
        ids = f"{followed},{other}"
        users = account.ask("/users", ids=ids, user__fields="connection_status").json()["data"]
        return {user["id"]: user.get("connection_status") for user in users}

    assert told() == {followed: ["following"], other: None}
    account.store.quirks.empty_status = True
    assert told() == {followed: ["following"], other: []}
    account.store.quirks.dropped = {"connection_status"}
    assert told() == {followed: None, other: None}
