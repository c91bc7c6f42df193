"""Batches made ready to be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.sdk.handler import Context, Handler
from connectors.sdk.records import Account, Batch, Failed, Json, Position, Record
from connectors.sdk.schemas.base import RecordSchema
from connectors.sdk.schemas.email import Email
from worker.batches import NOT_DELIVERED, Preparer, Timings

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Mail(Handler):
    id = "mail"
    label = "Mail"
    schema = Email

    def batches(self, position: Position) -> Iterator[Batch]:
        yield Batch([], position)

    def record(self, source: Json) -> Record:
        return self.build(
            id=source["id"],
            name="Lunch",
            inserted_at=NOON,
            source=source,
            type="receive",
            fromEmail="ada@example.com",
            toEmail="me@example.com",
            messageText="my diary",
            sentAt="2024-05-01T12:00:00.000Z",
        )


class Kept:
    """Remembers what it was asked."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids)
        self.asked: list[set[str]] = []

    def known(self, source_ids: Collection[str]) -> set[str]:
        self.asked.append(set(source_ids))
        return self.ids & set(source_ids)

    def get(self, source_id: str) -> Record | None:
        return None

    def source_ids(self) -> Iterator[str]:
        return iter(self.ids)


@pytest.fixture
def mail() -> Mail:
    provider: Any = SimpleNamespace(id="acme", url="https://acme.example")
    nothing: Any = None
    return Mail(Context(provider, Account("1"), nothing, {}, nothing, 1000, NOON))


@pytest.fixture
def kept() -> Kept:
    return Kept("held")


@pytest.fixture
def preparer(mail: Mail, kept: Kept) -> Preparer:
    return Preparer(mail, kept)


def record(mail: Mail, item_id: str, **changes: Any) -> Record:
    return {**mail.record({"id": item_id}), **changes}


def test_good_records_pass_with_their_position_and_total(mail: Mail, preparer: Preparer) -> None:
    records = [record(mail, "a"), record(mail, "b")]
    done = preparer.prepare(Batch(iter(records), {"n": 1}, deleted=iter("cd"), total=7))
    assert done.records == records
    assert (done.position, done.deleted, done.total, done.failed) == ({"n": 1}, ["c", "d"], 7, [])


def test_the_last_of_two_records_with_one_id_wins(mail: Mail, preparer: Preparer) -> None:
    twice = [record(mail, "a", name="old"), record(mail, "b"), record(mail, "a", name="new")]
    done = preparer.prepare(Batch(twice, {}))
    assert [(r["sourceId"], r["name"]) for r in done.records] == [("a", "new"), ("b", "Lunch")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sentAt": "my diary"}, "sentAt"),
        ({"messageText": None}, "messageText"),
        ({"diary": "my diary"}, "diary: unknown field"),
        ({"to": [{"email": "x"}, {"name": "my diary"}]}, "to.1.email"),
        ({"_id": "acme:2:a"}, "_id was not made by build()"),
        ({"_id": "other:1:a"}, "_id was not made by build()"),
        ({"schema": "https://example.com/other"}, "schema is not the handler's"),
    ],
)
def test_a_bad_record_is_set_aside_alone_with_its_source_and_no_content_in_the_reason(
    mail: Mail, preparer: Preparer, changes: dict[str, Any], reason: str
) -> None:
    done = preparer.prepare(
        Batch([record(mail, "a", **changes), record(mail, "b")], {}, listed=["a", "b"])
    )
    assert [r["sourceId"] for r in done.records] == ["b"]
    [failed] = done.failed
    assert (failed.source_id, failed.source) == ("a", {"id": "a"})
    assert reason in failed.reason
    assert "my diary" not in failed.reason


def test_a_message_without_content_is_kept(mail: Mail, preparer: Preparer) -> None:
    empty = record(mail, "a", name="", messageText="", fromEmail="", toEmail="", sourceData={})
    assert preparer.prepare(Batch([empty], {})).records == [empty]


def test_a_record_without_any_id_still_goes_to_quarantine(mail: Mail, preparer: Preparer) -> None:
    bare = record(mail, "a", sourceData=5)
    del bare["sourceId"], bare["_id"]
    [failed] = preparer.prepare(Batch([bare], {})).failed
    assert (failed.source_id, failed.source) == ("unknown", {"id": "unknown"})


def test_listed_ids_that_nothing_was_said_of_are_quarantined(
    mail: Mail, preparer: Preparer, kept: Kept
) -> None:
    done = preparer.prepare(
        Batch(
            [record(mail, "came")],
            {},
            deleted=["deleted"],
            failed=[Failed("failed", {"id": "failed"}, "no")],
            listed=["came", "deleted", "failed", "gone", "held", "lost", "also lost"],
            gone=["gone"],
        )
    )
    assert [(f.source_id, f.reason) for f in done.failed] == [
        ("failed", "no"), ("also lost", NOT_DELIVERED), ("lost", NOT_DELIVERED),
    ]  # fmt: skip
    assert done.failed[1].source == {"id": "also lost"}
    assert kept.asked == [{"held", "lost", "also lost"}]


def test_the_vault_is_not_asked_when_all_is_accounted_for(
    mail: Mail, preparer: Preparer, kept: Kept
) -> None:
    preparer.prepare(Batch([record(mail, "a")], {}, listed=["a"]))
    assert kept.asked == []


def test_an_item_fails_once(preparer: Preparer) -> None:
    twice = [Failed("a", {"id": "a"}, "first"), Failed("a", {"id": "a"}, "second")]
    assert [f.reason for f in preparer.prepare(Batch([], {}, failed=twice)).failed] == ["second"]


def test_an_account_whose_id_begins_like_anothers_is_another(mail: Mail, kept: Kept) -> None:
    assert Preparer(mail, kept).check(record(mail, "a", _id="acme:12:a"))


def test_the_time_of_checking_is_counted(mail: Mail, kept: Kept) -> None:
    timings = Timings()
    Preparer(mail, kept, timings).check(record(mail, "a"))
    assert timings.schema > 0


class Note(RecordSchema):
    uri = "https://example.com/note"
    slug = "note"


class Both(Mail):
    also = (Note,)

    def record(self, source: Json) -> Record:
        schema = Note if source["id"].startswith("n") else Email
        return {**super().record(source), "schema": schema.uri}


def test_each_record_is_checked_by_its_own_schema() -> None:
    context: Any = SimpleNamespace(
        provider=SimpleNamespace(id="acme", url="https://acme.example"),
        account=Account("1"),
        api=None,
        kept=None,
    )
    handler = Both(context)
    prepared = Preparer(handler, Kept()).prepare(handler.keep([{"id": "m1"}, {"id": "n1"}], {}))
    assert [record["sourceId"] for record in prepared.records] == ["m1"]
    # A note has none of a mail's fields.
    assert [failed.source_id for failed in prepared.failed] == ["n1"]


def test_a_schema_that_the_handler_does_not_name_is_refused() -> None:
    context: Any = SimpleNamespace(
        provider=SimpleNamespace(id="acme", url="https://acme.example"),
        account=Account("1"),
        api=None,
        kept=None,
    )
    record = {**Mail(context).record({"id": "m1"}), "schema": Note.uri}
    prepared = Preparer(Mail(context), Kept()).prepare(Batch([record], {}))
    assert [failed.reason for failed in prepared.failed] == ["schema is not the handler's"]


def test_records_are_read_before_what_failed_of_them() -> None:
    context: Any = SimpleNamespace(
        provider=SimpleNamespace(id="acme", url="https://acme.example"),
        account=Account("1"),
        api=None,
        kept=None,
    )
    handler = Mail(context)
    failed: list[Failed] = []

    def mapped() -> Iterator[Record]:
        yield handler.record({"id": "m1"})
        failed.append(Failed("m2", {"id": "m2"}, "odd"))

    batch = Batch(mapped(), {}, failed=failed, listed=["m1", "m2", "m3"])
    prepared = Preparer(handler, Kept()).prepare(batch)
    assert [record["sourceId"] for record in prepared.records] == ["m1"]
    assert [(item.source_id, item.reason) for item in prepared.failed] == [
        ("m2", "odd"),
        ("m3", NOT_DELIVERED),
    ]
    assert prepared.listed == {"m1", "m2", "m3"}
