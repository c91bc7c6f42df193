"""How tokens end: by use, by rotation with and without a grace, and when an answer is lost."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.faults import Fault
from sandbox.tokens import TokenRules, TokenStore


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def store(clock: Clock | None = None, **rules: Any) -> tuple[TokenStore, str]:
    made = TokenStore(clock or Clock(), 3600, TokenRules(**rules))
    return made, made.mint(0, ["mail"])["refresh_token"]


def refresh(sandbox: Any, token: str) -> requests.Response:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": sandbox.world.options.client_id,
        "client_secret": sandbox.world.options.client_secret,
    }
    return requests.post(f"{sandbox.url}/token", data=form, timeout=10)


def rules(sandbox: Any, **changes: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/_sandbox/tokens/rules", json=changes, timeout=10)


def test_without_a_grace_the_old_refresh_token_is_dead() -> None:
    tokens, old = store(rotate=True)
    assert tokens.refresh(old) is not None
    assert tokens.refresh(old) is None


def test_a_grace_may_last_some_time() -> None:
    clock = Clock()
    tokens, old = store(clock, rotate=True, grace_seconds=30)
    given = set()
    for _ in range(3):
        found = tokens.refresh(old)
        assert found is not None
        given.add(found[1])
        clock.now += 14
    assert len(given) == 3
    clock.now += 1
    assert tokens.refresh(old) is None
    # All that was given in place of it works.
    assert all(tokens.refresh(str(new)) is not None for new in given)


def test_a_grace_may_be_some_uses() -> None:
    tokens, old = store(rotate=True, grace_uses=2)
    assert [tokens.refresh(old) is not None for _ in range(4)] == [True, True, True, False]


def test_a_reuse_after_the_grace_may_end_everything() -> None:
    tokens, old = store(rotate=True, reuse_revokes=True)
    found = tokens.refresh(old)
    assert found is not None
    access = tokens.access_token(found[0])
    assert tokens.refresh(old) is None
    assert tokens.check(access) is None
    assert tokens.refresh(str(found[1])) is None


def test_revoking_ends_a_token_in_its_grace() -> None:
    tokens, old = store(rotate=True, grace_uses=5)
    tokens.refresh(old)
    tokens.revoke_refresh()
    assert tokens.refresh(old) is None


def test_an_access_token_ends_at_its_nth_use(start: Any) -> None:
    sandbox = start()
    assert rules(sandbox, expire_every=3).json()["expire_every"] == 3

    def call(token: str) -> int:
        url = f"{sandbox.url}/gmail/v1/users/me/profile"
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(url, headers=headers, timeout=10).status_code

    first, other = (sandbox.world.mint()["access_token"] for _ in range(2))
    assert [call(first) for _ in range(4)] == [200, 200, 401, 401]
    assert call(other) == 200
    rules(sandbox, expire_every=0)
    assert [call(other) for _ in range(3)] == [200, 200, 200]


def test_rules_are_switched_while_it_runs(start: Any) -> None:
    sandbox = start()
    token = sandbox.world.mint()["refresh_token"]
    assert "refresh_token" not in refresh(sandbox, token).json()
    rules(sandbox, rotate=True, grace_uses=1)
    assert refresh(sandbox, token).json()["refresh_token"] != token
    got = requests.get(f"{sandbox.url}/_sandbox/tokens/rules", timeout=10).json()
    assert (got["rotate"], got["grace_uses"], got["grace_seconds"]) == (True, 1, 0.0)


@pytest.mark.parametrize(
    "changes", [{"unknown": 1}, {"grace_uses": -1}, {"rotate": "yes"}, {"expire_every": 1}]
)
def test_rules_that_make_no_sense_are_refused(start: Any, changes: dict[str, Any]) -> None:
    sandbox = start()
    assert rules(sandbox, **changes).status_code == 400
    assert sandbox.world.tokens.rules == TokenRules()


def test_two_sandboxes_do_not_share_rules(start: Any) -> None:
    given = TokenRules(rotate=True)
    first, second = start(token_rules=given), start(token_rules=given)
    rules(first, rotate=False)
    assert second.world.tokens.rules.rotate
    assert given.rotate


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"rotate": False}, 200),
        ({"rotate": True}, 400),
        ({"rotate": True, "grace_uses": 1}, 200),
        ({"rotate": True, "grace_seconds": 60}, 200),
    ],
)
def test_an_answer_that_is_lost_has_used_the_refresh_token(
    start: Any, settings: dict[str, Any], status: int
) -> None:
    sandbox = start(token_rules=TokenRules(**settings), faults=(Fault("lost-refresh"),))
    token = sandbox.world.mint()["refresh_token"]
    before = len(sandbox.world.tokens.all_given())
    with pytest.raises(requests.ConnectionError):
        refresh(sandbox, token)
    assert len(sandbox.world.tokens.all_given()) > before
    again = refresh(sandbox, token)
    assert again.status_code == status
    if status == 400:
        assert again.json()["error"] == "invalid_grant"


def test_only_a_refresh_is_lost(start: Any) -> None:
    sandbox = start(faults=(Fault("lost-refresh"),))
    form = {"grant_type": "authorization_code", "code": "none"}
    assert requests.post(f"{sandbox.url}/token", data=form, timeout=10).status_code == 401
    assert len(sandbox.world.faults.pending()) == 1
