"""What becomes of the files of Google Drive that were met: batches of records.

A file whose content cannot be had is kept with a note and waits in the position. Nothing that is
wrong with one file, or with several, may keep others from being kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.google.drive_content import (
    UNAVAILABLE,
    Content,
    DriveReader,
    FileUnavailableError,
    kept_content,
)
from connectors.google.drive_position import State
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.handler import Kept, unmappable
from connectors.sdk.records import Batch, Failed, Json, Record

#: Characters of text, and files that were asked for, after which a batch is handed over.
_BATCH_TEXT = 2_000_000
_BATCH_READ = 20
#: Files that wait for a passing fault to pass; more would make the position large.
_LATER = 20


@dataclass(slots=True)
class _Got:
    """What goes into one batch."""

    records: list[Record] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    text: int = 0
    read: int = 0
    outage: TransientError | None = None

    @property
    def full(self) -> bool:
        return self.text >= _BATCH_TEXT or self.read >= _BATCH_READ

    def __bool__(self) -> bool:
        return bool(self.records or self.failed or self.deleted)


class DriveTaking:
    """Makes batches of files.

    Args:
        record: Maps a file without its text.
        kept: What the vault holds.
        reader: Reads the files' text.
    """

    def __init__(self, record: Callable[[Json], Record], kept: Kept, reader: DriveReader) -> None:
        self._record = record
        self._vault = kept
        self._reader = reader
        #: Records of the batch yielded last: the vault may not know these yet.
        self._latest: dict[str, Record] = {}
        #: Whether the content that was asked for last could not be had.
        self._failing = False

    def kept(self, key: str) -> Record | None:
        """The record of a file, as it will be when all batches so far are kept."""
        return self._latest.get(key) or self._vault.get(key)

    def known(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids that are kept or in quarantine."""
        known = self._vault.known(ids) if ids else set()
        return [key for key in ids if key in known or key in self._latest]

    def ids(self) -> set[str]:
        """All ids that are kept."""
        return {*self._vault.source_ids(), *self._latest}

    def batches(
        self,
        files: Iterable[Json],
        here: State,
        there: State,
        *,
        deleted: Iterable[str] = (),
        trying: bool = False,
    ) -> Iterator[Batch]:
        """Yield batches of the files; only the last one's position is `there`.

        What was got before an error is kept all the same.

        Args:
            files: As the API sent them.
            here: Where the sync stands until all are kept.
            there: Where it stands then.
            deleted: Ids of files that are gone.
            trying: Whether a content that cannot be had raises, rather than being put off.

        Raises:
            TransientError: Two contents after one another could not be had, so that Google may
                be out of reach. They are put off first: the next run passes them by.
        """
        got = _Got(deleted=list(deleted))
        for file in files:
            try:
                self._add(file, got, (here, there), trying)
                if got.outage:
                    raise got.outage
            except ConnectorError:
                if got:
                    yield self._batch(got, here)
                raise
            if got.full:
                yield self._batch(got, here)
                got = _Got()
        if got or here.to_json() != there.to_json():
            yield self._batch(got, there)

    def put_off(self, key: str, states: Sequence[State]) -> bool:
        """Let a file wait for a later run; False when no more can wait.

        One that finds no room is met again when it changes, or with the list, which is read again
        once a waiting file could be had.

        Args:
            key: Its id.
            states: Those that are handed over next; they share one list of waiting files.
        """
        later = states[-1].later
        if key in later:
            return True
        if len(later) < _LATER:
            later.append(key)
            return True
        for state in states:
            state.missed = True
        return False

    def _batch(self, got: _Got, state: State) -> Batch:
        self._latest = {record["sourceId"]: record for record in got.records}
        # A file that is kept as it is goes unmentioned: the batch does not deliver it.
        listed = [*self._latest, *(failed.source_id for failed in got.failed)]
        return Batch(
            got.records, state.to_json(), deleted=got.deleted, failed=got.failed, listed=listed
        )

    def _add(self, file: Json, got: _Got, states: Sequence[State], trying: bool) -> None:
        """Take a file up into a batch, unless it is kept as it is."""
        try:
            record = self._record(file)
            unread = self._reader.unread(file)
        except Exception as error:
            # Whatever is odd about one file must not stop the others.
            got.failed.append(unmappable(file, error))
            return
        kept = self.kept(record["sourceId"])
        content = kept_content(kept, file) if kept else None
        if content is None:
            content = unread or self._read(file, got, states, trying)
        record = with_content(record, content)
        if record != kept:
            got.records.append(record)
            got.text += len(content.text or "")

    def _read(self, file: Json, got: _Got, states: Sequence[State], trying: bool) -> Content:
        """A file's content; one that a passing fault keeps away is asked for by a later run."""
        key = file["id"]
        if key in states[-1].later:
            return Content(note=UNAVAILABLE)
        got.read += 1
        try:
            content = self._reader.read(file)
        except TransientError as error:
            if trying:
                raise
            waits = self.put_off(key, states)
            answered = isinstance(error, FileUnavailableError)
            # Where no more can wait, the same files would end each run.
            if self._failing and waits and not answered:
                got.outage = error
            self._failing = not answered
            return Content(note=UNAVAILABLE)
        self._failing = False
        return content


def with_content(record: Record, content: Content) -> Record:
    """The record with a file's text, or the note why there is none."""
    if content.text:
        record["contentText"] = content.text
    if content.note:
        record["note"] = content.note
    return record
