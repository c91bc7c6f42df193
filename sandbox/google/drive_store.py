"""One account's Drive: its files, in the order they are listed, and the log of changes.

The order of a list is not documented; here what was changed last comes first. A page token names
a place by its number, so that whatever is removed shifts what follows: "if new items are added or
removed, your expected results might differ".
https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sandbox.google.drive_documents import FOLDER, KINDS, SHORTCUT, TEXT, Kind, Lines, content
from sandbox.mail.words import WORDS
from sandbox.people import Person

_DAY = 86_400.0
_ICONS = "https://drive-thirdparty.googleusercontent.com/16/type/"
_FOLDER = Kind(FOLDER, says=False)
_SHORTCUT = Kind(SHORTCUT, says=False)
_STRANGER = Person("100000000000000000042", "mary.somerville@example.org", "Mary", "Somerville")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file.

    Args:
        id: Its id.
        kind: What it is.
        number: Its number in the account, which decides its words.
        name: Its name.
        mine: Whether the account owns it.
        created: Unix seconds.
        modified: Unix seconds.
        revision: Counts changes of the content.
        version: Counts changes of any sort.
        rank: Its place in the list, highest first.
        trashed: Whether it is in the trash.
        starred: Whether it has a star.
        parent: Id of the folder it lies in; None for the root.
        swept: Whether it is in the trash because its folder is.
    """

    id: str
    kind: Kind
    number: int
    name: str
    mine: bool
    created: float
    modified: float
    revision: int
    version: int
    rank: int
    trashed: bool = False
    starred: bool = False
    parent: str | None = None
    swept: bool = False


class DriveStore:
    """Files and changes of one account; safe to use from several threads.

    Args:
        seed: Decides ids and words.
        account: The account's number.
        person: Whose it is.
        count: Files of the person's own that it starts with. For every ten of these there is
            a folder, a shortcut, a file of someone else and a file in the trash besides.
        newest: When the newest of them was changed, Unix seconds.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        seed: int,
        account: int,
        person: Person,
        count: int,
        newest: float,
        clock: Callable[[], float],
    ) -> None:
        self._lock = threading.RLock()
        self._seed, self._account, self._person, self._clock = seed, account, person, clock
        self._entries: dict[str, Entry] = {}
        self._changes: list[tuple[int, str, float]] = []
        self._number = 0
        self._rank = 0
        self._sequence = 1000
        self._floor = self._sequence
        self._pages = 0
        self._sums: dict[tuple[str, int], tuple[str, int]] = {}
        for index in range(count):
            when = newest - (count - 1 - index) * _DAY / 2
            if index % 10 == 0:
                self._make(_FOLDER, when)
                self._make(_SHORTCUT, when)
                self._make(TEXT, when, mine=False)
                self._make(TEXT, when, trashed=True)
            self._make(KINDS[index % len(KINDS)], when)

    def _make(self, kind: Kind, when: float, *, mine: bool = True, trashed: bool = False) -> Entry:
        number = self._number
        self._number += 1
        self._rank += 1
        ident = "1" + self._word("id", number, 32)
        title = WORDS[int(self._word("name", number, 8), 16) % len(WORDS)].title()
        suffix = f".{kind.extension}" if kind.extension else ""
        entry = Entry(
            ident, kind, number, f"{title} {number}{suffix}", mine, when - _DAY, when, 1, 1,
            self._rank, trashed,
        )  # fmt: skip
        self._entries[ident] = entry
        return entry

    def _word(self, what: str, number: int, length: int) -> str:
        text = f"{self._seed}/{self._account}/{what}/{number}"
        return hashlib.sha256(text.encode()).hexdigest()[:length]

    # What is asked of it

    def get(self, ident: str) -> Entry | None:
        """The file of this id."""
        return self._entries.get(ident)

    def entries(self) -> list[Entry]:
        """All there is, folders and trash too, in the order of the list."""
        with self._lock:
            found = list(self._entries.values())
        return sorted(found, key=lambda entry: -entry.rank)

    def canaries(self, entry: Entry) -> list[str]:
        """Words that this file's content alone holds, as it is now; none where none can be read."""
        return (
            [f"zq{self._word(f'canary{entry.revision}', entry.number, 10)}"]
            if entry.kind.says
            else []
        )

    def lines(self, entry: Entry) -> Lines:
        """The text of a file."""
        words = " ".join(
            WORDS[int(self._word(f"w{n}", entry.number, 8), 16) % len(WORDS)] for n in range(12)
        )
        canary = f"zq{self._word(f'canary{entry.revision}', entry.number, 10)}"
        return f"About number {entry.number}", words.capitalize() + ".", f"Keyword {canary} here."

    def sums(self, entry: Entry) -> tuple[str, int]:
        """MD5 and size in bytes of a file's content."""
        key = (entry.id, entry.revision)
        if key not in self._sums:
            data = content(entry.kind, self.lines(entry))
            self._sums[key] = (hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))
        return self._sums[key]

    # What changes it. Each of these leaves a change.

    def add(self, kind: Kind | None = None, *, mine: bool = True) -> Entry:
        """Let a new file come to the head of the list; one kind after the other when not told."""
        with self._lock:
            entry = self._make(kind or KINDS[self._number % len(KINDS)], self._clock(), mine=mine)
            self._changed(entry.id)
            return entry

    def add_folder(self) -> Entry:
        """Let a new folder come to the head of the list."""
        return self.add(_FOLDER)

    def add_filled_folder(self, count: int) -> tuple[Entry, list[Entry]]:
        """Let a new folder come to the head of the list, with so many files in it."""
        with self._lock:
            folder = self.add_folder()
            files = [replace(self.add(TEXT), parent=folder.id) for _ in range(count)]
            self._entries |= {file.id: file for file in files}
            return folder, files

    def rename(self, ident: str, name: str) -> None:
        """Change the name alone; whether that counts as modifying is not documented, here it does."""
        self._put(ident, name=name)

    def rewrite(self, ident: str) -> None:
        """Change the content."""
        with self._lock:
            self._put(ident, revision=self._entries[ident].revision + 1)

    def star(self, ident: str) -> None:
        """Star a file, or no longer."""
        with self._lock:
            self._put(ident, starred=not self._entries[ident].starred)

    def trash(self, ident: str, trashed: bool = True) -> None:
        """Put a file into the trash, or take it out.

        With a folder goes what lies in it; that the changes tell of the folder alone is not
        documented, nor that they tell of more.
        """
        with self._lock:
            self._put(ident, trashed=trashed)
            for file in self._within(ident):
                if file.swept or not file.trashed:
                    self._entries[file.id] = replace(file, trashed=trashed, swept=trashed)

    def give(self, ident: str) -> None:
        """Make someone else the owner."""
        self._put(ident, mine=False)

    def remove(self, ident: str) -> None:
        """Delete for good; with a folder, all that lies in it.

        Raises:
            KeyError: There is no such file.
        """
        with self._lock:
            for file in self._within(ident):
                del self._entries[file.id]
            del self._entries[ident]
            self._changed(ident)

    def _within(self, folder: str) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.parent == folder]

    def lose(self) -> None:
        """Refuse every token given so far."""
        with self._lock:
            self._sequence += 1
            self._floor = self._sequence
            self.lose_pages()

    def lose_pages(self) -> None:
        """Refuse every page token given so far, as happens after some hours."""
        with self._lock:
            self._pages += 1

    def _put(self, ident: str, **changes: Any) -> None:
        with self._lock:
            old = self._entries[ident]
            self._rank += 1
            # Times of the API count milliseconds: no two changes have the same.
            edited = not {"name", "revision"}.isdisjoint(changes)
            modified = max(self._clock(), old.modified + 0.001) if edited else old.modified
            self._entries[ident] = replace(
                old, version=old.version + 1, rank=self._rank, modified=modified, **changes
            )
            self._changed(ident)

    def _changed(self, ident: str) -> None:
        self._sequence += 1
        self._changes.append((self._sequence, ident, self._clock()))

    # Tokens

    @property
    def start(self) -> str:
        """Where the changes to come begin."""
        return str(self._sequence + 1)

    def changes(self, token: str) -> list[tuple[int, str, float]] | None:
        """Changes from a token on, each file once; None when the token is not known."""
        with self._lock:
            if not token.isdigit() or not self._floor < int(token) <= self._sequence + 1:
                return None
            last = {ident: (seq, ident, at) for seq, ident, at in self._changes}
            return sorted(change for change in last.values() if change[0] >= int(token))

    def page_token(self, place: int, query: str) -> str:
        """The token of a page that begins at a place in the list."""
        with self._lock:
            text = f"{place}/{self._pages}/{self._account}"
            seal = hashlib.sha256(f"{text}/{self._seed}/{query}".encode()).hexdigest()[:16]
            return f"~!!~{text}/{seal}".encode().hex()

    def place(self, token: str, query: str) -> int | None:
        """The place that a token names; None when it is not known, or of another query."""
        try:
            place = int(bytes.fromhex(token).decode().removeprefix("~!!~").partition("/")[0])
        except ValueError:
            return None
        return place if self.page_token(place, query) == token else None

    # What the API tells of a file

    def shown(self, entry: Entry) -> dict[str, Any]:
        """The API's `File`."""
        me, other = _user(self._person, me=True), _user(_STRANGER, me=False)
        google = entry.kind.make is None
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": entry.id,
            "name": entry.name,
            "mimeType": entry.kind.mime,
            "description": f"Notes on {entry.name}",
            "starred": entry.starred,
            "trashed": entry.trashed,
            "explicitlyTrashed": entry.trashed and not entry.swept,
            "parents": [entry.parent or "0A" + self._word("root", 0, 17)] if entry.mine else [],
            "spaces": ["drive"],
            "version": str(entry.version),
            "webViewLink": f"https://drive.google.com/file/d/{entry.id}/view?usp=drivesdk",
            "iconLink": f"{_ICONS}{entry.kind.mime}",
            "createdTime": timestamp(entry.created),
            "modifiedTime": timestamp(entry.modified),
            "owners": [me if entry.mine else other],
            "ownedByMe": entry.mine,
            "lastModifyingUser": me if entry.mine else other,
            "shared": not entry.mine,
            "capabilities": {
                "canDownload": not entry.kind.told,
                "canCopy": not entry.kind.told,
                "canEdit": entry.mine,
            },
        }  # fmt: skip
        if not entry.mine:
            shown["sharedWithMeTime"] = timestamp(entry.modified)
        if entry.kind is _SHORTCUT:
            shown["shortcutDetails"] = {"targetId": entry.id, "targetMimeType": "text/plain"}
        elif google and entry.kind is not _FOLDER:
            shown |= {"size": str(1024 + entry.number), "quotaBytesUsed": str(1024 + entry.number)}
        elif not google:
            shown |= self._blob(entry)
        return shown

    def _blob(self, entry: Entry) -> dict[str, Any]:
        md5, size = self.sums(entry)
        return {
            "originalFilename": entry.name,
            "fileExtension": entry.kind.extension,
            "fullFileExtension": entry.kind.extension,
            "md5Checksum": md5,
            "size": str(size),
            "quotaBytesUsed": str(size),
            "headRevisionId": f"0B{entry.number:06d}r{entry.revision}",
            "webContentLink": f"https://drive.google.com/uc?id={entry.id}&export=download",
        }


def timestamp(moment: float) -> str:
    """A time as the API writes it.

    Args:
        moment: Unix seconds.
    """
    stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def _user(person: Person, *, me: bool) -> dict[str, Any]:
    return {
        "kind": "drive#user",
        "displayName": person.name,
        "emailAddress": person.email,
        "permissionId": person.sub[-20:],
        "me": me,
    }
