"""X's side refuses what X refuses, and answers as X's own models say."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from pydantic import BaseModel

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.sandbox.twitter.conftest import Account

NEWER = "author_id,created_at,conversation_id,edit_history_post_ids,entities,id,lang,note_post,public_metrics,text"
EXPANSIONS = "author_id,edit_history_post_ids,in_reply_to_user_id,referenced_posts"
USER = "created_at,description,id,name,profile_image_url,protected,public_metrics,username,verified"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(items=14, seed=3)) as made:
        yield made


@pytest.fixture
def account(sandbox: RunningSandbox) -> Account:
    return Account(sandbox)


def strange(model: Any, path: str = "") -> list[str]:
    """Fields of an answer that its model does not name."""
    found: list[str] = []
    if isinstance(model, list):
        for item in model:
            found += strange(item, path)
    elif isinstance(model, BaseModel):
        found += [f"{path}.{name}" for name in model.model_extra or ()]
        for name in type(model).model_fields:
            found += strange(getattr(model, name), f"{path}.{name}")
    return found


@pytest.mark.parametrize(
    ("model", "path", "params"),
    [
        ("GetUsersMeResponse", "/users/me", {"user__fields": USER, "post__fields": "id"}),
        ("GetUsersFollowingResponse", "{me}/following", {"user__fields": USER, "max_results": 5}),
        ("GetUsersFollowingResponse", "{me}/following", {"user__fields": USER}),
        ("GetUsersPostsResponse", "{me}/tweets",
         {"post__fields": NEWER, "expansions": EXPANSIONS, "max_results": 100}),
        ("GetUsersPostsResponse", "{me}/tweets", {"post__fields": NEWER, "until_id": "5"}),
        ("GetPostsByIdsResponse", "/tweets", {"ids": "{post},17", "post__fields": NEWER}),
        ("GetUsersByIdsResponse", "/users", {"ids": "{user},17", "user__fields": f"{USER},connection_status"}),
    ],
)  # fmt: skip
def test_answers_are_as_the_official_package_models_them(
    account: Account, model: str, path: str, params: dict[str, Any]
) -> None:
    words = {
        "me": account.path,
        "post": account.store.posts[0].first,
        "user": account.store.following[0].id,
    }
    params = {k: v.format(**words) if isinstance(v, str) else v for k, v in params.items()}
    answer = account.ask(path.format(**words), **params)
    assert answer.status_code == 200, answer.text
    read = getattr(importlib.import_module("xdk.schemas"), model).model_validate(answer.json())
    assert not strange(read)


def test_a_requests_dialect_decides_the_names_in_its_answer(account: Account) -> None:
    older = account.ask(f"{account.path}/tweets", tweet__fields="note_tweet,nonsense").json()[
        "data"
    ]
    assert {"id", "text", "edit_history_tweet_ids"} == set(older[0])
    assert any("note_tweet" in post for post in account.ask(
        f"{account.path}/tweets", tweet__fields="note_tweet", max_results=100).json()["data"])  # fmt: skip
    newer = account.ask(f"{account.path}/tweets", post__fields="author_id").json()["data"]
    assert {"id", "text"} == set(newer[0])


@pytest.mark.parametrize(
    ("path", "params", "named"),
    [
        ("{me}/tweets", {"max_results": 4}, "max_results"),
        ("{me}/tweets", {"max_results": 101}, "max_results"),
        ("{me}/following", {"max_results": 1001}, "max_results"),
        ("{me}/tweets", {"since_id": "x"}, "since_id"),
        ("{me}/tweets", {"since_id": "9", "until_id": "9"}, "since_id"),
        ("{me}/tweets", {"pagination_token": "nonsense"}, "pagination_token"),
        ("{me}/following", {"pagination_token": "aaaabbbbccccdddd"}, "pagination_token"),
        ("{me}/tweets", {"exclude": "everything"}, "exclude"),
        ("{me}/tweets", {"cursor": "1"}, "cursor"),
        ("/tweets", {"ids": ",".join(map(str, range(1, 102)))}, "ids"),
    ],
)
def test_wrong_parameters_are_refused(
    account: Account, path: str, params: dict[str, Any], named: str
) -> None:
    answer = account.ask(path.format(me=account.path), **params)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/invalid-request")
    assert named in answer.json()["errors"][0]["parameters"]


def test_a_missing_scope_and_a_missing_token_are_told_apart(sandbox: RunningSandbox) -> None:
    partly = Account(sandbox, "users.read", "tweet.read")
    assert partly.ask(f"{partly.path}/following").status_code == 403
    assert partly.ask(f"{partly.path}/tweets").status_code == 200
    partly.headers = {}
    assert partly.ask("/users/me").status_code == 401


def test_the_window_of_an_endpoint_ends() -> None:
    with running(SandboxOptions(items=1)) as made:
        account = Account(made)
        for _ in range(75):
            assert account.ask("/users/me").status_code == 200
        refused = account.ask("/users/me")
        assert refused.status_code == 429
        assert refused.headers["x-rate-limit-remaining"] == "0"
        assert "Retry-After" not in refused.headers
        wait = int(refused.headers["x-rate-limit-reset"]) - account.world.now()
        assert 880 < wait <= 901
        assert account.ask(f"{account.path}/tweets").status_code == 200


def test_of_a_timeline_the_newest_3200_are_served_and_800_without_replies() -> None:
    with running(SandboxOptions(items=3)) as made:
        account = Account(made)
        for _ in range(3300):
            account.store.post()
        oldest = str(sorted(post.id for post in account.store.posts)[-3195])
        for exclude, most in (({}, 3200), ({"exclude": "replies"}, 800)):
            below = sorted((p.id for p in account.store.posts), reverse=True)[most - 3]
            answer = account.ask(f"{account.path}/tweets", until_id=str(below), **exclude).json()
            assert answer["meta"]["result_count"] == 2
            assert "next_token" not in answer["meta"]
        assert account.ask(f"{account.path}/tweets", until_id=oldest, exclude="replies").json() == {
            "meta": {"result_count": 0}
        }


def test_a_refresh_token_is_used_once_and_a_spent_one_is_an_invalid_request(
    account: Account,
) -> None:
    first = account.world.tokens.mint(0, account.side.scopes)["refresh_token"]
    given = account.post("/oauth2/token", grant_type="refresh_token", refresh_token=first)
    assert given.json()["refresh_token"] != first
    spent = account.post("/oauth2/token", grant_type="refresh_token", refresh_token=first)
    assert spent.status_code == 400
    assert spent.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the token was invalid.",
    }


def test_a_code_lasts_30_seconds_and_brings_a_refresh_token_for_offline_access_alone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, verifier = account.world.tokens, "v" * 50
    redirect = "http://127.0.0.1:5021/back"

    def exchanged(scopes: str, wait: float) -> dict[str, Any]:
        url = f"{account._url}/twitter/i/oauth2/authorize"
        form = {
            "client_id": account.world.options.client_id, "response_type": "code", "state": "s",
            "redirect_uri": redirect, "scope": scopes, "code_challenge": verifier,
            "code_challenge_method": "plain", "decision": "allow",
        }  # fmt: skip
        answer = requests.post(url, data=form, allow_redirects=False, timeout=10)
        code = answer.headers["Location"].partition("code=")[2].partition("&")[0]
        now = account.world.now()
        monkeypatch.setattr(tokens, "clock", lambda: now + wait)
        answer = account.post(
            "/oauth2/token", grant_type="authorization_code", code=unquote(code),
            redirect_uri=redirect, code_verifier=verifier,
        )  # fmt: skip
        monkeypatch.undo()
        return dict(answer.json())

    assert exchanged("users.read offline.access", 1)["refresh_token"]
    assert "refresh_token" not in exchanged("users.read", 1)
    assert exchanged("users.read", 31)["error"] == "invalid_request"


def test_a_client_that_is_not_shown_by_basic_is_not_authorized(account: Account) -> None:
    answer = account.post("/oauth2/token", basic="me:wrong", grant_type="refresh_token")
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized_client")
