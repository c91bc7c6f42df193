"""What a file of Google Drive says of itself, and the record made of it. Pure.

https://developers.google.com/workspace/drive/api/reference/rest/v3/files
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from connectors.sdk.records import Json, iso

GOOGLE = "application/vnd.google-apps."
FOLDER = f"{GOOGLE}folder"
SHORTCUT = f"{GOOGLE}shortcut"
#: What holds nothing itself: a shortcut's target is a file of its own.
SKIPPED = frozenset({FOLDER, SHORTCUT})
#: The extensions that Google's own programs give their links.
_EXTENSIONS = {
    "document": "gdoc",
    "drawing": "gdraw",
    "form": "gform",
    "jam": "gjam",
    "map": "gmap",
    "presentation": "gslides",
    "script": "gscript",
    "site": "gsite",
    "spreadsheet": "gsheet",
}
_SUMMARY = 256
#: Stands in for the time of a file that has none; the clock would change the record each time.
_UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)
_PERSON = "displayName,emailAddress,me,permissionId"
#: All that is kept of a file. Links that end within hours and pictures of people are left out:
#: the same file would come differently each time.
FIELDS = (
    "kind,id,name,mimeType,description,starred,trashed,parents,properties,version,webViewLink,"
    "iconLink,createdTime,modifiedTime,sharedWithMeTime,shared,ownedByMe,"
    f"owners({_PERSON}),lastModifyingUser({_PERSON}),capabilities(canDownload),"
    "originalFilename,fileExtension,fullFileExtension,md5Checksum,size,quotaBytesUsed,"
    "headRevisionId,resourceKey"
)


def skipped(file: Json) -> bool:
    """Whether a file is none of those that are kept, whoever owns it."""
    return file.get("mimeType") in SKIPPED


def owned(file: Json) -> bool:
    """Whether the account owns the file. Files of shared drives have no owner."""
    owners = file.get("owners")
    if isinstance(owners, list) and owners:
        return any(isinstance(owner, dict) and owner.get("me") is True for owner in owners)
    return file.get("ownedByMe") is True


def trashed(file: Json) -> bool:
    """Whether the file lies in the trash, or in a folder that does."""
    return file.get("trashed") is True


def same_content(one: Json, other: Json) -> bool:
    """Whether two answers about a file tell of the same content.

    The checksum and the revision exist for files with bytes only; Google's own documents tell by
    the time of the last edit alone. `version` counts more than edits.
    """
    if one.get("mimeType") != other.get("mimeType"):
        return False
    for name in ("md5Checksum", "headRevisionId", "modifiedTime"):
        if one.get(name) and other.get(name):
            return bool(one[name] == other[name])
    return False


def size_of(file: Json) -> int | None:
    """The file's size in bytes, as told; None when it is not.

    Raises:
        ValueError: What is told is no size.
    """
    told = file.get("size")
    if told is None:
        return None
    size = int(told)
    if size < 0:
        raise ValueError("a file has a size below zero")
    return size


def file_fields(file: Json) -> dict[str, Any]:
    """The record's fields that the file's metadata gives.

    Args:
        file: The API's `File`.

    Raises:
        TypeError: The file has no name or type that is text.
        ValueError: A size or a time makes no sense.
    """
    name = _text(file, "name") or "(no name)"
    kind = _text(file, "mimeType") or "application/octet-stream"
    created, modified = _time(file, "createdTime"), _time(file, "modifiedTime")
    size = size_of(file)
    return {
        "name": name,
        "inserted_at": created or modified or iso(_UNTOLD),
        "modifiedAt": modified,
        "extension": _extension(file, name, kind),
        "mimeType": kind,
        "size": int(file.get("quotaBytesUsed") or 0) if size is None else size,
        "uri": _text(file, "webViewLink"),
        "icon": _text(file, "iconLink"),
        "summary": (_text(file, "description") or "")[:_SUMMARY] or None,
    }


def _text(file: Mapping[str, Any], name: str) -> str | None:
    value = file.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is not text")
    return value


def _time(file: Json, name: str) -> str | None:
    value = _text(file, name)
    return iso(datetime.fromisoformat(value)) if value else None


def _extension(file: Json, name: str, kind: str) -> str:
    """Without the dot, in lower case; empty when there is none."""
    if kind.startswith(GOOGLE):
        return _EXTENSIONS.get(kind.removeprefix(GOOGLE), "")
    told = _text(file, "fileExtension") or PurePosixPath(name).suffix.removeprefix(".")
    return told.lower()
