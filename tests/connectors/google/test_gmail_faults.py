from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.google import multipart
from connectors.sdk.errors import (
    AccessDeniedError,
    AccessRejectedError,
    GoneError,
    RateLimitedError,
    TransientError,
)
from connectors.sdk.records import Failed
from sandbox.faults import Fault
from sandbox.google import errors
from sandbox.options import Quota

if TYPE_CHECKING:
    from conftest import Bench, Start


@pytest.mark.parametrize("kind", ["429", "403-quota", "500", "garbage-json", "401"])
def test_parts_that_fail_are_fetched_again_without_the_others(start: Start, kind: str) -> None:
    bench = start(messages=50)
    bench.sandbox.world.faults.add(Fault(kind, path="batch-part", count=4, skip=3))
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.failed == {}
    assert bench.tokens.refreshed == 0


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset", "truncate", "garbage-json"])
def test_a_request_that_fails_is_sent_again(start: Start, kind: str) -> None:
    bench = start(messages=30)
    for path in ("/batch/", "/messages$", "/profile"):
        bench.sandbox.world.faults.add(Fault(kind, path=path))
    bench.sync()
    bench.expect_in_sync()


def test_parts_that_were_not_asked_for_are_no_answers_and_those_that_lack_are_asked_for_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(messages=30)
    read = multipart.read
    answers = 0

    def foreign(kind: str, body: bytes) -> dict[str, multipart.Part]:
        nonlocal answers
        answers += 1
        parts = read(kind, body)
        first = next(iter(parts))
        # One answer bears another's name, and one more is of nothing that was asked for.
        named = {f"{key}x" if key == first and answers == 1 else key: p for key, p in parts.items()}
        return {**named, "foreign": parts[first]}

    monkeypatch.setattr(multipart, "read", foreign)
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.failed == {}
    assert answers > 1


def test_a_token_that_ends_within_a_batch_is_refreshed(start: Start) -> None:
    bench = start(messages=60)
    handler = bench.handler()
    run = handler.batches({})
    bench.kept.keep(next(run))
    bench.sandbox.world.tokens.expire_access()
    for batch in run:
        bench.kept.keep(batch)
    bench.expect_in_sync()
    assert bench.tokens.refreshed == 1


def test_a_part_that_fails_for_ever_goes_to_quarantine(start: Start) -> None:
    bench = start(messages=30)
    bad = bench.mailbox.ids()[5]
    _break_message(bench, bad)
    bench.sync()
    assert set(bench.kept.failed) == {bad}
    assert set(bench.kept.records) == set(bench.mailbox.ids()) - {bad}
    assert bench.kept.failed[bad].source == {"id": bad}


def _break_message(bench: Bench, bad: str) -> None:
    """The sandbox's faults break parts by number; this breaks one message for ever."""
    source = bench.mailbox.get
    raised = errors.from_fault("500", now=0.0, retry_after=None)

    def get(ident: str) -> Any:
        if ident == bad:
            raise raised
        return source(ident)

    bench.mailbox.get = get


def test_an_outage_quarantines_nothing(start: Start) -> None:
    bench = start(messages=30)
    bench.sandbox.world.faults.add(Fault("503", path="batch-part", count=0))
    bench.sandbox.world.faults.add(Fault("503", path="/messages/", count=0))
    with pytest.raises(TransientError):
        bench.sync()
    assert bench.kept.failed == {}
    bench.sandbox.world.faults.clear()
    bench.sync()
    bench.expect_in_sync()


def test_one_mail_that_cannot_be_mapped_stops_no_other(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.google import gmail

    bench = start(messages=30)
    bad = bench.mailbox.ids()[7]
    mapped = gmail.email_fields

    def fail(message: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        if message["id"] == bad:
            raise KeyError("subject of the person")
        return mapped(message, *args, **kwargs)

    monkeypatch.setattr(gmail, "email_fields", fail)
    bench.sync()
    failed = bench.kept.failed[bad]
    assert set(bench.kept.records) == set(bench.mailbox.ids()) - {bad}
    assert "person" not in failed.reason
    assert failed.source["payload"]
    monkeypatch.undo()
    assert bench.handler().retry(failed)["sourceId"] == bad


def test_retrying_a_message_that_is_gone_says_so_with_what_was_found(start: Start) -> None:
    bench = start(messages=3)
    bench.sync()
    key, record = next(iter(bench.kept.records.items()))
    bench.mailbox.delete(key)
    handler = bench.handler()
    with pytest.raises(GoneError) as said:
        handler.retry(Failed(key, record["sourceData"], ""))
    assert said.value.record is not None
    assert said.value.record["name"] == record["name"]
    with pytest.raises(GoneError) as said:
        handler.retry(Failed(key, {"id": key}, ""))
    assert said.value.record is None


def test_a_message_that_vanished_after_it_was_listed_is_gone(start: Start) -> None:
    bench = start(messages=40, config={"batch_size": 10})
    run = bench.handler().batches({})
    bench.kept.keep(next(run))
    left = [key for key in bench.mailbox.ids() if key not in bench.kept.records]
    bench.mailbox.delete(left[-1])
    batches = list(run)
    assert [key for batch in batches for key in batch.gone] == [left[-1]]


def test_a_refused_page_token_lists_again_without_fetching_again(start: Start) -> None:
    bench = start(messages=60, config={"list_size": 20})
    bench.sync(cut_after=2)
    assert bench.position["backfill"]["page"]
    kept = len(bench.kept.records)
    bench.position["backfill"]["page"] = "nonsense"
    bench.sync()
    bench.expect_in_sync()
    assert bench.calls()["messages.get"] == 60 - kept


def test_what_was_fetched_before_a_limit_is_kept(start: Start) -> None:
    bench = start(messages=40, quota=Quota(units=300, seconds=600))
    bench.inline_wait = 0.2
    bench.make_api()
    with pytest.raises(RateLimitedError):
        bench.sync()
    assert 5 <= len(bench.kept.records) < 40


def test_a_quota_is_kept_to(start: Start) -> None:
    config = {"quota": "new", "quota_units": 2_000, "quota_seconds": 60}
    bench = start(messages=40, config=config)
    spent: list[int] = []

    class Counting:
        def take(self, units: int) -> float:
            spent.append(units)
            return 0.0

        def block(self, seconds: float) -> None:
            raise AssertionError(seconds)

    bench.api._budget = Counting()
    bench.sync()
    told = bench.sandbox.world.stats.to_json()["units"]
    assert sum(spent) == sum(told.values())
    # A tenth of the window at most is spent at once.
    assert max(spent) == 200


def test_a_missing_permission_stops_the_handler_with_its_name(start: Start) -> None:
    bench = start(messages=3)
    bench.sandbox.world.faults.add(Fault("403-scope", path="/profile"))
    with pytest.raises(AccessDeniedError, match=r"gmail\.readonly"):
        bench.sync()


def test_a_refused_sign_in_asks_the_person(start: Start) -> None:
    bench = start(messages=3)
    handler = bench.handler()
    bench.sandbox.world.faults.add(Fault("401", path="/gmail/", count=0))
    with pytest.raises(AccessRejectedError):
        list(handler.batches({}))


def test_every_request_goes_to_the_configured_place(start: Start) -> None:
    bench = start(messages=3)
    bench.sync()
    requests = bench.sandbox.world.stats.to_json()["requests"]
    assert requests["batch"] >= 1
