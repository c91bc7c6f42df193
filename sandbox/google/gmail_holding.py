"""A mailbox as the contract suite sees it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.google.mailbox import Mailbox
from sandbox.google.payload import Renderer
from sandbox.holding import Oddity, months_before

_HIDDEN = frozenset({"SPAM", "TRASH"})
_LABELS = ("STARRED", "IMPORTANT", "UNREAD")


class MailHolding:
    """Messages of a mailbox, spam and trash left out.

    Args:
        mailbox: The mailbox.
        renderer: Makes and remembers the messages' JSON.
    """

    path = "^/gmail/|^/batch"
    tells_edits = True
    has_noise = False
    has_feed = True

    def __init__(self, mailbox: Mailbox, renderer: Renderer) -> None:
        self._mailbox = mailbox
        self._renderer = renderer
        self._turn = itertools.count()

    def expected(self, options: Mapping[str, str]) -> list[str]:
        """What `messages.list` lists within the range asked for."""
        months = options.get("backdate", "all")
        since = 0.0 if months == "all" else months_before(int(months)) * 1000
        return [
            entry.id
            for entry in self._mailbox.entries()
            if _HIDDEN.isdisjoint(entry.labels) and entry.date >= since
        ]

    def add(self, count: int = 1) -> list[str]:
        """Let so many synthetic messages arrive."""
        return self._mailbox.add(count)

    def edit(self, source_id: str) -> None:
        """Give or take a label; messages themselves never change."""
        entry = self._mailbox.get(source_id)
        assert entry is not None  # noqa: S101 - a test's mistake
        label = _LABELS[next(self._turn) % len(_LABELS)]
        add, remove = ((), (label,)) if label in entry.labels else ((label,), ())
        self._mailbox.relabel(source_id, add, remove)

    def remove(self, source_id: str) -> None:
        """Delete for good."""
        self._mailbox.delete(source_id)

    def clear(self) -> None:
        """Delete everything."""
        for ident in self._mailbox.ids():
            self._mailbox.delete(ident)

    def add_noise(self, count: int) -> None:
        """Lists hold nothing that a sync leaves out (`has_noise`)."""
        raise ValueError(f"no list holds what a sync leaves out; {count} items were asked for")

    def lose_feed(self) -> None:
        """Make all history ids too old."""
        self._mailbox.expire_history()

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._renderer.oddities.spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The message in format `full`, as last sent."""
        return self._renderer.oddities.sent(source_id)

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Labels are all that changes."""
        entry = self._mailbox.get(record["sourceId"])
        return entry is not None and sorted(record.get("labels", ())) == sorted(entry.labels)

    def idle_requests(self) -> int:
        """One look at the history."""
        return 1
