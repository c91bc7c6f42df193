from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Start

PDF_MAIL = b"""From: a@example.org
To: b@example.org
Subject: With a file
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=XX

--XX
Content-Type: text/plain

See the file.
--XX
Content-Type: text/csv; name=figures.csv
Content-Disposition: attachment; filename=figures.csv

fruit,count
apple,12
--XX
Content-Type: image/png; name=dot.png
Content-Disposition: attachment; filename=dot.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--XX--
"""


def test_the_first_sync_keeps_every_message(start: Start) -> None:
    bench = start(messages=120)
    batches = bench.sync()
    hidden = {"SPAM", "TRASH"}
    listed = {e for e, r in bench.kept.records.items() if not hidden & set(r["labels"])}
    assert len(bench.kept.records) == len(listed) == 120
    assert max(len(list(batch.records)) for batch in batches) <= 50
    assert batches[0].total == 120
    assert len(json.dumps(bench.position)) < 500


def test_a_mailbox_that_did_not_change_costs_one_request(start: Start) -> None:
    bench = start(messages=30)
    bench.sync()
    position = bench.position
    handler = bench.handler()
    bench.sandbox.world.stats.reset()
    assert list(handler.batches(position)) == []
    assert bench.sandbox.world.stats.to_json()["total"] == 1


def test_source_data_is_the_unaltered_answer(start: Start) -> None:
    bench = start(messages=3)
    bench.sync()
    for key, record in bench.kept.records.items():
        url = f"https://gmail.googleapis.com/gmail/v1/users/me/messages/{key}"
        fresh = bench.api.json(url, params={"format": "full"})
        kept = json.loads(json.dumps(record["sourceData"]))
        _without_attachment_ids(fresh["payload"])
        _without_attachment_ids(kept["payload"])
        assert kept == fresh


def _without_attachment_ids(part: dict[str, Any]) -> None:
    part.get("body", {}).pop("attachmentId", None)
    for child in part.get("parts", ()):
        _without_attachment_ids(child)


def test_what_changed_is_caught_up_with(start: Start) -> None:
    bench = start(messages=40)
    bench.sync()
    gone, moved = bench.mailbox.ids()[:2]
    new = bench.mailbox.add(2)
    passing = bench.mailbox.add(1)[0]
    bench.mailbox.delete(passing)
    bench.mailbox.delete(gone)
    bench.mailbox.relabel(moved, add=["STARRED"], remove=["UNREAD"])
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.deleted == [gone]
    assert set(new) <= set(bench.kept.records)
    moved_record = bench.kept.records[moved]
    assert "STARRED" in moved_record["labels"]
    assert moved_record["sourceData"]["labelIds"] == moved_record["labels"]
    assert moved_record["sourceData"]["payload"]
    # Two new messages and the labels of one; nothing for the one that came and went.
    assert bench.calls()["messages.get"] == 3


def test_new_mail_comes_before_the_backfill(start: Start) -> None:
    bench = start(messages=60)
    bench.sync(cut_after=1)
    new = bench.mailbox.add(1)
    batches = bench.sync()
    assert [record["sourceId"] for record in batches[0].records] == new
    bench.expect_in_sync()


def test_a_label_changed_during_the_backfill_is_not_lost(start: Start) -> None:
    bench = start(messages=60)
    bench.sync(cut_after=1)
    first = next(iter(bench.kept.records))
    bench.mailbox.relabel(first, add=["IMPORTANT", "STARRED"])
    bench.sync()
    assert "STARRED" in bench.kept.records[first]["labels"]


def test_a_sync_cut_at_every_batch_keeps_all_and_fetches_nothing_twice(start: Start) -> None:
    bench = start(messages=150, config={"list_size": 40, "batch_size": 10})
    fetched = 0
    for _ in range(60):
        bench.sync(cut_after=2)
        fetched += bench.calls().get("messages.get", 0)
        if bench.position["backfill"]["done"]:
            break
    bench.expect_in_sync()
    # A cut loses at most the one batch that was fetched ahead.
    assert fetched <= 150 + 10 * 30


def test_mail_that_leaves_the_list_meanwhile_hides_none_of_the_rest(start: Start) -> None:
    bench = start(messages=120, config={"list_size": 20, "batch_size": 10})
    chance = random.Random(3)
    for _ in range(80):
        bench.sync(cut_after=3)
        if bench.position["backfill"]["done"]:
            break
        bench.mailbox.delete(chance.choice(sorted(bench.mailbox.ids())))
        bench.mailbox.add(1)
    bench.sync()
    bench.expect_in_sync()


def test_many_changes_are_taken_in_stretches(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.google.gmail._STRETCH", 2)
    bench = start(messages=5, config={"list_size": 5})
    bench.sync()
    bench.mailbox.add(60)
    for _ in range(40):
        if not bench.sync(cut_after=1):
            break
    bench.expect_in_sync()
    assert len(bench.kept.records) == 65


def test_history_that_is_too_old_loses_neither_news_nor_deletions(start: Start) -> None:
    bench = start(messages=60, config={"list_size": 25})
    bench.sync()
    gone, moved = bench.mailbox.ids()[:2]
    bench.mailbox.delete(gone)
    bench.mailbox.relabel(moved, add=["STARRED"])
    bench.mailbox.add(3)
    bench.mailbox.expire_history()
    for _ in range(40):
        bench.sync(cut_after=2)
        if bench.position["backfill"]["done"]:
            break
    bench.sync()
    bench.expect_in_sync()
    assert bench.kept.deleted == [gone]
    assert "STARRED" in bench.kept.records[moved]["labels"]


def test_a_reset_position_finds_what_was_deleted_meanwhile(start: Start) -> None:
    bench = start(messages=30)
    bench.sync()
    gone = bench.mailbox.ids()[0]
    bench.mailbox.delete(gone)
    bench.position = {}
    bench.sync()
    assert bench.kept.deleted == [gone]
    bench.expect_in_sync()


def test_trashed_mail_stays_kept_and_new_spam_is_left_out(start: Start) -> None:
    bench = start(messages=20)
    bench.sync()
    trashed = next(k for k, r in bench.kept.records.items() if "INBOX" in r["labels"])
    bench.mailbox.trash(trashed)
    spam = bench.mailbox.add_raw(b"Subject: buy\n\nnow", labels=["SPAM"])
    bench.sync()
    assert "TRASH" in bench.kept.records[trashed]["labels"]
    assert spam not in bench.kept.records
    bench.mailbox.relabel(spam, add=["INBOX"], remove=["SPAM"])
    bench.sync()
    assert spam in bench.kept.records


def test_widening_the_range_fetches_only_what_is_older(start: Start) -> None:
    bench = start(messages=200, newest=time.time() - 3600)
    bench.now = bench.now.fromtimestamp(time.time(), bench.now.tzinfo)
    bench.options = {"backdate": "1"}
    bench.sync()
    recent = set(bench.kept.records)
    limit = (bench.now.timestamp() - 32 * 86_400) * 1000
    ages = [int(r["sourceData"]["internalDate"]) for r in bench.kept.records.values()]
    assert min(ages) > limit
    assert bench.batches[0].total is None
    bench.options = {"backdate": "all"}
    bench.sync()
    bench.expect_in_sync()
    assert bench.calls()["messages.get"] == 200 - len(recent)
    bench.options = {"backdate": "3"}
    assert all(not list(batch.records) for batch in bench.sync())
    bench.expect_in_sync()


def test_relabelling_mail_from_before_the_range_fetches_nothing(start: Start) -> None:
    bench = start(messages=200, newest=time.time() - 3600)
    bench.now = bench.now.fromtimestamp(time.time(), bench.now.tzinfo)
    bench.options = {"backdate": "1"}
    bench.sync()
    old = next(key for key in bench.mailbox.ids() if key not in bench.kept.records)
    bench.mailbox.relabel(old, add=["STARRED"])
    bench.sync()
    assert old not in bench.kept.records
    assert "messages.get" not in bench.calls()


def test_attachments_give_their_text_and_those_without_say_why(start: Start) -> None:
    bench = start(messages=0)
    key = bench.mailbox.add_raw(PDF_MAIL)
    bench.sync()
    csv, png = bench.kept.records[key]["attachments"]
    assert "apple,12" in csv["textContent"]
    assert csv["filename"] == "figures.csv"
    assert (png["textContent"], png["note"]) == ("", "unsupported type")
    # The picture was not fetched.
    assert bench.calls()["messages.attachments.get"] == 1


def test_a_mail_whose_attachment_cannot_be_had_is_tried_once_more(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.google import errors, gmail_messages

    bench = start(messages=3)
    key = bench.mailbox.add_raw(PDF_MAIL)

    def broken(*_: Any) -> Any:
        raise errors.from_fault("500", now=0.0, retry_after=None)

    with monkeypatch.context() as patch:
        patch.setattr(gmail_messages.payload, "attachment", broken)
        bench.sync()
        failed = bench.kept.failed[key]
        assert "could not be had" in failed.reason
        assert len(bench.kept.records) == 3
        # The second time it is kept without.
        csv = bench.handler().retry(failed)["attachments"][0]
        assert (csv["textContent"], csv["note"]) == ("", "not available")
    csv = bench.handler().retry(failed)["attachments"][0]
    assert "apple,12" in csv["textContent"]


def test_an_attachment_above_the_limit_is_not_fetched(start: Start) -> None:
    bench = start(messages=0)
    bench.text_limit = 10
    key = bench.mailbox.add_raw(PDF_MAIL)
    bench.sync()
    assert bench.kept.records[key]["attachments"][0]["note"] == "too large"
    assert "messages.attachments.get" not in bench.calls()
