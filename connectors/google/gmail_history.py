"""What changed in a mailbox, out of the records of `users.history.list`. Pure.

https://developers.google.com/workspace/gmail/api/guides/sync
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.sdk.records import Json

#: Labels of messages that a list leaves out, and so does a sync.
HIDDEN = frozenset({"SPAM", "TRASH"})


@dataclass(slots=True)
class Change:
    """What a stretch of history did to one message, all in all.

    Args:
        last: Id of the last history record that names it.
        added: It came within the stretch.
        deleted: It is gone for good at the end of it.
        hidden: It is in spam or trash at the end, as far as the stretch tells.
        shown: It came out of spam or trash within the stretch.
    """

    last: int
    added: bool = False
    deleted: bool = False
    hidden: bool = False
    shown: bool = False

    @property
    def absent(self) -> bool:
        """Whether a list would leave the message out at the end of the stretch."""
        return self.deleted or self.hidden


def changes(records: Iterable[Json]) -> dict[str, Change]:
    """Each message's change, by its id, from records in the order of the API."""
    found: dict[str, Change] = {}
    for record in records:
        number = int(record["id"])
        for message in _messages(record, "messagesAdded"):
            change = _of(found, message, number)
            change.added, change.deleted = True, False
            change.hidden = bool(HIDDEN & set(message.get("labelIds") or ()))
        for entry in record.get("labelsAdded") or ():
            change = _of(found, entry["message"], number)
            change.hidden = change.hidden or bool(HIDDEN & set(entry.get("labelIds") or ()))
        for entry in record.get("labelsRemoved") or ():
            change = _of(found, entry["message"], number)
            if HIDDEN & set(entry.get("labelIds") or ()):
                change.hidden, change.shown = False, True
        for message in _messages(record, "messagesDeleted"):
            _of(found, message, number).deleted = True
    return found


def _messages(record: Json, kind: str) -> Iterable[Json]:
    return (entry["message"] for entry in record.get(kind) or ())


def _of(found: dict[str, Change], message: Json, number: int) -> Change:
    change = found.setdefault(message["id"], Change(number))
    change.last = number
    return change
