"""The Calendar API, as far as a sync reads it.

Events come as single ones only (`singleEvents`). What a full list was restricted to
(`timeMin`, `timeMax`) does not restrict what its sync token tells of: the documentation is silent
on that, and clients report so (https://github.com/garrytan/gbrain/pull/5015). A sync token tells
what changed after the answer that it came with, as its description says.

https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list
https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from flask import Blueprint

from sandbox.google import errors, service
from sandbox.google.accounts import Account
from sandbox.google.calendar_store import CalendarStore, Stored, holds, order, shown
from sandbox.google.call import Answer, Call
from sandbox.google.service import Endpoint, answer_json
from sandbox.world import World

ROOT = "/calendar/v3"
_AUTH = "https://www.googleapis.com/auth/calendar"
_SCOPES = (f"{_AUTH}.readonly", _AUTH)
_COMMON = {"alt", "access_token", "prettyPrint"}
_LIST = {"maxResults", "pageToken", "syncToken", "showDeleted"}
_CALENDARS = _COMMON | _LIST | {"showHidden", "minAccessRole"}
_EVENTS = _COMMON | _LIST | {"singleEvents", "timeMin", "timeMax", "fields"}
#: The one partial response that is played.
_IDS = "nextPageToken,items(id,updated)"
_ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


def blueprint(world: World, stores: Sequence[CalendarStore]) -> Blueprint:
    """The API's routes.

    Args:
        world: The sandbox's state.
        stores: What each account holds.
    """

    def endpoint(name: str, path: str, run: Any) -> Endpoint:
        def answer(call: Call, account: Account, *groups: str) -> Answer:
            store = stores[account.index]
            with store.lock:
                return answer_json(run(call, store, *map(unquote, groups)))

        return Endpoint(f"calendar.{name}", ROOT + path, _SCOPES, answer)

    endpoints = (
        endpoint("calendarList.list", "/users/me/calendarList", _list_calendars),
        endpoint("calendarList.get", "/users/me/calendarList/([^/]+)", _get_calendar),
        endpoint("events.list", "/calendars/([^/]+)/events", _list_events),
        endpoint("events.get", "/calendars/([^/]+)/events/([^/]+)", _get_event),
    )
    return service.blueprint(world, "calendar", ROOT, "calendar-json.googleapis.com", endpoints)


def _list_calendars(call: Call, store: CalendarStore) -> Any:
    _only(call, _CALENDARS)
    if call.one("syncToken"):
        raise errors.invalid_argument("The sandbox does not play sync tokens of calendarList.")
    role = call.one("minAccessRole") or _ROLES[0]
    if role not in _ROLES:
        raise errors.invalid_argument("Invalid value for minAccessRole")
    entries = [
        stored.entry
        for stored in store.calendars.values()
        if (call.flag("showHidden") or not stored.entry.get("hidden"))
        and _ROLES.index(stored.entry["accessRole"]) >= _ROLES.index(role)
    ]
    entries.sort(key=lambda entry: order(entry["id"]))
    size = _size(call, 100, 250)
    after = _page(call, store, "calendars", {})
    rest = [entry for entry in entries if order(entry["id"]) > after]
    page, more = rest[:size], len(rest) > size
    body: dict[str, Any] = {"kind": "calendar#calendarList", "etag": f'"{store.clock}"'}
    body["items"] = [store.calendar_oddities.send(entry["id"], entry) for entry in page]
    if more:
        last = _stamp_of("calendars", {})
        body["nextPageToken"] = _token(store, last, order(page[-1]["id"]))
    else:
        body["nextSyncToken"] = _token(store, _stamp_of("calendar-changes"), store.clock)
    return body


def _get_calendar(call: Call, store: CalendarStore, ident: str) -> Any:
    _only(call, _COMMON)
    stored = _found(store, ident)
    return store.calendar_oddities.send(stored.id, stored.entry)


def _list_events(call: Call, store: CalendarStore, ident: str) -> Any:
    _only(call, _EVENTS)
    if not call.flag("singleEvents"):
        raise errors.invalid_argument("The sandbox plays lists with singleEvents only.")
    partial_answer = call.one("fields")
    if partial_answer not in (None, _IDS):
        raise errors.invalid_argument(f"Invalid field selection; the sandbox plays {_IDS}")
    stored = _found(store, ident)
    if stored.barred:
        raise errors.not_found()
    if stored.denied:
        raise errors.GoogleError(403, "Forbidden", "forbidden", domain="calendar")
    sync = call.one("syncToken")
    query = {name: call.one(name) for name in ("syncToken", "timeMin", "timeMax", "showDeleted")}
    after = _page(call, store, f"events of {stored.id}", query)
    found = _changes(call, store, stored, sync) if sync else _all(call, stored)
    size = _size(call, 250, 2500)
    rest = [event for event in found if order(event["id"]) > after]
    page, more = rest[:size], len(rest) > size
    last = _stamp_of(f"events of {stored.id}", query)
    token = _token(store, last, order(page[-1]["id"])) if more else None
    if partial_answer:
        ids = [{key: e[key] for key in ("id", "updated") if key in e} for e in page]
        return {"items": ids, **({"nextPageToken": token} if token else {})}
    return {
        **_head(store, stored),
        "items": [shown(store, stored, event) for event in page],
        **({"nextPageToken": token} if token else {"nextSyncToken": _sync_token(store, stored)}),
    }


def _get_event(call: Call, store: CalendarStore, ident: str, event: str) -> Any:
    _only(call, _COMMON)
    stored = _found(store, ident)
    if event not in stored.events:
        raise errors.not_found()
    return shown(store, stored, stored.events[event])


def _head(store: CalendarStore, stored: Stored) -> dict[str, Any]:
    return {
        "kind": "calendar#events",
        "etag": f'"p{store.clock}"',
        "summary": stored.entry["summary"],
        "timeZone": stored.zone,
        "accessRole": stored.entry["accessRole"],
        "defaultReminders": [],
    }


def _all(call: Call, stored: Stored) -> list[dict[str, Any]]:
    since, until = (_time(call, name) for name in ("timeMin", "timeMax"))
    if since is not None and until is not None and until <= since:
        raise errors.invalid_argument("The specified time range is empty.")
    found = [event for event in stored.living() if holds(event, stored.zone, since, until)]
    if call.flag("showDeleted"):
        gone = [event for event in stored.events.values() if event["status"] == "cancelled"]
        found = sorted(found + gone, key=lambda event: order(event["id"]))
    return found


def _changes(call: Call, store: CalendarStore, stored: Stored, sync: str) -> list[dict[str, Any]]:
    for name in ("timeMin", "timeMax"):
        if call.one(name):
            raise errors.invalid_argument(f"{name} cannot be specified with syncToken")
    if call.one("showDeleted") == "false":
        raise errors.invalid_argument("showDeleted cannot be false with syncToken")
    since = _read(store, _changes_of(stored), sync)
    if since is None:
        raise errors.gone()
    ids = [key for key, clock in stored.changes.items() if clock > int(since)]
    return sorted((stored.events[key] for key in ids), key=lambda event: order(event["id"]))


def _found(store: CalendarStore, ident: str) -> Stored:
    stored = store.calendar(ident)
    if stored is None:
        raise errors.not_found()
    return stored


def _only(call: Call, known: set[str]) -> None:
    if unknown := set(call.query) - known:
        raise errors.invalid_argument(f"The sandbox does not play {', '.join(sorted(unknown))}.")


def _size(call: Call, default: int, most: int) -> int:
    if call.one("maxResults") == "0":
        raise errors.invalid_argument("Invalid value for maxResults")
    return call.number("maxResults", default, most)


def _time(call: Call, name: str) -> float | None:
    text = call.one(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise errors.invalid_argument(f"Invalid value for {name}: no RFC 3339 time") from None
    if at.tzinfo is None:
        raise errors.invalid_argument(f"Invalid value for {name}: a time without a zone")
    return at.timestamp()


def _sync_token(store: CalendarStore, stored: Stored) -> str:
    return _token(store, _changes_of(stored), store.clock)


def _changes_of(stored: Stored) -> str:
    return _stamp_of(f"changes of {stored.id}", stored.born)


def _page(call: Call, store: CalendarStore, what: str, query: Mapping[str, Any]) -> str:
    """What the page begins after; page tokens hold for the same query only."""
    token = call.one("pageToken")
    if token is None:
        return ""
    after = _read(store, _stamp_of(what, query), token)
    if after is None:
        raise errors.invalid_argument("Invalid page token value.")
    return after


def _stamp_of(*what: Any) -> str:
    """What a token is for; nothing of a calendar's id, which may be an address, is in it."""
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20]


def _token(store: CalendarStore, stamp: str, place: str | int) -> str:
    return base64.urlsafe_b64encode(f"{stamp}.{store.epoch}.{place}".encode()).decode()


def _read(store: CalendarStore, stamp: str, token: str) -> str | None:
    """The place that a token names; None when it is for something else, or too old."""
    try:
        told = base64.urlsafe_b64decode(token).decode().split(".")
    except ValueError:
        return None
    return told[2] if told[:2] == [stamp, str(store.epoch)] and len(told) == 3 else None
