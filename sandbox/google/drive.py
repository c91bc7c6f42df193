"""The Drive API over HTTP: files and changes, all of them to be read only.

https://developers.google.com/workspace/drive/api/reference/rest/v3

Parameters that are not played are refused rather than left out of account. What is answered to a
token that is not known is not documented; it is "Invalid Value" with the parameter's name, as for
every bad value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from sandbox.google import drive_fields, drive_query
from sandbox.google.accounts import Account
from sandbox.google.call import Answer, Call
from sandbox.google.drive_documents import Kind, content
from sandbox.google.drive_fields import Tree, pick
from sandbox.google.drive_query import invalid
from sandbox.google.drive_store import DriveStore, Entry, timestamp
from sandbox.google.errors import GoogleError, insufficient_scope
from sandbox.google.service import Endpoint, answer_json, blueprint
from sandbox.lazy import Lazy
from sandbox.oddities import Oddities
from sandbox.world import World

_AUTH = "https://www.googleapis.com/auth/"
_READ = (f"{_AUTH}drive", f"{_AUTH}drive.readonly")
_METADATA = (*_READ, f"{_AUTH}drive.metadata", f"{_AUTH}drive.metadata.readonly")
_HOST = "drive.googleapis.com"
_COMMON = frozenset({"fields", "alt", "prettyPrint", "key", "quotaUser", "access_token"})
#: Parameters whose only value played is the one that changes nothing.
_DEFAULTS = {
    "corpora": "user",
    "spaces": "drive",
    "includeItemsFromAllDrives": "false",
    "supportsAllDrives": "false",
    "includeRemoved": "true",
    "acknowledgeAbuse": "false",
}
_PAGE, _MOST = 100, 1000
_EXPORTED = 10 * 1024 * 1024
_FILE_DEFAULT = "kind,id,name,mimeType"
_LIST_DEFAULT = f"kind,nextPageToken,incompleteSearch,files({_FILE_DEFAULT})"
_CHANGES_DEFAULT = (
    "kind,nextPageToken,newStartPageToken,"
    f"changes(kind,type,changeType,time,removed,fileId,file({_FILE_DEFAULT}))"
)


class Drives:
    """All accounts' files.

    Args:
        world: The sandbox's state.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        options = world.options
        self.stores = Lazy(len(world.accounts), self._store)
        self.oddities = [
            Oddities(optional="description", essential="name", remember=options.remember_sent)
            for _ in world.accounts
        ]

    def _store(self, account: int) -> DriveStore:
        world = self._world
        options, person = world.options, world.account(account).person
        return DriveStore(options.seed, account, person, options.items, world.newest, world.now)

    def blueprint(self) -> Blueprint:
        """The routes of the Drive API."""
        files = r"/drive/v3/files"
        one = rf"{files}/([A-Za-z0-9_-]+)"
        endpoints = (
            ("drive.files.list", files, _METADATA, self._list, 100),
            ("drive.files.get", one, _METADATA, self._get, 5),
            ("drive.files.export", rf"{one}/export", _READ, self._export, 200),
            ("drive.changes.list", r"/drive/v3/changes", _METADATA, self._changes, 100),
            (
                "drive.changes.getStartPageToken",
                r"/drive/v3/changes/startPageToken",
                _METADATA,
                self._start,
                5,
            ),
        )
        return blueprint(
            self._world,
            "drive",
            "/drive/v3",
            _HOST,
            [
                Endpoint(name, path, scopes, run, cost)
                for name, path, scopes, run, cost in endpoints
            ],
        )

    def _list(self, call: Call, account: Account) -> Answer:
        _only(call, "q", "pageSize", "pageToken", "corpora", "spaces", "includeItemsFromAllDrives",
              "supportsAllDrives")  # fmt: skip
        store = self.stores[account.index]
        query = call.one("q") or ""
        wanted = drive_query.read(query)
        tree = _tree(call, _LIST_DEFAULT, drive_fields.FILE_LIST)
        size = _size(call)
        token = call.one("pageToken")
        place = store.place(token, query) if token else 0
        if place is None:
            raise invalid("pageToken")
        entries = store.entries()
        page = entries[place : place + size]
        answer: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
        if place + size < len(entries):
            answer["nextPageToken"] = store.page_token(place + size, query)
        answer = pick(answer, tree)
        if "files" in tree:
            # What the query leaves out is left out after the page is taken: "the service may
            # return fewer than this value", and empty pages come before the end of the list.
            answer["files"] = [
                self._shown(account, entry, tree["files"]) for entry in page if wanted(entry)
            ]
        return answer_json(answer)

    def _changes(self, call: Call, account: Account) -> Answer:
        _only(call, "pageToken", "pageSize", "spaces", "includeRemoved",
              "includeItemsFromAllDrives", "supportsAllDrives")  # fmt: skip
        store = self.stores[account.index]
        token = call.one("pageToken")
        if token is None:
            raise _required("pageToken")
        tree = _tree(call, _CHANGES_DEFAULT, drive_fields.CHANGE_LIST)
        start = store.start
        found = store.changes(token)
        if found is None:
            raise invalid("pageToken")
        size = _size(call)
        answer: dict[str, Any] = {"kind": "drive#changeList"}
        if len(found) > size:
            answer["nextPageToken"] = str(found[size][0])
        else:
            answer["newStartPageToken"] = start
        answer = pick(answer, tree)
        if "changes" in tree:
            answer["changes"] = [
                self._change(account, store, ident, at, tree["changes"])
                for _, ident, at in found[:size]
            ]
        return answer_json(answer)

    def _change(
        self, account: Account, store: DriveStore, ident: str, at: float, tree: Tree
    ) -> dict[str, Any]:
        entry = store.get(ident)
        change: dict[str, Any] = {
            "kind": "drive#change",
            "type": "file",
            "changeType": "file",
            "time": timestamp(at),
            "removed": entry is None,
            "fileId": ident,
        }
        shown: dict[str, Any] = pick(change, tree)
        if entry is not None and (not tree or "file" in tree):
            shown["file"] = self._shown(account, entry, tree.get("file", {}))
        return shown

    def _start(self, call: Call, account: Account) -> Answer:
        _only(call, "supportsAllDrives")
        token = {"kind": "drive#startPageToken", "startPageToken": self.stores[account.index].start}
        return answer_json(pick(token, _tree(call, "*", drive_fields.START)))

    def _get(self, call: Call, account: Account, ident: str) -> Answer:
        _only(call, "supportsAllDrives", "acknowledgeAbuse")
        store, entry = self._entry(account, ident)
        if call.one("alt") != "media":
            tree = _tree(call, _FILE_DEFAULT, drive_fields.FILE)
            return answer_json(self._shown(account, entry, tree))
        grant = self._world.tokens.check(call.token)
        if grant is None or grant.scopes.isdisjoint(_READ):
            raise insufficient_scope("drive.files.get", _READ, _HOST)
        if entry.kind.make is None:
            raise GoogleError(
                403,
                "Only files with binary content can be downloaded. Use Export with Docs Editors "
                "files.",
                "fileNotDownloadable",
                extra={"locationType": "parameter", "location": "alt"},
            )
        if entry.kind.refused:
            raise _refused(entry.kind)
        return _bytes(content(entry.kind, store.lines(entry)), entry.kind.mime)

    def _export(self, call: Call, account: Account, ident: str) -> Answer:
        _only(call, "mimeType")
        store, entry = self._entry(account, ident)
        wanted = call.one("mimeType")
        if wanted is None:
            raise _required("mimeType")
        if not entry.kind.exports:
            raise GoogleError(403, "Export only supports Docs Editors files.", "fileNotExportable")
        make = dict(entry.kind.exports).get(wanted)
        if make is None:
            raise GoogleError(400, "The requested conversion is not supported.", "badRequest",
                              extra={"locationType": "parameter", "location": "convertTo"})  # fmt: skip
        data = make(store.lines(entry))
        if len(data) > _EXPORTED:
            raise GoogleError(
                403, "This file is too large to be exported.", "exportSizeLimitExceeded"
            )
        return _bytes(data, wanted)

    def _entry(self, account: Account, ident: str) -> tuple[DriveStore, Entry]:
        store = self.stores[account.index]
        entry = store.get(ident)
        if entry is None:
            raise GoogleError(
                404,
                f"File not found: {ident}.",
                "notFound",
                extra={"locationType": "parameter", "location": "fileId"},
            )
        return store, entry

    def _shown(self, account: Account, entry: Entry, tree: Tree) -> dict[str, Any]:
        """The file's part that is asked for, odd where it is to be."""
        part: dict[str, Any] = pick(self.stores[account.index].shown(entry), tree)
        # What is asked for by its id alone has nothing that could be odd.
        return self.oddities[account.index].send(entry.id, part) if "name" in part else part


def _only(call: Call, *names: str) -> None:
    """Refuse parameters that are not played.

    Raises:
        GoogleError: There is one.
    """
    for name in call.query:
        if name not in _COMMON and name not in names:
            raise invalid(name)
        if name in _DEFAULTS and call.one(name) not in (None, _DEFAULTS[name]):
            raise invalid(name)


def _tree(call: Call, default: str, known: Mapping[str, Tree]) -> Tree:
    return drive_fields.read(call.one("fields") or default, dict(known))


def _size(call: Call) -> int:
    """`pageSize`: "values above 1000 will be coerced to 1000"; the least is 1."""
    text = call.one("pageSize")
    if text is None:
        return _PAGE
    if not text.isdigit() or int(text) < 1:
        raise invalid("pageSize")
    return min(int(text), _MOST)


def _refused(kind: Kind) -> GoogleError:
    messages = {
        "cannotDownloadFile": "This file cannot be downloaded by the user.",
        "cannotDownloadAbusiveFile": "This file has been identified as malware or spam and cannot "
        "be downloaded.",
    }
    reason = kind.refused or ""
    return GoogleError(403, messages[reason], reason)


def _required(name: str) -> GoogleError:
    return GoogleError(
        400,
        f"Required parameter: {name}",
        "required",
        extra={"locationType": "parameter", "location": name},
    )


def _bytes(data: bytes, kind: str) -> Answer:
    return Answer(200, data, (("Content-Type", kind),))
