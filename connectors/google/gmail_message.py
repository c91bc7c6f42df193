"""A Gmail message to the fields of an `Email`. Pure: JSON and fetched texts in, fields out.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import quote

from connectors.google.gmail_addresses import Address, addresses, decoded
from connectors.google.gmail_parts import (
    Attachment,
    Content,
    attachments,
    headers_by_name,
    inline_text,
    text_and_html,
)
from connectors.sdk.records import Json, Record, iso

NO_SUBJECT = "(no subject)"
_SUMMARY = 256
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
#: There is no e-mail from before; a date from then is a broken clock.
_FIRST = datetime(1971, 1, 1, tzinfo=UTC)
#: Clocks may be ahead by so much.
_AHEAD = timedelta(days=1)
#: Where the recipient stands, best first: `Delivered-To` is all that a blind copy has.
_RECIPIENTS = ("to", "cc", "bcc", "delivered-to", "x-original-to")


def email_fields(
    message: Json, fetched: Mapping[str, Content], *, account: str, now: datetime
) -> dict[str, Any]:
    """The base fields `name`, `inserted_at`, `summary`, `uri` and all of the `Email` schema's own.

    Args:
        message: The API's answer in format `full`.
        fetched: By `partId`, the texts of bodies and attachments that had to be fetched.
        account: The account's address.
        now: The time, with a zone; dates from after it are not believed.
    """
    payload = message["payload"]
    values = headers_by_name(payload)
    lists = {name: _addresses(values, name) for name in _RECIPIENTS}
    sender = next(iter(_addresses(values, "from")), Address(""))
    recipient = next(chain.from_iterable(lists.values()), Address(""))
    text, markup = text_and_html(payload, fetched)
    labels = list(message.get("labelIds") or ())
    inserted, sent = _times(message, _first(values, "date"), now)
    return {
        "name": one_line(decoded(_first(values, "subject"))) or NO_SUBJECT,
        "inserted_at": iso(inserted),
        "summary": one_line(html.unescape(message.get("snippet") or ""))[:_SUMMARY] or None,
        "uri": _uri(message, account),
        "type": direction(labels, sender.email, account),
        "fromName": sender.name or None,
        "fromEmail": sender.email,
        "toName": recipient.name or None,
        "toEmail": recipient.email,
        "to": _json(lists["to"]),
        "cc": _json(lists["cc"]),
        "bcc": _json(lists["bcc"]),
        "messageText": text,
        "messageHTML": markup or None,
        "attachments": [_attachment(a, fetched) for a in attachments(payload)] or None,
        "sentAt": iso(sent),
        "labels": labels,
        "threadId": message.get("threadId"),
    }


def relabelled(record: Record, minimal: Json, account: str) -> Record:
    """The kept record as the message is labelled now, without fetching the rest again.

    Args:
        record: As kept, of this mapping.
        minimal: The API's answer in format `minimal`.
        account: The account's address.
    """
    source = {**record["sourceData"], **minimal}
    if "labelIds" not in minimal:
        # A message without labels comes without the field.
        source.pop("labelIds", None)
    labels = list(minimal.get("labelIds") or ())
    kind = direction(labels, record["fromEmail"], account)
    return {**record, "sourceData": source, "labels": labels, "type": kind}


def direction(labels: list[str], sender: str, account: str) -> str:
    """`send` where the account is the sender, under its own address or another of its names."""
    own = bool(account) and sender.casefold() == account.casefold()
    return "send" if own or "SENT" in labels else "receive"


def one_line(text: str) -> str:
    """The text on one line, without what cannot be shown."""
    return " ".join(_UNFIT.sub(" ", text).split())


def _first(values: Mapping[str, list[str]], name: str) -> str:
    return values[name][0] if name in values else ""


def _addresses(values: Mapping[str, list[str]], name: str) -> list[Address]:
    return [address for value in values.get(name, ()) for address in addresses(value)]


def _json(found: list[Address]) -> list[dict[str, str]] | None:
    return [address.to_json() for address in found] or None


def _uri(message: Json, account: str) -> str:
    who = f"u/?authuser={_quoted(account)}" if account else "u/0/"
    return f"https://mail.google.com/mail/{who}#all/{message['id']}"


_quoted = lru_cache(maxsize=64)(quote)


def _attachment(attachment: Attachment, fetched: Mapping[str, Content]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": attachment.id,
        "filename": attachment.filename,
        "textContent": "",
        "size": attachment.size,
    }
    if attachment.media_type:
        found["mediaType"] = attachment.media_type
    content = fetched.get(attachment.id)
    inline = None if content else inline_text(attachment, fetched)
    if inline:
        found["textContent"] = inline
    elif content and content.text:
        found["textContent"] = content.text
    else:
        found["note"] = content.note if content and content.note else "not read"
    return found


def _times(message: Json, date: str, now: datetime) -> tuple[datetime, datetime]:
    """When the mailbox got the message, and when it was sent; each makes up for the other.

    `internalDate` is Gmail's own and trusted first for the one, the `Date` header for the other.
    Neither is believed when it lies in the future or before there was e-mail.
    """
    received = _believed(_from_milliseconds(message.get("internalDate")), now)
    sent = _believed(_from_header(date), now)
    inserted = received or sent or now
    return inserted, sent or inserted


def _believed(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment and _FIRST <= moment <= now + _AHEAD else None


def _from_milliseconds(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _from_header(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # "-0000" means: in universal time, the sender's zone unknown.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
