"""users.history.list.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
https://developers.google.com/workspace/gmail/api/guides/sync

An id from before the sandbox started, or from before `expire-history`, is too old: 404. So is
one that was never given; the documentation calls both "invalid or out of date". Moving to the
trash is one record with both label changes.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.google.call import Answer, Call
from sandbox.google.errors import invalid_argument, not_found
from sandbox.google.mailbox import Change, Entry, Mailbox

_TYPES = frozenset({"messageAdded", "messageDeleted", "labelAdded", "labelRemoved"})


def list_history(call: Call, mailbox: Mailbox) -> Answer:
    """history.list."""
    start = call.one("startHistoryId") or ""
    if not start.isdigit():
        raise invalid_argument("Missing/invalid parameter: startHistoryId")
    wanted = frozenset(call.all("historyTypes")) or _TYPES
    if not wanted <= _TYPES:
        raise invalid_argument("Invalid value at 'historyTypes'")
    token = call.one("pageToken") or start
    if not token.isdigit():
        raise invalid_argument("Invalid pageToken")
    size = call.number("maxResults", 100, 500)
    if mailbox.changes(int(start)) is None:
        raise not_found()
    changes = mailbox.changes(max(int(token), int(start)))
    if changes is None:
        raise not_found()
    records = _records(changes, wanted, call.one("labelId"))
    shown: dict[str, Any] = {}
    if records:
        shown["history"] = records[:size]
    if len(records) > size:
        shown["nextPageToken"] = records[size - 1]["id"]
    shown["historyId"] = str(mailbox.history_id)
    return Answer(200, json.dumps(shown).encode())


def _records(
    changes: list[Change], wanted: frozenset[str], label: str | None
) -> list[dict[str, Any]]:
    shown = (
        _record(change, wanted)
        for change in changes
        if label is None or label in (*change.entry.labels, *change.removed)
    )
    return [record for record in shown if record is not None]


def _record(change: Change, wanted: frozenset[str]) -> dict[str, Any] | None:
    entry = change.entry
    short = {"id": entry.id, "threadId": entry.thread_id}
    changed = {"message": _message(entry)}
    details: dict[str, Any] = {}
    if change.kind == "messageAdded" and change.kind in wanted:
        details["messagesAdded"] = [changed]
    if change.kind == "messageDeleted" and change.kind in wanted:
        details["messagesDeleted"] = [changed]
    if change.added and "labelAdded" in wanted:
        details["labelsAdded"] = [{**changed, "labelIds": list(change.added)}]
    if change.removed and "labelRemoved" in wanted:
        details["labelsRemoved"] = [{**changed, "labelIds": list(change.removed)}]
    return {"id": str(change.id), "messages": [short], **details} if details else None


def _message(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": entry.id, "threadId": entry.thread_id}
    return {**shown, "labelIds": list(entry.labels)} if entry.labels else shown
