"""Google Drive: the files of an account, with the text of documents.

The token of the changes to come is taken before the listing, and the changes are read after it:
what comes, changes or goes meanwhile is in them. Each run reads the changes first (one request
when there are none), then goes on with the listing.

What a moving list may have skipped, and what the changes may not tell, is found by comparing the
ids that Google lists with those kept.

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
from connectors.google.drive_content import DriveReader
from connectors.google.drive_file import FOLDER, file_fields, owned, skipped, trashed
from connectors.google.drive_position import EVERYTHING, Backfill, State
from connectors.google.drive_taking import DriveTaking, with_content
from connectors.google.errors import ForbiddenError, ItemRefusedError, NotFoundError
from connectors.sdk.errors import ConnectorError, PositionLostError, TransientError
from connectors.sdk.handler import Context, Handler, gone
from connectors.sdk.options import Choice
from connectors.sdk.records import Batch, Failed, Json, Position, Record
from connectors.sdk.schemas.file import File

#: Files that are asked for one by one before a batch is handed over.
_CONFIRMED = 50
#: Tokens that may be refused in one run.
_RELISTS = 3

FILES = Choice(
    id="files",
    label="Which files",
    values={"own": "Files I own", EVERYTHING: "Also files shared with me"},
    default="own",
)


@dataclass(slots=True)
class _Confirmed:
    """What files that were asked for one by one are, up to the one asked for last."""

    files: list[Json] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    last: str = ""
    outage: TransientError | None = None


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
        self._relists = 0

    def batches(self, position: Position) -> Iterator[Batch]:
        """Yield what changed, then what is listed; the position is a `State`."""
        state = State.from_json(position)
        state.choose(self.context.options[FILES.id])
        due = list(state.later)
        if state.changes:
            yield from self._catch_up(state)
        else:
            state.changes = self._drive.start()
            # The position was reset: what was deleted meanwhile is still kept.
            state.compare = next(self.kept.source_ids(), None) is not None
        yield from self._settle(state)
        yield from self._try_again(due, state)
        yield from self._settle(state)

    def _settle(self, state: State) -> Iterator[Batch]:
        """Yield what is listed, and what comparing finds."""
        while state.comparing or not state.backfill.done:
            if state.backfill.done:
                yield from self._compare(state)
            elif not state.backfill.ended:
                yield from self._list(state)
            else:
                yield from self._catch_up(state)
                here = replace(state)
                if state.backfill.ended:
                    state.close()
                yield from self._taking.batches((), here, state)

    def record(self, source: Json) -> Record:
        """Map a file without its text."""
        key = source["id"]
        if not isinstance(key, str) or not key:
            raise TypeError("id is not text")
        return self.build(id=key, source=source, **file_fields(source))

    def retry(self, failed: Failed) -> Record:
        """Fetch a quarantined file again and map it."""
        file = self._ask(failed.source_id)
        if file is None:
            raise gone(lambda: self.record(failed.source))
        record = self.record(file)
        return with_content(record, self._reader.unread(file) or self._reader.read(file))

    # The changes

    def _catch_up(self, state: State) -> Iterator[Batch]:
        """Yield what changed since `state.changes`, a page at a time."""
        page: str | None = state.changes
        while page:
            try:
                answer = self._drive.changes(page, size=self._config.drive_page_size)
            except PositionLostError:
                yield from self._lost(state)
                return
            here = replace(state)
            page = answer.get("nextPageToken")
            # Both tokens last: https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/list
            state.changes = page or answer.get("newStartPageToken") or state.changes
            latest = self._latest(answer.get("changes") or ())
            files, gone = self._changed(latest)
            deleted = self._taking.known(gone)
            # What was not kept had not been listed: its going moved nothing that is to be seen.
            if deleted and state.backfill.begun:
                state.backfill = replace(state.backfill, shifted=True)
            state.compare |= self._tells_of_folder(latest, deleted)
            yield from self._taking.batches(files, here, state, deleted=deleted)

    def _lost(self, state: State) -> Iterator[Batch]:
        """The changes are lost: list everything, then compare for what is gone."""
        self._count_refusal("its own changes")
        here = replace(state)
        state.changes = self._drive.start()
        state.list_again()
        yield from self._taking.batches((), here, state)

    @staticmethod
    def _latest(changes: Iterable[Json]) -> dict[str, Json | None]:
        """Files as they are after the changes, by id; None for one that was removed."""
        latest: dict[str, Json | None] = {}
        for change in changes:
            if change.get("changeType", "file") != "file" or not change.get("fileId"):
                continue
            file = None if change.get("removed") is True else change.get("file")
            if change.get("removed") is True or isinstance(file, dict):
                # Of several changes the last one tells how the file is now.
                latest.pop(change["fileId"], None)
                latest[change["fileId"]] = file
        return latest

    @staticmethod
    def _tells_of_folder(latest: dict[str, Json | None], deleted: Sequence[str]) -> bool:
        """Whether files may have come or gone with a folder, without being told of.

        A folder that is back from the trash looks like any other that changed. Of what is removed
        only the id is told, so that it may have been a folder unless it was kept.
        """
        return any(
            key not in deleted if file is None else file.get("mimeType") == FOLDER
            for key, file in latest.items()
        )

    def _changed(self, latest: dict[str, Json | None]) -> tuple[list[Json], list[str]]:
        """The files that are to be kept as they are now, and the ids that left the list."""
        files: list[Json] = []
        gone: list[str] = []
        for key, file in latest.items():
            if file is None or trashed(file) or self._left(key, file):
                gone.append(key)
            elif not skipped(file) and (self._chosen(file) or self._taking.kept(key)):
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
        kept = self._taking.kept(key)
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
        yield from self._taking.batches(files, here, state)

    def _again(self, page: str | None) -> None:
        if page is None:
            self._relists = _RELISTS
        self._count_refusal("its own list of files")

    def _count_refusal(self, what: str) -> None:
        self._relists += 1
        if self._relists > _RELISTS:
            raise TransientError(f"Google keeps refusing {what}") from None

    # Comparing

    def _compare(self, state: State) -> Iterator[Batch]:
        """Ask for files that are kept and not listed, or listed and not kept, by their ids."""
        if state.compared is None:
            state.compare, state.compared = False, ""
        listed = self._all_ids(everything=self._everything)
        kept = self._taking.ids()
        new = sorted(listed - kept)
        # What is in quarantine is no news.
        new = sorted(set(new).difference(self._taking.known(new)))
        after = state.compared
        odd = [key for key in sorted((*self._unlisted(kept, listed), *new)) if key > after]
        while odd:
            here = replace(state)
            found = self._confirm(odd[:_CONFIRMED], state)
            state.compared = found.last
            yield from self._taking.batches(found.files, here, state, deleted=found.gone)
            if found.outage:
                raise found.outage
            odd = [key for key in odd if key > found.last]
        here = replace(state)
        state.compared = None
        yield from self._taking.batches((), here, state)

    def _unlisted(self, kept: set[str], listed: set[str]) -> list[str]:
        """Kept ids that are not listed, those of others' files that the account still sees aside."""
        unlisted = kept - listed
        others = set() if self._everything else {key for key in unlisted if not self._own(key)}
        if others:
            others &= self._all_ids(everything=True)
        return list(unlisted - others)

    def _own(self, key: str) -> bool:
        record = self._taking.kept(key)
        return record is None or owned(record["sourceData"])

    def _all_ids(self, *, everything: bool) -> set[str]:
        found: set[str] = set()
        page: str | None = None
        while True:
            try:
                answer = self._drive.ids(page, everything=everything)
            except PositionLostError:
                self._again(page)
                page = None
                continue
            found.update(file["id"] for file in answer.get("files") or ())
            page = answer.get("nextPageToken")
            if not page:
                return found

    def _confirm(self, ids: Sequence[str], state: State) -> _Confirmed:
        """What files are now. A list read over several pages may have missed some.

        One that cannot be asked for stays as it is and waits; after two such in a row it ends.
        """
        found = _Confirmed()
        failing = False
        for key in ids:
            found.last = key
            try:
                file = self._ask(key)
            except TransientError as error:
                self._taking.put_off(key, [state])
                if failing:
                    found.outage = error
                    break
                failing = True
                continue
            except ConnectorError as error:
                if not _of_one_file(error):
                    raise
                continue
            failing = False
            if file is None:
                found.gone.append(key)
            else:
                found.files.append(file)
        found.gone = self._taking.known(found.gone)
        return found

    def _ask(self, key: str) -> Json | None:
        """A file as it is now; None when it is not to be kept any more."""
        try:
            file = self._drive.file(key)
        except NotFoundError:
            return None
        return None if trashed(file) or self._left(key, file) else file

    def _try_again(self, due: Sequence[str], state: State) -> Iterator[Batch]:
        """Ask for the files that earlier runs could not have; the others go on waiting."""
        had = False
        for key in due:
            here = replace(state, later=list(state.later))
            try:
                file = self._ask(key)
                state.later.remove(key)
                files, gone = ([], self._taking.known([key])) if file is None else ([file], [])
                yield from self._taking.batches(files, here, state, deleted=gone, trying=True)
            except ConnectorError as error:
                if not _of_one_file(error):
                    raise
                state.later = here.later
                continue
            had = True
        if had and state.missed:
            # Files that found no room to wait are met again.
            here = replace(state)
            state.missed = False
            state.list_again()
            yield from self._taking.batches((), here, state)

    # What it works with

    @cached_property
    def _drive(self) -> DriveClient:
        return DriveClient(self.api, self.context.provider.quota(self.service))

    @cached_property
    def _reader(self) -> DriveReader:
        return DriveReader(self._drive, min(self._config.size_limit, self.context.text_limit))

    @cached_property
    def _taking(self) -> DriveTaking:
        return DriveTaking(self.record, self.kept, self._reader)


def _of_one_file(error: ConnectorError) -> bool:
    """Whether an answer about one file tells nothing of the others."""
    # One of the other errors with a name is the account's or the API's matter.
    named = (TransientError, ItemRefusedError, ForbiddenError)
    return type(error) is ConnectorError or isinstance(error, named)
