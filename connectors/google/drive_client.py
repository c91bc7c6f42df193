"""Google's own Python client for Drive.

https://googleapis.github.io/google-api-python-client/docs/dyn/drive_v3.html
"""

from __future__ import annotations

from connectors.google.api import GoogleApi, given
from connectors.google.drive_file import FIELDS, FOLDER, SHORTCUT
from connectors.sdk.http import Api
from connectors.sdk.quota import Quota
from connectors.sdk.records import Json

_LIST = f"nextPageToken,files({FIELDS})"
_IDS = "nextPageToken,files(id)"
_CHANGES = f"nextPageToken,newStartPageToken,changes(changeType,fileId,removed,file({FIELDS}))"
_MOST = 1000
#: https://developers.google.com/workspace/drive/api/guides/search-files
_ALL = f"trashed = false and mimeType != '{FOLDER}' and mimeType != '{SHORTCUT}'"
_OWN = f"'me' in owners and {_ALL}"


class DriveClient(GoogleApi):
    """Calls of the Drive API, by their names there. Answers are the API's JSON.

    Args:
        api: Calls Google for one account.
        quota: What each call costs; None when no quota is kept to.
    """

    def __init__(self, api: Api, quota: Quota | None) -> None:
        super().__init__(api, quota, "drive", "v3")
        # Each call of these makes its methods anew, which takes longer than a request.
        self._files = self.collection("files")
        self._changes = self.collection("changes")

    def start(self) -> str:
        """`changes.getStartPageToken`: where the changes from now on begin."""
        return str(self.run(self._changes.getStartPageToken())["startPageToken"])

    def changes(self, token: str, *, size: int) -> Json:
        """`changes.list`: one page of changes from a token on.

        Raises:
            PositionLostError: The token is not known.
        """
        request = self._changes.list(pageToken=token, pageSize=size, fields=_CHANGES)
        return self.run(request)

    def files(self, page: str | None, *, size: int, everything: bool) -> Json:
        """`files.list`: one page of files, folders and what is in the trash left out.

        Args:
            page: Token of the page; None for the first.
            size: Most files of the page.
            everything: Whether files of others that the account sees are asked for, too.

        Raises:
            PositionLostError: The page token is no longer known.
        """
        query = _ALL if everything else _OWN
        return self.run(
            self._files.list(q=query, pageSize=size, fields=_LIST, **given(pageToken=page))
        )

    def ids(self, page: str | None, *, everything: bool) -> Json:
        """`files.list` of ids alone, as many as a page may hold."""
        query = _ALL if everything else _OWN
        return self.run(
            self._files.list(q=query, pageSize=_MOST, fields=_IDS, **given(pageToken=page))
        )

    def file(self, file_id: str) -> Json:
        """`files.get`: a file's metadata, with the same fields as in lists.

        Raises:
            NotFoundError: There is no such file, or the account no longer sees it.
        """
        return self.run(self._files.get(fileId=file_id, fields=FIELDS))

    def download(self, file_id: str) -> bytes:
        """`files.get` with `alt=media`: a file's bytes."""
        return self.media(self._files.get_media(fileId=file_id))

    def export(self, file_id: str, kind: str) -> bytes:
        """`files.export`: one of Google's own documents in another form, at most 10 MB.

        Args:
            file_id: Its id.
            kind: The form's media type.
        """
        return self.media(self._files.export_media(fileId=file_id, mimeType=kind), kind)
