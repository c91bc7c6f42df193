"""What a file's metadata becomes, and where a sync stands; without any request."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.google import drive_quota
from connectors.google.config import GoogleConfig
from connectors.google.drive_content import OVER_LIMIT, UNAVAILABLE, Content, kept_content
from connectors.google.drive_file import file_fields, owned, same_content
from connectors.google.drive_position import Backfill, State

PLAIN = {
    "id": "1abc",
    "name": "Notes.TXT",
    "mimeType": "text/plain",
    "createdTime": "2026-01-02T03:04:05.678Z",
    "modifiedTime": "2026-02-03T04:05:06.789Z",
    "size": "12",
    "md5Checksum": "aa",
}


def fields(**changes: Any) -> dict[str, Any]:
    file = {key: value for key, value in {**PLAIN, **changes}.items() if value is not ...}
    return file_fields(file)


def test_the_metadata_gives_the_fields() -> None:
    found = fields(description="x" * 300, webViewLink="https://a.example", iconLink="https://i")
    assert found == {
        "name": "Notes.TXT",
        "inserted_at": "2026-01-02T03:04:05.678Z",
        "modifiedAt": "2026-02-03T04:05:06.789Z",
        "extension": "txt",
        "mimeType": "text/plain",
        "size": 12,
        "uri": "https://a.example",
        "icon": "https://i",
        "summary": "x" * 256,
    }


@pytest.mark.parametrize(
    ("changes", "extension"),
    [
        ({"fileExtension": "gz", "name": "a.tar.gz"}, "gz"),
        ({"name": "none"}, ""),
        ({"mimeType": "application/vnd.google-apps.document", "name": "v1.2"}, "gdoc"),
        ({"mimeType": "application/vnd.google-apps.spreadsheet"}, "gsheet"),
        ({"mimeType": "application/vnd.google-apps.fusiontable"}, ""),
    ],
)
def test_the_extension_is_the_files_or_its_types(changes: dict[str, str], extension: str) -> None:
    assert fields(**changes)["extension"] == extension


@pytest.mark.parametrize(
    ("changes", "size"),
    [({"size": ..., "quotaBytesUsed": "7"}, 7), ({"size": ...}, 0), ({"size": "0"}, 0)],
)
def test_the_size_is_what_is_told(changes: dict[str, Any], size: int) -> None:
    assert fields(**changes)["size"] == size


@pytest.mark.parametrize("name", [..., None, ""])
def test_a_file_without_a_name_is_kept(name: Any) -> None:
    assert fields(name=name)["name"] == "(no name)"


def test_a_time_that_is_missing_is_made_up_for() -> None:
    assert fields(createdTime=...)["inserted_at"] == "2026-02-03T04:05:06.789Z"
    found = fields(createdTime=None, modifiedTime=None)
    assert found["inserted_at"] == "1970-01-01T00:00:00.000Z"
    assert found["modifiedAt"] is None


@pytest.mark.parametrize(
    "changes",
    [{"name": 7}, {"mimeType": []}, {"size": "many"}, {"size": "-1"}, {"createdTime": "then"}],
)
def test_nonsense_is_not_mapped(changes: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        fields(**changes)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"name": "Other", "modifiedTime": "2027-01-01T00:00:00Z"}, True),
        ({"md5Checksum": "bb"}, False),
        ({"mimeType": "text/html"}, False),
        ({"md5Checksum": None}, True),
        ({"md5Checksum": None, "modifiedTime": "2027-01-01T00:00:00Z"}, False),
        ({"md5Checksum": None, "modifiedTime": None}, False),
    ],
)
def test_content_is_told_by_the_surest_sign_that_both_have(
    changes: dict[str, Any], same: bool
) -> None:
    assert same_content(PLAIN, {**PLAIN, **changes}) is same


def test_who_owns_a_file_is_told_by_its_owners() -> None:
    assert owned({"owners": [{"me": False}, {"me": True}]})
    assert not owned({"owners": [{"me": False}], "ownedByMe": True})
    assert owned({"ownedByMe": True})
    assert not owned({"owners": None})


@pytest.mark.parametrize("note", [UNAVAILABLE, OVER_LIMIT])
def test_a_note_that_holds_for_a_while_is_not_kept(note: str) -> None:
    assert kept_content({"sourceData": PLAIN, "note": note}, PLAIN) is None


def test_kept_text_and_lasting_notes_are_kept() -> None:
    assert kept_content({"sourceData": PLAIN, "contentText": "a"}, PLAIN) == Content("a")
    assert kept_content({"sourceData": PLAIN, "note": "damaged"}, PLAIN) == Content(note="damaged")
    assert kept_content({"sourceData": PLAIN}, PLAIN) is None


def test_a_state_survives_its_position() -> None:
    state = State("12", "own", Backfill(page="x", shifted=True), ["1abc"], True, True, "1abd")
    assert State.from_json(state.to_json()) == state
    assert State.from_json({}) == State()


def test_a_listing_that_was_shifted_ends_with_comparing() -> None:
    state = State(backfill=Backfill(ended=True, shifted=True))
    state.close()
    assert state.backfill == Backfill(done=True)
    assert state.comparing
    state = State(backfill=Backfill(ended=True))
    state.close()
    assert not state.comparing


def test_more_files_are_listed_from_the_start_and_fewer_are_not() -> None:
    state = State("12", "own", Backfill(done=True))
    state.choose("all")
    assert state.backfill == Backfill()
    state.backfill = Backfill(done=True)
    state.choose("own")
    assert state.backfill.done
    state.backfill = Backfill(page="of another query")
    state.choose("all")
    assert state.backfill.page is None


def test_the_quota_follows_the_projects_age() -> None:
    assert GoogleConfig().budget("drive") == drive_quota.NEW
    assert GoogleConfig(quota="old").budget("drive") == drive_quota.OLD
    assert GoogleConfig(quota="none").budget("drive") is None
    assert drive_quota.NEW.cost("files.list") == 100
    assert drive_quota.OLD.cost("files.list") == 1
