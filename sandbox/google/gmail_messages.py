"""users.messages: list, get, attachments.get.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages

A page token names the last message of its page, so that what arrives or goes between two pages
neither repeats nor hides another message; tokens are opaque in the documentation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sandbox.google import payload
from sandbox.google.call import Answer, Call
from sandbox.google.errors import invalid_argument, metadata_scope, not_found
from sandbox.google.gmail_query import Filter, filters
from sandbox.google.mailbox import Entry, Mailbox

_HIDDEN = frozenset({"SPAM", "TRASH"})
# What is documented as an estimate stops counting somewhere in practice; here it is at this number.
_ESTIMATE = 501


def list_messages(call: Call, mailbox: Mailbox, *, metadata_only: bool) -> Answer:
    """messages.list."""
    query = call.one("q") or ""
    if query and metadata_only:
        raise metadata_scope("Metadata scope does not support 'q' parameter")
    size = call.number("maxResults", 100, 500)
    token = call.one("pageToken")
    found = _matching(call, mailbox, query, _place(token) if token else None)
    page = list(islice(found, size + 1))
    shown: dict[str, Any] = {}
    if page:
        shown["messages"] = [{"id": e.id, "threadId": e.thread_id} for e in page[:size]]
    if len(page) > size:
        shown["nextPageToken"] = _token(page[size - 1])
    counted = islice(_matching(call, mailbox, query, None), _ESTIMATE)
    shown["resultSizeEstimate"] = sum(1 for _ in counted)
    return Answer(200, json.dumps(shown).encode())


def _matching(
    call: Call, mailbox: Mailbox, query: str, place: tuple[int, str] | None
) -> Iterator[Entry]:
    labels = frozenset(call.all("labelIds"))
    hidden = _HIDDEN - labels
    if call.flag("includeSpamTrash") or "in:anywhere" in query:
        hidden = frozenset()
    tests: list[Filter] = filters(query)
    for entry in mailbox.after(place):
        if not hidden.isdisjoint(entry.labels) or not labels.issubset(entry.labels):
            continue
        if all(test(entry) for test in tests):
            yield entry


def _token(entry: Entry) -> str:
    return base64.urlsafe_b64encode(f"{entry.key}:{entry.id}".encode()).decode().rstrip("=")


def _place(token: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        key, _, ident = text.partition(":")
        return int(key), ident
    except ValueError as error:
        raise invalid_argument("Invalid pageToken") from error


def get_message(
    call: Call, mailbox: Mailbox, renderer: payload.Renderer, ident: str, *, metadata_only: bool
) -> Answer:
    """messages.get."""
    form = (call.one("format") or "full").lower()
    if metadata_only and form in ("full", "raw"):
        raise metadata_scope(f"Metadata scope doesn't allow format {form.upper()}")
    entry = _entry(mailbox, ident)
    match form:
        case "full":
            return Answer(200, renderer.full(entry))
        case "minimal":
            return Answer(200, payload.minimal(entry))
        case "metadata":
            return Answer(200, payload.metadata(entry, call.all("metadataHeaders")))
        case "raw":
            return Answer(200, payload.raw_form(entry))
    raise invalid_argument(f"Invalid value at 'format': {form[:40]}")


def get_attachment(mailbox: Mailbox, message: str, ident: str) -> Answer:
    """messages.attachments.get; every id once given for the message remains good.

    How long Gmail honours one is not documented.
    """
    body = payload.attachment(_entry(mailbox, message), ident)
    if body is None:
        raise invalid_argument("Invalid attachment token")
    return Answer(200, body)


def _entry(mailbox: Mailbox, ident: str) -> Entry:
    entry = mailbox.get(ident)
    if entry is None:
        try:
            int(ident, 16)
        except ValueError:
            raise invalid_argument("Invalid id value") from None
        raise not_found()
    return entry
