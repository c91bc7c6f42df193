"""Partial responses (`fields`) of the Drive API: the part of an answer that was asked for.

A list of names with commas; `a/b` and `a(b,c)` go into objects; `*` is everything in its place.
https://developers.google.com/workspace/drive/api/guides/fields-parameter
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.google.errors import GoogleError

#: The names asked for, each with those asked for in it; none in it means all.
Tree = dict[str, "Tree"]

_LEAF: Tree = {}
_USER: Tree = dict.fromkeys(
    ("kind", "displayName", "emailAddress", "me", "permissionId", "photoLink"), _LEAF
)
_CAPABILITIES: Tree = dict.fromkeys(
    ("canDownload", "canCopy", "canEdit", "canComment", "canShare", "canTrash", "canDelete"), _LEAF
)
#: What a file may have, whether the sandbox plays it or not.
FILE: Tree = {
    **dict.fromkeys(
        (
            "kind", "id", "name", "mimeType", "description", "starred", "trashed",
            "explicitlyTrashed", "parents", "properties", "appProperties", "spaces", "version",
            "webContentLink", "webViewLink", "iconLink", "hasThumbnail", "thumbnailLink",
            "thumbnailVersion", "viewedByMe", "viewedByMeTime", "createdTime", "modifiedTime",
            "modifiedByMe", "modifiedByMeTime", "sharedWithMeTime", "driveId", "shared",
            "ownedByMe", "originalFilename", "fullFileExtension", "fileExtension", "md5Checksum",
            "sha1Checksum", "sha256Checksum", "size", "quotaBytesUsed", "headRevisionId",
            "isAppAuthorized", "exportLinks", "resourceKey", "permissionIds", "writersCanShare",
            "copyRequiresWriterPermission", "trashedTime", "folderColorRgb",
        ),
        _LEAF,
    ),
    "owners": _USER,
    "lastModifyingUser": _USER,
    "sharingUser": _USER,
    "trashingUser": _USER,
    "capabilities": _CAPABILITIES,
    "shortcutDetails": dict.fromkeys(("targetId", "targetMimeType", "targetResourceKey"), _LEAF),
}  # fmt: skip
FILE_LIST: Tree = {
    "kind": _LEAF, "nextPageToken": _LEAF, "incompleteSearch": _LEAF, "files": FILE,
}  # fmt: skip
CHANGE_LIST: Tree = {
    "kind": _LEAF,
    "nextPageToken": _LEAF,
    "newStartPageToken": _LEAF,
    "changes": {
        **dict.fromkeys(
            ("kind", "type", "changeType", "time", "removed", "fileId", "driveId"), _LEAF
        ),
        "file": FILE,
    },
}
START: Tree = {"kind": _LEAF, "startPageToken": _LEAF}

_TOKEN = re.compile(r"[A-Za-z0-9]+|[(),/*]")


def read(text: str, known: Tree) -> Tree:
    """What is asked for.

    Args:
        text: Value of `fields`.
        known: What the answer may have.

    Raises:
        GoogleError: It is no such list, or names what no answer has.
    """
    words = _TOKEN.findall(text)
    if "".join(words) != text or not words:
        raise _invalid(text)
    tree, rest = _items(words, known, text)
    if rest:
        raise _invalid(text)
    return tree


def _items(words: list[str], known: Tree, text: str) -> tuple[Tree, list[str]]:
    found: Tree = {}
    while True:
        words = _item(words, known, text, found)
        if not words or words[0] != ",":
            return found, words
        words = words[1:]


def _item(words: list[str], known: Tree, text: str, found: Tree) -> list[str]:
    """Read one name with what is asked for in it; the words after it."""
    name, words = (words[0], words[1:]) if words else ("", [])
    if name == "*":
        found |= known
        return words
    if name not in known:
        raise _invalid(name or text)
    inside: Tree = known[name]
    if words and words[0] == "/":
        chosen: Tree = {}
        words = _item(words[1:], inside, text, chosen)
        inside = chosen
    elif words and words[0] == "(":
        inside, words = _items(words[1:], inside, text)
        if not words or words[0] != ")":
            raise _invalid(text)
        words = words[1:]
    found[name] = inside
    return words


def pick(value: Any, tree: Tree) -> Any:
    """The part of a value that is asked for."""
    if not tree:
        return value
    if isinstance(value, list):
        return [pick(item, tree) for item in value]
    if isinstance(value, dict):
        return {name: pick(value[name], inside) for name, inside in tree.items() if name in value}
    return value


def _invalid(name: str) -> GoogleError:
    return GoogleError(
        400,
        f"Invalid field selection {name[:60]}",
        "invalidParameter",
        extra={"locationType": "parameter", "location": "fields"},
    )
