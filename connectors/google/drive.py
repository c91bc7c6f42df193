"""Google Drive: the files of an account, with the text of documents.

The token of the changes to come is taken before the listing, and the changes are read after it:
what comes, changes or goes meanwhile is in them. Each run reads the changes first (one request
when there are none), then goes on with the listing.

A file is downloaded or exported when its content is new; when only its metadata changed, the kept
text stays.

https://developers.google.com/workspace/drive/api/guides/manage-changes
https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from connectors.google.config import GoogleConfig
from connectors.google.drive_client import DriveClient
from connectors.google.drive_content import UNAVAILABLE, Content, DriveReader, kept_content
from connectors.google.drive_file import file_fields, owned, skipped, trashed
from connectors.google.drive_position import EVERYTHING, Backfill, State
from connectors.google.errors import NotFoundError
from connectors.sdk.errors import ConnectorError, PositionLostError, TransientError
from connectors.sdk.handler import Context, Handler, unmappable
from connectors.sdk.options import Choice
from connectors.sdk.records import Batch, Failed, Json, Position, Record
from connectors.sdk.schemas.file import File

#: Characters of text, and files that were asked for, after which a batch is handed over.
_BATCH_TEXT = 2_000_000
_BATCH_READ = 20
#: Missing files that are asked for one by one before a batch is handed over.
_CONFIRMED = 50
#: Files that may wait for a passing fault to pass; more are no fault of a file.
_LATER = 20
#: Page tokens that may be refused in one run.
_RELISTS = 3

FILES = Choice(
    id="files",
    label="Which files",
    values={"own": "Files I own", EVERYTHING: "Also files shared with me"},
    default="own",
)


@dataclass(slots=True)
class _Got:
    """What goes into one batch."""

    records: list[Record] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    text: int = 0
    read: int = 0

    @property
    def full(self) -> bool:
        return self.text >= _BATCH_TEXT or self.read >= _BATCH_READ

    def __bool__(self) -> bool:
        return bool(self.records or self.failed or self.deleted)


class DriveDocuments(Handler):
    """The person's files; folders, shortcuts and what is in the trash are left out."""

    id = "google-drive-document"
    label = "Google Drive Documents"
    schema = File
    scopes = frozenset({"https://www.googleapis.com/auth/drive.readonly"})
    options = (FILES,)
    sizes = ("drive_page_size",)
    service = "drive"
    frequency = "hour"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._config = cast(GoogleConfig, context.provider.config)
        self._everything = context.options[FILES.id] == EVERYTHING
        #: Records of the batch yielded last: `kept` may not know these yet.
        self._latest: dict[str, Record] = {}
        self._relists = 0
        #: Whether the file that was asked for last could not be had.
        self._failing = False

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what changed, then what is listed; the position is a `State`."""
        state = State.from_json(position)
        state.choose(self.context.options[FILES.id])
        due = list(state.later)
        if state.changes:
            yield from self._catch_up(state)
        elif next(self.kept.source_ids(), None) is not None:
            # The position was reset: what was deleted meanwhile is still kept.
            yield from self._look_again(state)
        else:
            state.changes = self._drive.start()
        yield from self._try_again(due, state)
        while not state.backfill.done:
            if not state.backfill.ended:
                yield from self._list(state)
                continue
            yield from self._catch_up(state)
            here = replace(state)
            if state.backfill.ended:
                state.backfill = state.backfill.closed()
            yield from self._keep_files((), here, state)

    def record(self, source: Json) -> Record:
        """Map a file without its text."""
        return self._record(source, Content())

    def retry(self, failed: Failed) -> Record:
        """Fetch a quarantined file again and map it; one that is gone as it was found."""
        try:
            file = self._drive.file(failed.source_id)
        except NotFoundError:
            return self.record(failed.source)
        record = self.record(file)
        return self._with(record, self._reader.unread(file) or self._reader.read(file))

    # The changes

    def _catch_up(self, state: State) -> Iterator[Batch]:
        """Yield what changed since `state.changes`, a page at a time."""
        page: str | None = state.changes
        while page:
            try:
                answer = self._drive.changes(page, size=self._config.drive_page_size)
            except PositionLostError:
                yield from self._look_again(state)
                return
            here = replace(state)
            page = answer.get("nextPageToken")
            # Both tokens last: https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/list
            state.changes = page or answer.get("newStartPageToken") or state.changes
            files, gone = self._changed(answer.get("changes") or ())
            if gone and state.backfill.begun:
                state.backfill = replace(state.backfill, shifted=True)
            deleted = self._known(gone)
            yield from self._keep_files(files, here, state, deleted=deleted)

    def _changed(self, changes: Iterable[Json]) -> tuple[list[Json], list[str]]:
        """The files that are to be kept as they are now, and the ids that left the list."""
        latest: dict[str, Json | None] = {}
        for change in changes:
            if change.get("changeType", "file") != "file" or not change.get("fileId"):
                continue
            file = None if change.get("removed") is True else change.get("file")
            if change.get("removed") is True or isinstance(file, dict):
                # Of several changes the last one tells how the file is now.
                latest.pop(change["fileId"], None)
                latest[change["fileId"]] = file
        files: list[Json] = []
        gone: list[str] = []
        for key, file in latest.items():
            if file is None or trashed(file) or self._left(key, file):
                gone.append(key)
            elif not skipped(file) and (self._chosen(file) or self._kept(key)):
                files.append(file)
        return files, gone

    def _chosen(self, file: Json) -> bool:
        return self._everything or owned(file)

    def _left(self, key: str, file: Json) -> bool:
        """Whether a kept file was the person's own and is no longer.

        What was kept when files of others were chosen, too, stays and is followed.
        """
        if self._chosen(file):
            return False
        kept = self._kept(key)
        return kept is not None and owned(kept["sourceData"])

    # The listing

    def _list(self, state: State) -> Iterator[Batch]:
        """Yield one page of the list."""
        here = replace(state)
        try:
            answer = self._drive.files(
                state.backfill.page,
                size=self._config.drive_page_size,
                everything=self._everything,
            )
        except PositionLostError:
            # Tokens of this list last for hours only.
            self._again(state.backfill.page)
            state.backfill = Backfill(shifted=state.backfill.shifted)
            return
        # A page may be empty and not the last.
        state.backfill = state.backfill.turned(answer.get("nextPageToken"))
        files = [
            file
            for file in answer.get("files") or ()
            if not isinstance(file, dict) or not (skipped(file) or trashed(file))
        ]
        yield from self._keep_files(files, here, state)

    def _again(self, page: str | None) -> None:
        self._relists += 1
        if page is None or self._relists > _RELISTS:
            raise TransientError("Google keeps refusing its own list of files") from None

    def _look_again(self, state: State) -> Iterator[Batch]:
        """The changes are lost: find what is gone, then list everything and compare."""
        token = self._drive.start()
        listed = self._all_ids()
        missing = [
            key
            for key in dict.fromkeys((*self.kept.source_ids(), *self._latest))
            if key not in listed
        ]
        here = replace(state)
        for at in range(0, len(missing), _CONFIRMED):
            files, gone = self._confirm(missing[at : at + _CONFIRMED])
            yield from self._keep_files(files, here, here, deleted=gone)
        state.changes = token
        state.backfill = Backfill()
        yield from self._keep_files((), here, state)

    def _all_ids(self) -> set[str]:
        found: set[str] = set()
        page: str | None = None
        while True:
            try:
                answer = self._drive.ids(page, everything=self._everything)
            except PositionLostError:
                self._again(page)
                page = None
                continue
            found.update(file["id"] for file in answer.get("files") or ())
            page = answer.get("nextPageToken")
            if not page:
                return found

    def _confirm(self, ids: Sequence[str]) -> tuple[list[Json], list[str]]:
        """Of kept files that were not listed: those still there, and the ids of those gone.

        A list read over several pages may have missed some.
        """
        files: list[Json] = []
        gone: list[str] = []
        for key in ids:
            try:
                file = self._drive.file(key)
            except NotFoundError:
                gone.append(key)
                continue
            if trashed(file) or self._left(key, file):
                gone.append(key)
            else:
                files.append(file)
        return files, gone

    # What becomes of a file

    def _keep_files(
        self, files: Iterable[Json], here: State, there: State, *, deleted: Iterable[str] = ()
    ) -> Iterator[Batch]:
        """Yield batches of the files; only the last one's position is `there`.

        What was got before an error is kept all the same.
        """
        got = _Got(deleted=list(deleted))
        for file in files:
            try:
                self._add(file, got, there)
            except ConnectorError:
                if got:
                    yield self._batch(got, here)
                raise
            if got.full:
                yield self._batch(got, here)
                got = _Got()
        if got or here.to_json() != there.to_json():
            yield self._batch(got, there)

    def _batch(self, got: _Got, state: State) -> Batch:
        self._latest = {record["sourceId"]: record for record in got.records}
        return Batch(
            got.records,
            state.to_json(),
            deleted=got.deleted,
            failed=got.failed,
            listed=got.listed,
        )

    def _add(self, file: Json, got: _Got, state: State) -> None:
        """Take a file up into a batch, unless it is kept as it is."""
        try:
            record = self.record(file)
            unread = self._reader.unread(file)
        except Exception as error:
            # Whatever is odd about one file must not stop the others.
            failed = unmappable(file, error)
            got.failed.append(failed)
            got.listed.append(failed.source_id)
            return
        key = record["sourceId"]
        kept = self._kept(key)
        content = kept_content(kept, file) if kept else None
        if content is None:
            content = unread or self._read(file, got, state)
        record = self._with(record, content)
        got.listed.append(key)
        if record != kept:
            got.records.append(record)
            got.text += len(content.text or "")

    def _read(self, file: Json, got: _Got, state: State) -> Content:
        """A file's content; one that a passing fault keeps away is asked for by a later run.

        Raises:
            TransientError: It is not this file's fault alone.
        """
        key = file["id"]
        if key in state.later:
            return Content(note=UNAVAILABLE)
        got.read += 1
        try:
            content = self._reader.read(file)
        except TransientError:
            # Two in a row: Google is out of reach, and the run has to wait.
            if self._failing or len(state.later) >= _LATER:
                raise
            self._failing = True
            state.later.append(key)
            return Content(note=UNAVAILABLE)
        self._failing = False
        return content

    def _try_again(self, due: Sequence[str], state: State) -> Iterator[Batch]:
        """Ask for the files that earlier runs could not have."""
        for key in due:
            here = replace(state, later=list(state.later))
            if key in state.later:
                state.later.remove(key)
            try:
                file: Json | None = self._drive.file(key)
            except NotFoundError:
                file = None
            if file is None or trashed(file):
                yield from self._keep_files((), here, state, deleted=self._known([key]))
                continue
            yield from self._keep_files([file], here, state)
            if self._failing:
                return

    def _record(self, file: Json, content: Content) -> Record:
        key = file["id"]
        if not isinstance(key, str) or not key:
            raise TypeError("id is not text")
        fields = file_fields(file, now=self.context.now)
        return self._with(self.build(id=key, source=file, **fields), content)

    @staticmethod
    def _with(record: Record, content: Content) -> Record:
        if content.text:
            record["contentText"] = content.text
        if content.note:
            record["note"] = content.note
        return record

    # What it works with

    def _kept(self, key: str) -> Record | None:
        return self._latest.get(key) or self.kept.get(key)

    def _known(self, ids: Sequence[str]) -> list[str]:
        known = self.kept.known(ids) if ids else set()
        return [key for key in ids if key in known or key in self._latest]

    @cached_property
    def _drive(self) -> DriveClient:
        return DriveClient(self.api, self.context.provider.quota(self.service))

    @cached_property
    def _reader(self) -> DriveReader:
        return DriveReader(self._drive, min(self._config.size_limit, self.context.text_limit))
