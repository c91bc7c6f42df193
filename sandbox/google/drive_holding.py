"""A Drive as the contract suite sees it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.google.drive_documents import FOLDER, SHORTCUT
from sandbox.google.drive_store import DriveStore, Entry
from sandbox.holding import Oddity
from sandbox.oddities import Oddities


class DriveHolding:
    """Files of a Drive; folders, shortcuts and what is in the trash left out.

    Args:
        store: The files.
        oddities: What stands between them and what is sent.
    """

    path = "^/drive/v3/"
    tells_edits = True
    #: Folders fill pages: the query leaves them out after a page is taken.
    has_noise = True
    has_feed = True

    def __init__(self, store: DriveStore, oddities: Oddities) -> None:
        self.store = store
        self._oddities = oddities
        self._turn = itertools.count(1)

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """The person's own files, with `files` at `all` also those of others."""
        everything = options.get("files", "own") == "all"
        return [
            entry.id
            for entry in self.store.entries()
            if not entry.trashed
            and entry.kind.mime not in (FOLDER, SHORTCUT)
            and (entry.mine or everything)
        ]

    def add(self, count: int = 1) -> list[str]:
        """Let so many files of one kind after the other come to the head; their ids."""
        return [self.store.add().id for _ in range(count)]

    def edit(self, source_id: str) -> None:
        """Change the name, or the content, in turn."""
        turn = next(self._turn)
        if turn % 2:
            entry = self._entry(source_id)
            suffix = f".{entry.kind.extension}" if entry.kind.extension else ""
            self.store.rename(source_id, f"Renamed {turn}{suffix}")
        else:
            self.store.rewrite(source_id)

    def remove(self, source_id: str) -> None:
        """Delete for good."""
        self.store.remove(source_id)

    def clear(self) -> None:
        """Delete everything, folders too."""
        for entry in self.store.entries():
            self.store.remove(entry.id)

    def add_noise(self, count: int) -> None:
        """Let so many folders come to the head."""
        for _ in range(count):
            self.store.add_folder()

    def lose_feed(self) -> None:
        """Make all tokens too old.

        Of page tokens the documentation says that they last for hours and may be rejected; of
        tokens of changes, that they do not expire. Here both may be refused.
        """
        self.store.lose()

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._oddities.spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The file's metadata, as last sent."""
        return self._oddities.sent(source_id)

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether name, size, times and text are those of now."""
        entry = self.store.get(record["sourceId"])
        if entry is None or entry.trashed or record.get("name") != entry.name:
            return False
        shown = self.store.shown(entry)
        text = record.get("contentText") or ""
        return (
            record.get("modifiedAt") == shown["modifiedTime"]
            and str(record.get("size")) == shown["size"]
            and all(word in text for word in self.store.canaries(entry))
        )

    def idle_requests(self) -> int:
        """One look at the changes."""
        return 1

    def _entry(self, source_id: str) -> Entry:
        entry = self.store.get(source_id)
        assert entry is not None  # noqa: S101 - a test's mistake
        return entry
