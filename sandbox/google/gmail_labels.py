"""users.labels: list and get; users.getProfile.

https://developers.google.com/workspace/gmail/api/guides/labels
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.google.call import Answer
from sandbox.google.errors import not_found
from sandbox.google.mailbox import Mailbox

_SHOWN = ("INBOX", "SENT", "DRAFT", "TRASH", "UNREAD", "STARRED", "SPAM", "IMPORTANT", "CHAT")
_CATEGORIES = ("PERSONAL", "SOCIAL", "PROMOTIONS", "UPDATES", "FORUMS")
_USER = {"Label_1": "Family", "Label_2": "Projects", "Label_3": "Projects/Travel"}


def _system(ident: str) -> dict[str, Any]:
    shown = {"id": ident, "name": ident, "type": "system"}
    if not ident.startswith("CATEGORY_"):
        return shown
    return {**shown, "messageListVisibility": "hide", "labelListVisibility": "labelHide"}


def _user(ident: str, name: str) -> dict[str, Any]:
    visible = {"messageListVisibility": "show", "labelListVisibility": "labelShow"}
    return {"id": ident, "name": name, **visible, "type": "user"}


def _labels(mailbox: Mailbox) -> dict[str, dict[str, Any]]:
    names = [*_SHOWN, *(f"CATEGORY_{name}" for name in _CATEGORIES)]
    labels = {ident: _system(ident) for ident in names}
    labels |= {ident: _user(ident, name) for ident, name in _USER.items()}
    used = {label for entry in mailbox.entries() for label in entry.labels}
    return labels | {name: _user(name, name) for name in sorted(used - labels.keys())}


def list_labels(mailbox: Mailbox) -> Answer:
    """labels.list."""
    return Answer(200, json.dumps({"labels": list(_labels(mailbox).values())}).encode())


def get_label(mailbox: Mailbox, ident: str) -> Answer:
    """labels.get, with the counts."""
    label = _labels(mailbox).get(ident)
    if label is None:
        raise not_found()
    having = [entry for entry in mailbox.entries() if ident in entry.labels]
    unread = [entry for entry in having if "UNREAD" in entry.labels]
    counts = {
        "messagesTotal": len(having),
        "messagesUnread": len(unread),
        "threadsTotal": len({entry.thread_id for entry in having}),
        "threadsUnread": len({entry.thread_id for entry in unread}),
    }
    return Answer(200, json.dumps({**label, **counts}).encode())


def get_profile(mailbox: Mailbox, email: str) -> Answer:
    """users.getProfile."""
    messages, threads = mailbox.count()
    shown = {
        "emailAddress": email,
        "messagesTotal": messages,
        "threadsTotal": threads,
        "historyId": str(mailbox.history_id),
    }
    return Answer(200, json.dumps(shown).encode())
