"""How the lists are read, by the real engine over the sandbox."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.faults import Fault

if TYPE_CHECKING:
    from conftest import Start

BOTH = pytest.mark.parametrize("handler", ["following", "post"])


@BOTH
def test_short_and_empty_pages_end_nothing(start: Start, handler: str) -> None:
    bench = start(handler)
    bench.holding.add_noise(22)
    bench.holding.add(2)
    bench.holding.add_noise(3)
    bench.sync()
    bench.expect_in_sync()


@BOTH
def test_an_old_cursor_is_not_used(
    start: Start, handler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(handler, items=22)
    bench.slice(batches=1)
    bench.slice(batches=1)
    token = bench.state().position["page"]
    assert '"after"' in token

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + timedelta(hours=2)

    monkeypatch.setattr("worker.handlers.datetime", Later)
    bench.requests()
    bench.sync()
    bench.expect_in_sync()
    # Of posts 12 are left, the last one before them is asked for again, and the head is looked at;
    # the likes are read whole.
    assert bench.requests() == {f"facebook:{bench.kind}": 3 + 1 if handler == "post" else 5}


def test_a_cursor_that_is_refused_is_got_round_by_time(start: Start) -> None:
    bench = start("post", items=22)
    bench.slice(batches=1)
    bench.holding.lose_feed()
    bench.requests()
    bench.sync()
    bench.expect_in_sync()
    # The refused one, with all fields and with few; 17 posts and the one before them; the head.
    assert bench.requests() == {"facebook:posts": 2 + 4 + 1}


def test_posts_beyond_the_reach_of_cursors_are_read_by_time(start: Start) -> None:
    bench = start("post", items=22)
    bench.timeline.reach = 10
    bench.sync()
    bench.expect_in_sync()


def test_likes_beyond_the_reach_of_cursors_are_left(start: Start) -> None:
    bench = start("following", items=22)
    bench.timeline.reach = 10
    bench.sync()
    assert len(bench.kept()) == 10
    # A Page that is pushed out of reach is still liked, and stays.
    bench.holding.add(3)
    bench.sync()
    assert len(bench.kept()) == 13


@pytest.mark.parametrize(
    ("handler", "field", "code"),
    [("post", "attachments", 12), ("following", "about", 10), ("following", "about", 100)],
)
def test_refused_fields_cost_the_fields_and_not_the_items(
    start: Start, handler: str, field: str, code: int
) -> None:
    bench = start(handler)
    bench.sync()
    whole = bench.kept()
    assert any(field in record["sourceData"] for record in whole.values())

    bench.timeline.withheld[bench.kind] = (frozenset({field}), code)
    added, *_ = bench.holding.add(1)
    bench.sync()
    bench.expect_in_sync()
    kept = bench.kept()
    assert field not in kept[added]["sourceData"]
    # What was kept in full stays so.
    assert {key: kept[key] for key in whole} == whole

    bench.timeline.withheld.clear()
    bench.sync()
    assert bench.kept()[added]["sourceData"].keys() > kept[added]["sourceData"].keys()


def test_a_page_that_is_too_much_is_asked_for_in_smaller_ones(start: Start) -> None:
    bench = start("post", size=100, items=22)
    bench.timeline.most = 10
    assert bench.sync().handler == "enabled"
    bench.expect_in_sync()


@BOTH
def test_an_empty_list_is_believed_only_where_the_permission_is_there(
    start: Start, handler: str
) -> None:
    bench = start(handler)
    bench.sync()
    before = bench.kept()
    bench.timeline.data_access_ended = True
    outcome = bench.sync()
    assert outcome.handler == "invalid-auth"
    assert "90 days" in (bench.state().message or "")
    assert bench.kept() == before


def test_a_permission_that_was_taken_back_is_named(start: Start) -> None:
    bench = start("post")
    bench.sync()
    before = bench.kept()
    store = bench.sandbox.world.tokens
    for text, (grant, until) in list(store._access.items()):
        less = type(grant)(grant.account, grant.scopes - {"user_posts"}, grant.serial)
        store._access[text] = (less, until)
    bench.sync()
    assert "user_posts was not granted" in (bench.state().message or "")
    assert bench.kept() == before


@BOTH
def test_what_is_only_no_longer_listed_stays(start: Start, handler: str) -> None:
    bench = start(handler)
    bench.sync()
    gone, unlisted = (item.id for item in bench.timeline.all(bench.kind)[-2:])
    read = bench.timeline.read

    def without(*args: Any) -> Any:
        found = read(*args)
        found.items = [item for item in found.items if item.id != unlisted]
        return found

    bench.timeline.read = without  # type: ignore[method-assign]
    bench.holding.remove(gone)
    bench.requests()
    bench.sync()
    kept = bench.kept()
    assert gone not in kept
    assert unlisted in kept
    # The list, the two that are missing, and the permission: at the list's empty end, and because
    # one is gone.
    assert sum(bench.requests().values()) == 3 + 2 + 2


@BOTH
def test_nothing_secret_gets_beyond_the_vault(
    start: Start, handler: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bench = start(handler, items=22)
    for kind in ("500", "403-quota"):
        bench.sandbox.world.faults.add(Fault(kind, path=bench.holding.path))
    positions = []
    while bench.slice(batches=1).next == "continue":
        positions.append(str(bench.state().position))
    assert len(positions) > 3
    tokens = bench.sandbox.world.tokens.all_given()
    redis = bench.services.redis
    held = [str(redis.dump(key)) for key in redis.scan_iter()]
    vault = bench.services.vaults.open("owner")
    records = [str(record) for record in vault.export()]
    assert len(records) == 22
    secrets = [*tokens, bench.sandbox.world.options.client_secret]
    for text in (*positions, *held, *records, caplog.text):
        assert not [secret for secret in secrets if secret in text]
    # The proof is of no use without the token, but what is kept needs none.
    assert not [text for text in (*positions, *held, *records) if "appsecret_proof" in text]


def test_access_that_ends_by_itself_costs_no_call_and_says_what_to_do(start: Start) -> None:
    bench = start("post")
    vault = bench.services.vaults.open("owner")
    tokens = vault.tokens(bench.job.connection)
    assert tokens is not None
    assert tokens.refresh_token is None
    assert tokens.expires_at is not None
    assert 59 < (tokens.expires_at - time.time()) / 86_400 < 61
    vault.save_tokens(bench.job.connection, replace(tokens, expires_at=time.time()))
    bench.sync()
    connection = vault.connection(bench.job.connection)
    assert connection.status == "invalid-auth"
    assert "connect the account again" in (connection.message or bench.state().message or "")
    assert not bench.requests()
