"""The Drive API, asked by Google's own client, against its discovery document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from jsonschema import Draft202012Validator

from connectors.sdk.text.documents import extract_text
from sandbox.google import drive_documents as kinds
from sandbox.google.drive_store import DriveStore
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.sandbox.conftest import strict_schema

OWN = "'me' in owners and trashed = false and mimeType != 'application/vnd.google-apps.folder'"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return dict(json.loads((folder / "drive.v3.json").read_text()))


@pytest.fixture(scope="module")
def check(document: dict[str, Any]) -> Callable[[str, object], None]:
    defs = {name: strict_schema(schema) for name, schema in document["schemas"].items()}

    def validate(schema: str, answer: object) -> None:
        Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": defs}).validate(answer)

    return validate


class Drive:
    """A sandbox with Google's client on it."""

    def __init__(self, sandbox: RunningSandbox, document: dict[str, Any]) -> None:
        self.sandbox = sandbox
        access = sandbox.world.mint()["access_token"]
        places = {"rootUrl": f"{sandbox.url}/", "mtlsRootUrl": ""}
        self.service = build_from_document({**document, **places}, credentials=Credentials(access))
        self.files, self.changes = self.service.files(), self.service.changes()
        found: Any = sandbox.world.sides["google"].holdings(0)["google-drive-document"]
        self.holding = found
        self.store: DriveStore = found.store

    def pages(self, **params: Any) -> Iterator[dict[str, Any]]:
        request = self.files.list(**params)
        while request is not None:
            yield (page := request.execute())
            request = self.files.list_next(request, page)


@pytest.fixture
def drive(document: dict[str, Any]) -> Iterator[Drive]:
    with running(SandboxOptions(items=34, messages=0, newest=1_790_000_000.0)) as sandbox:
        made = Drive(sandbox, document)
        yield made
        made.service.close()


def reason(request: Any) -> tuple[int, str, str]:
    with pytest.raises(HttpError) as raised:
        request.execute()
    error = json.loads(raised.value.content)["error"]
    first = error["errors"][0]
    return raised.value.resp.status, first["reason"], first.get("location", "")


def test_answers_have_the_documented_form(drive: Drive, check: Any) -> None:
    for page in drive.pages(pageSize=7, fields="*"):
        check("FileList", page)
    check("FileList", drive.files.list().execute())
    check("StartPageToken", drive.changes.getStartPageToken().execute())
    token = drive.store.start
    drive.holding.add(3)
    drive.holding.remove(drive.holding.add()[0])
    answer = drive.changes.list(pageToken=token, fields="*").execute()
    check("ChangeList", answer)
    assert [change["removed"] for change in answer["changes"]] == [False] * 3 + [True]
    check("File", drive.files.get(fileId=drive.holding.expected({})[0], fields="*").execute())


def test_paging_lists_what_is_asked_for_once(drive: Drive) -> None:
    pages = list(drive.pages(q=OWN, pageSize=7, fields="nextPageToken,files(id,mimeType)"))
    listed = [file["id"] for page in pages for file in page["files"]]
    shortcut = "application/vnd.google-apps.shortcut"
    wanted = [f["id"] for p in pages for f in p["files"] if f["mimeType"] != shortcut]
    assert len(set(listed)) == len(listed)
    assert wanted == drive.holding.expected({})


def test_pages_may_be_short_or_empty_before_the_end(drive: Drive) -> None:
    drive.holding.add_noise(10)
    pages = list(drive.pages(q=OWN, pageSize=5))
    assert [len(page["files"]) for page in pages[:2]] == [0, 0]
    assert "nextPageToken" in pages[0]


def test_what_is_removed_shifts_the_pages_that_follow(drive: Drive) -> None:
    before = [file["id"] for page in drive.pages(pageSize=10) for file in page["files"]]
    request = drive.files.list(pageSize=10)
    first = request.execute()
    drive.holding.remove(before[2])
    second = drive.files.list_next(request, first).execute()
    assert second["files"][0]["id"] == before[11]


def test_of_a_folder_that_goes_the_changes_tell_alone(drive: Drive) -> None:
    folder, files = drive.store.add_filled_folder(2)
    loose = drive.store.add(kinds.TEXT).id
    inside = {file.id for file in files}
    get = drive.files.get(fileId=files[0].id, fields="parents,trashed,explicitlyTrashed")
    assert get.execute() == {"parents": [folder.id], "trashed": False, "explicitlyTrashed": False}

    def listed() -> set[str]:
        return {file["id"] for page in drive.pages(q=OWN) for file in page["files"]}

    def told(token: str) -> list[str]:
        answer = drive.changes.list(pageToken=token).execute()
        return [change["fileId"] for change in answer["changes"]]

    drive.store.trash(files[1].id)
    token = drive.store.start
    drive.store.trash(folder.id)
    assert told(token) == [folder.id]
    assert listed() & {*inside, loose} == {loose}
    assert get.execute()["trashed"] is True
    assert get.execute()["explicitlyTrashed"] is False
    # What was put into the trash by itself stays there.
    drive.store.trash(folder.id, trashed=False)
    assert listed() & inside == {files[0].id}
    drive.store.remove(folder.id)
    assert told(token) == [folder.id]
    assert drive.store.get(files[0].id) is None


def test_a_page_holds_at_most_a_thousand(drive: Drive) -> None:
    drive.holding.add_noise(1000)
    assert len(drive.files.list(pageSize=5000).execute()["files"]) == 1000
    assert len(drive.files.list().execute()["files"]) == 100


@pytest.mark.parametrize(
    ("params", "location"),
    [
        ({"q": "name contains 'x'"}, "q"),
        ({"pageToken": "nonsense"}, "pageToken"),
        ({"corpora": "domain"}, "corpora"),
        ({"orderBy": "name"}, "orderBy"),
        ({"fields": "files(id,colour)"}, "fields"),
        ({"fields": "files(id"}, "fields"),
    ],
)
def test_what_is_not_played_is_refused(drive: Drive, params: dict[str, Any], location: str) -> None:
    status, _, where = reason(drive.files.list(**params))
    assert (status, where) == (400, location)


def test_a_page_token_is_for_its_query_alone(drive: Drive) -> None:
    token = drive.files.list(pageSize=5).execute()["nextPageToken"]
    assert reason(drive.files.list(pageToken=token, q="trashed = false"))[2] == "pageToken"


def test_parts_of_files_are_given_as_asked(drive: Drive) -> None:
    fields = "files(id,owners(me,emailAddress),capabilities/canDownload)"
    page = drive.files.list(pageSize=40, fields=fields).execute()
    assert set(page) == {"files"}
    assert {key for file in page["files"] for key in file} == {"id", "owners", "capabilities"}
    assert set(page["files"][0]["owners"][0]) == {"me", "emailAddress"}
    plain = drive.files.list(pageSize=2).execute()["files"][0]
    assert set(plain) == {"kind", "id", "name", "mimeType"}


def test_changes_tell_how_each_file_is_now_and_once(drive: Drive) -> None:
    token = drive.changes.getStartPageToken().execute()["startPageToken"]
    assert drive.changes.list(pageToken=token).execute()["changes"] == []
    one, two, three = drive.holding.expected({})[:3]
    drive.store.rename(one, "First")
    drive.store.rename(one, "Second")
    drive.store.trash(two)
    drive.store.remove(three)
    fields = "newStartPageToken,changes(fileId,removed,file(name,trashed))"
    answer = drive.changes.list(pageToken=token, fields=fields).execute()
    found = {change["fileId"]: change for change in answer["changes"]}
    assert found[one]["file"]["name"] == "Second"
    assert found[two]["file"]["trashed"] is True
    assert found[three] == {"fileId": three, "removed": True}
    assert len(answer["changes"]) == 3
    later = answer["newStartPageToken"]
    assert drive.changes.list(pageToken=later).execute()["changes"] == []


def test_changes_come_in_pages(drive: Drive) -> None:
    token = drive.store.start
    added = drive.holding.add(5)
    first = drive.changes.list(pageToken=token, pageSize=3).execute()
    assert "newStartPageToken" not in first
    second = drive.changes.list(pageToken=first["nextPageToken"], pageSize=3).execute()
    seen = [change["fileId"] for change in first["changes"] + second["changes"]]
    assert seen == added
    assert "nextPageToken" not in second


def test_lost_tokens_are_refused(drive: Drive) -> None:
    page = drive.files.list(pageSize=5).execute()["nextPageToken"]
    token = drive.store.start
    drive.holding.lose_feed()
    assert reason(drive.files.list(pageSize=5, pageToken=page)) == (400, "invalid", "pageToken")
    assert reason(drive.changes.list(pageToken=token)) == (400, "invalid", "pageToken")
    assert drive.changes.list(pageToken=drive.store.start).execute()["changes"] == []


@pytest.mark.parametrize(
    "kind", [k for k in kinds.KINDS if k.says], ids=lambda kind: kind.extension or kind.mime
)
def test_every_document_holds_its_words(drive: Drive, kind: kinds.Kind) -> None:
    entry = drive.store.add(kind)
    if kind.exports:
        told = kind.exports[0][0]
        data = drive.files.export(fileId=entry.id, mimeType=told).execute()
    else:
        told = kind.mime
        data = drive.files.get_media(fileId=entry.id).execute()
        assert (str(len(data))) == drive.store.shown(entry)["size"]
    text = extract_text(data, filename=entry.name, media_type=told).text
    (word,) = drive.store.canaries(entry)
    assert word in text
    drive.store.rewrite(entry.id)
    changed = drive.store.get(entry.id)
    assert changed
    assert drive.store.canaries(changed) != [word]


def test_what_is_not_handed_out_is_refused_by_its_reason(drive: Drive) -> None:
    media, export = drive.files.get_media, drive.files.export

    def made(kind: kinds.Kind) -> str:
        return drive.store.add(kind).id

    assert reason(media(fileId=made(kinds.LOCKED)))[:2] == (403, "cannotDownloadFile")
    assert reason(media(fileId=made(kinds.ABUSIVE)))[:2] == (403, "cannotDownloadAbusiveFile")
    assert reason(media(fileId=made(kinds.DOCUMENT)))[:2] == (403, "fileNotDownloadable")
    assert reason(media(fileId="1none"))[:2] == (404, "notFound")
    plain = "text/plain"
    assert reason(export(fileId=made(kinds.PDF), mimeType=plain))[1] == "fileNotExportable"
    assert reason(export(fileId=made(kinds.LONG), mimeType=plain))[1] == "exportSizeLimitExceeded"
    assert reason(export(fileId=made(kinds.SLIDES), mimeType="image/gif"))[0] == 400


def test_a_large_file_is_as_large_as_it_says(drive: Drive) -> None:
    entry = drive.store.add(kinds.LARGE)
    size = int(drive.store.shown(entry)["size"])
    assert size > 10 * 1024 * 1024
    assert len(drive.files.get_media(fileId=entry.id).execute()) == size


def test_metadata_alone_does_not_hand_out_content(drive: Drive, document: Any) -> None:
    scope = "https://www.googleapis.com/auth/drive.metadata.readonly"
    access = drive.sandbox.world.mint(0, [scope])["access_token"]
    places = {"rootUrl": f"{drive.sandbox.url}/", "mtlsRootUrl": ""}
    service = build_from_document({**document, **places}, credentials=Credentials(access))
    files = service.files()
    assert files.list(pageSize=1).execute()["files"]
    doc = drive.store.add(kinds.DOCUMENT).id
    assert reason(files.export(fileId=doc, mimeType="text/plain"))[1] == "insufficientPermissions"
    pdf = drive.store.add(kinds.PDF).id
    assert reason(files.get_media(fileId=pdf))[1] == "insufficientPermissions"
    service.close()
