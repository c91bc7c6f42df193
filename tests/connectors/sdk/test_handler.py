"""What every handler does alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.sdk.handler import Context, Handler
from connectors.sdk.records import Account, Batch, Failed, Json, Position, Record
from connectors.sdk.schemas.base import RecordSchema

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Note(RecordSchema):
    uri = "https://example.com/note"
    slug = "note"


class Notes(Handler):
    id = "notes"
    label = "Notes"
    schema = Note

    def batches(self, position: Position) -> Iterator[Batch]:
        yield Batch([], position)

    def record(self, source: Json) -> Record:
        return self.build(
            id=source["id"], name=source["title"], inserted_at=NOON, source=source, icon=None
        )


@pytest.fixture
def notes() -> Notes:
    provider: Any = SimpleNamespace(id="acme", url="https://acme.example")
    nothing: Any = None
    return Notes(Context(provider, Account("1:2"), nothing, {}, nothing, 1000, NOON))


def test_a_class_that_leaves_something_out_is_refused_when_it_is_made() -> None:
    with pytest.raises(TypeError, match="Half must set label, schema"):
        type("Half", (Handler,), {"id": "half"})


def test_a_built_record_has_all_base_fields_and_passes_its_schema(notes: Notes) -> None:
    source = {"id": "a", "title": "Milk"}
    record = notes.record(source)
    assert record == {
        "_id": "acme:1%3A2:a",
        "schema": Note.uri,
        "name": "Milk",
        "sourceApplication": "https://acme.example",
        "sourceAccountId": "1:2",
        "sourceId": "a",
        "sourceData": source,
        "insertedAt": "2024-05-01T12:00:00.000Z",
    }
    assert Note().load(record)["id"] == "acme:1%3A2:a"


def test_a_time_that_is_text_already_stays(notes: Notes) -> None:
    text = "2024-05-01T14:00:00+02:00"
    assert notes.build(id="a", name="b", inserted_at=text, source={})["insertedAt"] == text


def test_fields_that_are_empty_but_not_none_stay(notes: Notes) -> None:
    record = notes.build(id="a", name="b", inserted_at=NOON, source={}, summary="", count=0)
    assert (record["summary"], record["count"]) == ("", 0)


def test_a_quarantined_item_is_mapped_again(notes: Notes) -> None:
    record = notes.retry(Failed("a", {"id": "a", "title": "Milk"}, "was wrong"))
    assert record["name"] == "Milk"


class Album(RecordSchema):
    uri = "https://example.com/album"
    slug = "album"


class Albums(Notes):
    id = "albums"
    also = (Album,)


def test_a_handler_may_have_several_schemas(notes: Notes) -> None:
    albums = Albums(notes.context)
    record = albums.build(id="a", name="b", inserted_at=NOON, source={}, schema=Album)
    assert record["schema"] == Album.uri
    assert albums.schemas() == {Note.uri: Note, Album.uri: Album}


def test_an_item_that_cannot_be_mapped_is_quarantined_alone(notes: Notes) -> None:
    items: list[Json] = [{"id": "a", "title": "Milk"}, {"id": "b"}, {"id": "c", "title": "Tea"}]
    batch = notes.keep(items, {"page": 2}, deleted=["z"], total=3)
    assert [record["sourceId"] for record in batch.records] == ["a", "c"]
    assert list(batch.failed) == [
        Failed("b", {"id": "b"}, "the item could not be mapped (KeyError)")
    ]
    assert (batch.position, list(batch.deleted), batch.total) == ({"page": 2}, ["z"], 3)


def test_an_item_without_an_id_is_quarantined_under_one_made_of_its_content(notes: Notes) -> None:
    odd: Any = [{"title": "Milk"}, {"title": "Tea"}, "not an object", {"id": 7, "title": 8}]
    ids = [failed.source_id for failed in notes.keep(odd, {}).failed]
    assert len(set(ids)) == len(ids) == 3
    assert all(made.startswith("unidentified-") for made in ids)
    assert ids == [failed.source_id for failed in notes.keep(odd, {}).failed]
