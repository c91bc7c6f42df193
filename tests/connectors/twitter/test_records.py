"""How posts and users become records, and answers errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.sdk import errors
from connectors.sdk.schemas.following import Following
from connectors.sdk.schemas.post import Post
from connectors.twitter.fields import beginning, plain, time_of
from connectors.twitter.post_record import kind_of, same
from connectors.twitter.provider import Twitter
from tests.connectors.twitter.conftest import Start

#: A long post with an edit, as X's pages show both.
POST: dict[str, Any] = {
    "id": "1790000000000000002",
    "text": "Bread &amp; butter &lt;3 https://t.co/abc and so on for much longer…",
    "edit_history_tweet_ids": ["1790000000000000001", "1790000000000000002"],
    "created_at": "2024-05-13T12:50:00.000Z",
    "note_tweet": {
        "text": "Bread &amp; butter &lt;3 https://t.co/abc and the end.",
        "entities": {"urls": [{"url": "https://t.co/abc", "expanded_url": "https://example.com/"}]},
    },
    "public_metrics": {"like_count": 3},
}
#: The same in the newer dialect.
NEWER = {
    "edit_history_post_ids": POST["edit_history_tweet_ids"],
    "note_post": POST["note_tweet"],
    **{key: POST[key] for key in ("id", "text", "created_at")},
}


@pytest.fixture
def post(start: Start) -> Any:
    return start("post", items=1).handler()


@pytest.mark.parametrize("source", [POST, NEWER], ids=["tweet.fields", "post.fields"])
def test_an_edited_long_post_is_its_first_versions_record_with_the_last_ones_words(
    post: Any, source: dict[str, Any]
) -> None:
    made = post.record(source)
    Post().load(made)
    assert made["sourceId"] == "1790000000000000001"
    assert made["content"] == "Bread & butter <3 https://example.com/ and the end."
    assert made["uri"] == "https://x.com/i/web/status/1790000000000000002"
    assert made["modifiedAt"] == "2024-05-13T12:50:00.000Z"
    assert made["insertedAt"] == time_of("1790000000000000001") < made["modifiedAt"]
    assert made["sourceData"] == source


def test_a_post_never_edited_has_its_own_time_or_that_of_its_id(post: Any) -> None:
    plain = {"id": "1790000000000000001", "text": "", "created_at": "2024-05-13T12:19:00.000Z"}
    made = post.record(plain)
    assert (made["name"], made["insertedAt"]) == ("(no text)", "2024-05-13T12:19:00.000Z")
    assert "modifiedAt" not in made
    assert post.record({**plain, "created_at": None})["insertedAt"].startswith("2024-05-13T")
    assert time_of("20") == "2006-03-21T00:00:00.000Z"


def test_a_name_is_cut_between_words_or_where_there_are_none_by_characters(post: Any) -> None:
    plain = {"id": "1790000000000000001", "text": "今日は川沿いを長い時間かけて散歩しました。" * 5}
    assert post.record(plain)["name"] == plain["text"][:79] + "…"
    assert beginning("RT @someone: " + "木" * 90, 80) == "RT @someone: " + "木" * 66 + "…"
    assert beginning("one  two\nthree", 80) == "one two three"
    assert beginning("one two three", 9) == "one two…"
    assert beginning("one two three", 8) == "one two…"
    assert len(beginning("word " * 40, 80)) <= 80


def test_signs_are_read_before_addresses_are_put_in_which_have_none() -> None:
    urls = [
        {"url": "https://t.co/a", "expanded_url": "https://shop.example/?id=1&copy=2&lt=3&amp;x"},
        {"url": "https://t.co/ab", "expanded_url": "https://example.com/https://t.co/a"},
    ]
    assert plain("&lt;3 &amp;lt; &copy; https://t.co/ab https://t.co/a", {"urls": urls}) == (
        "<3 &lt; &copy; https://example.com/https://t.co/a "
        "https://shop.example/?id=1&copy=2&lt=3&amp;x"
    )


@pytest.mark.parametrize(
    ("types", "kind"),
    [([], "post"), (["quoted"], "post"), (["quoted", "replied_to"], "replies"),
     (["retweeted"], "reposts"), (["reposted"], "reposts")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["referenced_tweets", "referenced_posts"])
def test_replies_and_reposts_are_told_in_both_dialects(
    name: str, types: list[str], kind: str
) -> None:
    assert kind_of({"id": "1", name: [{"type": made, "id": "2"} for made in types]}) == kind


def test_likes_are_no_change_and_words_are(post: Any) -> None:
    one = post.record(POST)
    assert same(one, post.record({**POST, "public_metrics": {"like_count": 4}}))
    assert not same(one, post.record({**POST, "note_tweet": {"text": "Other words"}}))


def test_a_user_becomes_a_record(start: Start) -> None:
    user = {
        "id": "2244994945",
        "username": "XDevelopers",
        "name": "X Developers",
        "created_at": "2013-12-14T04:35:55.000Z",
        "description": "Docs &amp; more: https://t.co/x",
        "entities": {
            "description": {
                "urls": [{"url": "https://t.co/x", "expanded_url": "https://docs.x.com"}]
            }
        },
        "profile_image_url": "https://pbs.twimg.com/1/x_normal.jpg",
    }
    made = start("following", items=1).handler().record(user)
    Following().load(made)
    assert made["uri"] == "https://x.com/XDevelopers"
    assert made["description"] == "Docs & more: https://docs.x.com"
    assert made["insertedAt"] == "2013-12-14T04:35:55.000Z"
    assert "followedTimestamp" not in made


def problem(kind: str, **more: Any) -> bytes:
    return json.dumps(
        {"title": "x", "type": f"https://api.twitter.com/2/problems/{kind}", **more}
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (401, b'{"type": "about:blank"}', errors.TokenExpiredError, "connect"),
        (402, problem("credits"), errors.ConfigurationError, "credits"),
        (402, problem("credits-depleted"), errors.ConfigurationError, "credits"),
        (403, problem("client-forbidden", reason="client-not-enrolled"),
         errors.ConfigurationError, "project"),
        (403, b'{"reason": "user-not-enrolled"}', errors.ConfigurationError, "plan"),
        (403, problem("unsupported-authentication"), errors.ConfigurationError, "OAuth"),
        (403, b'{"type": "about:blank", "title": "Forbidden"}', errors.AccessDeniedError, "denies"),
        (429, b'{"errors": [{"code": 88}]}', errors.RateLimitedError, "wait"),
        (429, problem("usage-capped"), errors.RateLimitedError, "2,000 posts"),
        (400, problem("invalid-request", errors=[{"parameters": {"pagination_token": ["x"]}}]),
         errors.PositionLostError, "page"),
        (400, problem("invalid-request"), errors.ConnectorError, "invalid-request"),
        (503, b"<html>", errors.TransientError, "503"),
        (401, b"<!DOCTYPE html><html>", errors.TransientError, "between"),
        (403, b"<!DOCTYPE html><html>", errors.TransientError, "between"),
        (403, b'{"message": "Forbidden"}', errors.TransientError, "between"),
        (404, b"", errors.TransientError, "404"),
        (429, b"<html>", errors.RateLimitedError, "wait"),
        (200, problem("x", errors=[{"resource_type": "user", "parameter": "id",
         "type": "x/not-authorized-for-resource"}]), errors.AccessDeniedError, "suspended"),
    ],
)  # fmt: skip
def test_answers_become_errors(
    status: int, body: bytes, error: type[errors.ConnectorError], words: str
) -> None:
    made = Twitter.configured({"monthly_posts": 2000}).classify(status, {}, body)
    assert type(made) is error
    assert words in str(made)


def test_a_look_up_that_finds_nothing_is_a_success() -> None:
    body = problem("x", errors=[{"resource_type": "tweet", "parameter": "ids", "type": "x/y"}])
    assert Twitter.configured({}).classify(200, {}, body) is None
    assert Twitter.configured({}).classify(200, {}, b'{"data": [], "errors": [{}]}') is None


def refused(**windows: str) -> errors.RateLimitedError:
    """What a 429 with these headers means, at 1,000 seconds by X's clock."""
    headers = {"Date": "Thu, 01 Jan 1970 00:16:40 GMT"}
    headers |= {f"x-{name.replace('_', '-')}": value for name, value in windows.items()}
    made = Twitter.configured({}).classify(429, headers, b'{"type": "about:blank"}')
    assert isinstance(made, errors.RateLimitedError)
    return made


def test_the_wait_ends_with_the_last_window_that_is_used_up_by_xs_clock() -> None:
    made = refused(
        Rate_Limit_Remaining="0", Rate_Limit_Reset="1300",
        user_limit_24hour_remaining="0", user_limit_24hour_reset="5000",
        app_limit_24hour_remaining="7", app_limit_24hour_reset="9000",
    )  # fmt: skip
    assert (made.retry_after, made.everyone) == (4000.0, False)
    assert refused(rate_limit_reset="300").retry_after == 0.0
    assert refused(rate_limit_reset="soon").retry_after is None


def test_no_wait_is_longer_than_the_longest_window() -> None:
    assert refused(rate_limit_reset="9999999999").retry_after == 24 * 3600.0


def test_for_the_apps_day_all_accounts_wait() -> None:
    made = refused(
        rate_limit_remaining="12", rate_limit_reset="1300",
        app_limit_24hour_remaining="0", app_limit_24hour_reset="9000",
    )  # fmt: skip
    assert (made.retry_after, made.everyone) == (8000.0, True)


def test_each_endpoints_window_holds_within_its_handlers() -> None:
    provider = Twitter.configured({})
    for service, units in (("following", 300), ("posts", 900)):
        quota = provider.quota(service)
        assert quota
        assert (quota.units, quota.seconds) == (units, 900.0)
        assert quota.units // quota.cost("me") <= 75
    assert Twitter.configured({"quota": "none"}).quota("posts") is None
