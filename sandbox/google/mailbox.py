"""One account's mailbox: its messages in the order they are listed, and the history of changes.

Ids of history grow with random gaps, as documented:
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list

The order of a list is not documented. Here it is mostly newest first, but each message may stand
up to some hours from where its date would put it; what is added while the sandbox runs comes to
the head.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sandbox.mail.source import Outline, Source, message_id, with_crlf
from sandbox.mail.synthetic import SyntheticSource

_JITTER_MS = 12 * 3600 * 1000
_FIRST_HISTORY_ID = 100_000


@dataclass(slots=True)
class Entry:
    """A message as the mailbox holds it.

    Args:
        id: Message id.
        thread_id: Thread id.
        date: `internalDate`, milliseconds since 1970.
        labels: Label ids.
        history_id: Of the last change to the message.
        key: Its place in the list, highest first.
        load: Gives the message's bytes.
    """

    id: str
    thread_id: str
    date: int
    labels: tuple[str, ...]
    history_id: int
    key: int
    load: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the history; label changes may go both ways at once."""

    id: int
    kind: str
    entry: Entry
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Mailbox:
    """Messages and history of one account; safe to use from several threads.

    Args:
        source: The messages it starts with.
        spare: Makes further synthetic messages.
        clock: Unix time in seconds.
    """

    def __init__(self, source: Source, spare: SyntheticSource, clock: Callable[[], float]) -> None:
        self._lock = threading.RLock()
        self._source, self._spare, self._clock = source, spare, clock
        self._entries: dict[str, Entry] = {}
        self._order: list[tuple[int, str]] = []
        self._changes: list[Change] = []
        self._history_id = _FIRST_HISTORY_ID
        self._added = 0
        for outline in source.outlines():
            self._put(outline, source, self._step(), _listed_at(outline))
        self._order.sort()
        self._floor = self._history_id

    def _put(self, outline: Outline, source: Source, history_id: int, key: int) -> Entry:
        ref = outline.ref
        entry = Entry(
            outline.id,
            outline.thread_id,
            outline.date,
            outline.labels,
            history_id,
            key,
            lambda: source.raw(ref),
        )
        self._entries[entry.id] = entry
        self._order.append((key, entry.id))
        return entry

    def _step(self) -> int:
        # Gaps look random and are the same in each run.
        self._history_id += 1 + self._history_id * 2654435761 % 37
        return self._history_id

    @property
    def history_id(self) -> int:
        """The mailbox's current history id."""
        return self._history_id

    def get(self, ident: str) -> Entry | None:
        """The message of this id."""
        return self._entries.get(ident)

    def ids(self) -> list[str]:
        """All ids, in the order of the list."""
        with self._lock:
            return [ident for _, ident in reversed(self._order)]

    def entries(self) -> list[Entry]:
        """All messages, in the order of the list."""
        with self._lock:
            return [self._entries[ident] for _, ident in reversed(self._order)]

    def after(self, place: tuple[int, str] | None) -> Iterator[Entry]:
        """Messages from a place in the list on, or from its head; the list as it is now."""
        with self._lock:
            end = len(self._order) if place is None else bisect_left(self._order, place)
            order = self._order[:end]
        for _, ident in reversed(order):
            entry = self._entries.get(ident)
            if entry is not None:
                yield entry

    def count(self) -> tuple[int, int]:
        """Numbers of messages and of threads."""
        with self._lock:
            return len(self._entries), len({entry.thread_id for entry in self._entries.values()})

    def canaries(self) -> list[str]:
        """What only this mailbox's messages say: subjects, phrases, made-up words."""
        outlines = list(self._source.outlines())
        found = [word for outline in outlines for word in self._source.canaries(outline.ref)]
        for extra in range(self._added):
            found += self._spare.canaries(self._spare.count + extra)
        return found

    # What changes the mailbox. Each of these leaves a record in the history.

    def add(self, count: int = 1) -> list[str]:
        """Let so many new synthetic messages arrive; their ids, oldest first."""
        with self._lock:
            made = []
            for _ in range(count):
                index = self._spare.count + self._added
                self._added += 1
                outline = self._spare.outline(index, date=self._now())
                made.append(self._arrive(outline, self._spare))
            return made

    def add_raw(self, raw: bytes, labels: Iterable[str] = ("INBOX", "UNREAD")) -> str:
        """Let one message (RFC 5322) arrive; its id."""
        with self._lock:
            ident = message_id("raw", self._history_id, raw.hex())
            outline = Outline(ident, ident, self._now(), tuple(labels), 0)
            return self._arrive(outline, _Given(with_crlf(raw)))

    def _arrive(self, outline: Outline, source: Source) -> str:
        head = self._order[-1][0] + 1 if self._order else 0
        entry = self._put(outline, source, self._step(), max(head, outline.date))
        self._changes.append(Change(entry.history_id, "messageAdded", replace(entry)))
        return entry.id

    def delete(self, ident: str) -> None:
        """Remove a message for good.

        Raises:
            KeyError: There is no such message.
        """
        with self._lock:
            entry = self._entries.pop(ident)
            del self._order[bisect_left(self._order, (entry.key, entry.id))]
            self._changes.append(Change(self._step(), "messageDeleted", replace(entry)))

    def trash(self, ident: str) -> None:
        """Move a message to the trash.

        Raises:
            KeyError: There is no such message.
        """
        self.relabel(ident, add=("TRASH",), remove=("INBOX",))

    def relabel(self, ident: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Change a message's labels; a change that changes nothing leaves no record.

        Raises:
            KeyError: There is no such message.
        """
        with self._lock:
            entry = self._entries[ident]
            added = tuple(label for label in add if label not in entry.labels)
            removed = tuple(label for label in remove if label in entry.labels)
            if not added and not removed:
                return
            kept = tuple(label for label in entry.labels if label not in removed)
            entry.labels, entry.history_id = kept + added, self._step()
            change = Change(entry.history_id, "labels", replace(entry), added, removed)
            self._changes.append(change)

    def expire_history(self) -> None:
        """Make every history id given so far too old, as time does."""
        with self._lock:
            self._changes.clear()
            self._floor = self._step()

    def changes(self, start: int) -> list[Change] | None:
        """Changes after a history id, oldest first; None when the id is too old or unknown."""
        with self._lock:
            if not self._floor <= start <= self._history_id:
                return None
            return [change for change in self._changes if change.id > start]

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def to_json(self) -> dict[str, Any]:
        """Ids in the order of the list, labels by id, and the history id."""
        entries = self.entries()
        return {
            "messages": [entry.id for entry in entries],
            "labels": {entry.id: list(entry.labels) for entry in entries},
            "historyId": str(self._history_id),
        }


def _listed_at(outline: Outline) -> int:
    # Only one message in eight is out of place; which one follows from its id.
    noise = int(outline.id[-8:], 16)
    return outline.date + (noise % (2 * _JITTER_MS) - _JITTER_MS if noise % 8 == 0 else 0)


@dataclass(frozen=True, slots=True)
class _Given:
    """A source of one message that was handed in."""

    content: bytes

    def outlines(self) -> Iterator[Outline]:
        return iter(())

    def raw(self, ref: int) -> bytes:  # noqa: ARG002 - there is only one
        return self.content

    def canaries(self, ref: int) -> list[str]:  # noqa: ARG002 - whoever handed it in knows it
        return []
