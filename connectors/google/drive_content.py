"""The text of a file of Google Drive: exported, or read out of its bytes.

https://developers.google.com/workspace/drive/api/guides/manage-downloads
https://developers.google.com/workspace/drive/api/guides/ref-export-formats
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from connectors.google.drive_client import DriveClient
from connectors.google.drive_file import GOOGLE, same_content, size_of
from connectors.google.errors import ForbiddenError, ItemRefusedError, NotFoundError
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.records import Json, Record

#: What Google's own documents are exported as.
_EXPORTS = {
    f"{GOOGLE}document": "text/plain",
    f"{GOOGLE}spreadsheet": "text/csv",
    f"{GOOGLE}presentation": "text/plain",
}
_READABLE_TYPES = re.compile(
    r"text/(?!rtf$|richtext$|enriched$).+|application/(?:pdf|xhtml\+xml|json|xml|x-ndjson"
    r"|(?:x-)?yaml|sql|csv|vnd\.openxmlformats-officedocument\.(?:wordprocessingml\.document"
    r"|spreadsheetml\.sheet|presentationml\.presentation))"
)
_UNTOLD = frozenset({"", "application/octet-stream"})
_READABLE_NAMES = frozenset(
    {".pdf", ".docx", ".xlsx", ".pptx", ".html", ".htm", ".txt", ".md", ".csv", ".tsv", ".json"}
)

#: Times that bytes which are not those listed are asked for.
_READINGS = 3

#: The text could not be had because of a passing fault: it is asked for again.
UNAVAILABLE = "not available for now"
#: The text may be had when the limit is raised.
OVER_LIMIT = "over the size limit"
_SIZE_UNKNOWN = "size not told"
_UNSUPPORTED = "unsupported type"
_EMPTY = "no text"
_NO_DOWNLOAD = "download not allowed"
_REFUSED = "refused by Google"
_GONE = "not found when it was asked for"
#: Notes that say nothing of the content itself, so that it is asked for when it comes again.
_FOR_NOW = frozenset({UNAVAILABLE, OVER_LIMIT, _SIZE_UNKNOWN, _NO_DOWNLOAD, _GONE, _REFUSED})
#: Google's reasons to refuse a file's content, by what they mean for a while only.
_FOR_A_WHILE = "downloadquotaexceeded"
_REFUSALS = {
    "exportsizelimitexceeded": "too large to be exported",
    "cannotdownloadabusivefile": "marked by Google as malware or abuse",
}


class FileUnavailableError(TransientError):
    """One file's content cannot be had for a while, though Google answers."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's text, or the note that says why there is none."""

    text: str | None = None
    note: str | None = None


class DriveReader:
    """Reads the text of files.

    Args:
        drive: Google's client.
        limit: Largest file that is read, in bytes.
    """

    def __init__(self, drive: DriveClient, limit: int) -> None:
        self._drive = drive
        self._limit = limit

    def unread(self, file: Json) -> Content | None:
        """Why nothing is asked of a file; None when its content is worth asking for."""
        kind = str(file.get("mimeType") or "")
        capabilities = file.get("capabilities")
        if kind not in _EXPORTS and not _readable(file, kind):
            return Content(note=_UNSUPPORTED)
        if isinstance(capabilities, dict) and capabilities.get("canDownload") is False:
            return Content(note=_NO_DOWNLOAD)
        if kind in _EXPORTS:
            return None
        size = size_of(file)
        if size is None:
            return Content(note=_SIZE_UNKNOWN)
        if size == 0:
            return Content(note=_EMPTY)
        return Content(note=OVER_LIMIT) if size > self._limit else None

    def read(self, file: Json) -> Content:
        """Ask for a file's content and read its text.

        Raises:
            FileUnavailableError: It could not be had now, which is this file's matter.
            TransientError: It could not be had now.
            ConnectorError: No content can be had now; the account's or the API's matter.
        """
        kind = str(file.get("mimeType") or "")
        told = _EXPORTS.get(kind, kind)
        try:
            exported = kind in _EXPORTS
            data = self._drive.export(file["id"], told) if exported else self._bytes(file)
        except NotFoundError:
            return Content(note=_GONE)
        except ItemRefusedError as error:
            if error.reason == _FOR_A_WHILE:
                raise FileUnavailableError(
                    "Google does not hand out this file for a while"
                ) from None
            return Content(note=_REFUSALS.get(error.reason, _NO_DOWNLOAD))
        except ForbiddenError:
            return Content(note=_REFUSED)
        except ConnectorError as error:
            # One of the errors with a name is the account's or the API's matter.
            if type(error) is not ConnectorError:
                raise
            return Content(note=_REFUSED)
        return self._extract(data, str(file.get("name") or ""), told)

    def _bytes(self, file: Json) -> bytes:
        """A file's bytes.

        Raises:
            FileUnavailableError: They are not those that were listed: cut, garbled, or changed since.
        """
        told = file.get("md5Checksum")
        for _ in range(_READINGS):
            data = self._drive.download(file["id"])
            if not told or hashlib.md5(data, usedforsecurity=False).hexdigest() == told:
                return data
        raise FileUnavailableError("a file's content did not come as it was listed")

    def _extract(self, data: bytes, name: str, kind: str) -> Content:
        # Takes time, and a run may meet no document.
        from connectors.sdk.text.documents import extract_text

        found = extract_text(data, filename=name, media_type=kind, limit=self._limit)
        return Content(found.text or None, str(found.reason) if found.reason else None)


def kept_content(record: Record, file: Json) -> Content | None:
    """The text or the note of a kept record, when they hold for the file as it is now."""
    note = record.get("note")
    if not same_content(record["sourceData"], file) or note in _FOR_NOW:
        return None
    text = record.get("contentText")
    return Content(text, note) if text or note else None


def _readable(file: Json, kind: str) -> bool:
    if _READABLE_TYPES.fullmatch(kind):
        return True
    suffix = PurePosixPath(str(file.get("name") or "")).suffix.lower()
    return kind in _UNTOLD and suffix in _READABLE_NAMES
