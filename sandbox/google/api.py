"""Which Gmail method a call is for, and what must be true before it runs.

In this order: the method exists, the token is good, the scope was granted, the user is the
token's own, no fault lies in wait, the quota has room. The documentation does not give the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sandbox.disturb import garbled, gateway
from sandbox.faults import BATCH_PART, BODY_KINDS, GATEWAY_KINDS
from sandbox.google import errors, gmail_history, gmail_labels, gmail_messages
from sandbox.google.accounts import Account
from sandbox.google.call import Answer, Call
from sandbox.google.errors import GoogleError
from sandbox.google.quota import COSTS
from sandbox.world import World

_AUTH = "https://www.googleapis.com/auth/"
METADATA = f"{_AUTH}gmail.metadata"
READERS = ("https://mail.google.com/", f"{_AUTH}gmail.modify", f"{_AUTH}gmail.readonly")
_LABELERS = (*READERS, METADATA, f"{_AUTH}gmail.labels")

_PATH = re.compile(r"/gmail/v1/users/([^/]+)/(.*)")
_GARBAGE = b'{"id": "garbage", "payload": {"parts": [\xff\xfe'


@dataclass(frozen=True, slots=True)
class Method:
    """An API method, found by its path.

    Args:
        id: As in the discovery document.
        scopes: Any one of them is enough.
        run: Answers the call.
    """

    id: str
    scopes: tuple[str, ...]
    run: Callable[[Account, bool], Answer]


class GmailApi:
    """Answers calls to the Gmail API.

    Args:
        world: The sandbox's state.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, call: Call, *, in_batch: bool = False) -> Answer:
        """The answer to one call; never raises what is the caller's fault."""
        method: Method | None = None
        try:
            method = self._method(call)
            answer = self._checked(call, method, in_batch=in_batch)
        except GoogleError as error:
            answer = Answer.of(error)
        name = method.id if method is not None else "unknown"
        self._world.stats.call(name, answer.status, answer.reason)
        return answer

    def refuse(self, error: GoogleError) -> Answer:
        """The answer to a call that is not even looked at."""
        self._world.stats.call("refused", error.code, error.reason)
        return Answer.of(error)

    def account_of(self, token: str | None) -> Account | None:
        """The account whose access token this is."""
        grant = self._world.tokens.check(token)
        return self._world.account(grant.account) if grant is not None else None

    def _checked(self, call: Call, method: Method, *, in_batch: bool) -> Answer:
        grant = self._world.tokens.check(call.token)
        if grant is None:
            raise errors.unauthenticated()
        if grant.scopes.isdisjoint(method.scopes):
            raise errors.insufficient_scope(method.id, method.scopes)
        account = self._world.account(grant.account)
        user = _user(call.path)
        if user not in ("me", account.person.email):
            raise errors.delegation_denied(user)
        fault = self._world.faults.take(BATCH_PART) if in_batch else None
        if fault is not None:
            if fault.kind == "garbage-json":
                return Answer(200, _GARBAGE, reason="fault")
            if fault.kind in BODY_KINDS:
                return Answer(200, garbled(fault.kind), reason="fault")
            if fault.kind in GATEWAY_KINDS:
                page = gateway(fault.kind)
                return Answer(page.status, page.body, page.headers, reason="fault")
            now = self._world.now()
            raise errors.from_fault(fault.kind, now=now, retry_after=fault.retry_after)
        cost = COSTS[method.id]
        if not account.meter.spend(cost):
            raise errors.quota_exceeded()
        self._world.stats.spent(account.person.email, cost)
        return method.run(account, grant.scopes.isdisjoint(READERS))

    def _method(self, call: Call) -> Method:
        match = _PATH.fullmatch(call.path)
        if match is None or call.verb != "GET":
            raise errors.no_such_method()
        if call.one("fields") not in (None, "*"):
            raise errors.invalid_argument("The sandbox does not play partial responses (fields).")
        found = self._find(call, match[2].split("/"))
        if found is None:
            raise errors.no_such_method()
        return found

    def _find(self, call: Call, path: list[str]) -> Method | None:
        readers = (*READERS, METADATA)
        users = "gmail.users"
        match path:
            case ["profile"]:
                return Method(f"{users}.getProfile", readers, _profile)
            case ["messages"]:
                return Method(f"{users}.messages.list", readers, partial(_list, call))
            case ["messages", ident]:
                return Method(f"{users}.messages.get", readers, partial(self._get, call, ident))
            case ["messages", ident, "attachments", attachment]:
                run = partial(_attachment, ident, attachment)
                return Method(f"{users}.messages.attachments.get", READERS, run)
            case ["history"]:
                return Method(f"{users}.history.list", readers, partial(_history, call))
            case ["labels"]:
                return Method(f"{users}.labels.list", _LABELERS, _labels)
            case ["labels", ident]:
                return Method(f"{users}.labels.get", _LABELERS, partial(_label, ident))
        return None

    def _get(self, call: Call, ident: str, account: Account, metadata_only: bool) -> Answer:
        return gmail_messages.get_message(
            call, account.mailbox, self._world.renderer, ident, metadata_only=metadata_only
        )


def _user(path: str) -> str:
    match = _PATH.fullmatch(path)
    return match[1].replace("%40", "@") if match is not None else ""


def _profile(account: Account, _: bool) -> Answer:
    return gmail_labels.get_profile(account.mailbox, account.person.email)


def _list(call: Call, account: Account, metadata_only: bool) -> Answer:
    return gmail_messages.list_messages(call, account.mailbox, metadata_only=metadata_only)


def _attachment(message: str, ident: str, account: Account, _: bool) -> Answer:
    return gmail_messages.get_attachment(account.mailbox, message, ident)


def _history(call: Call, account: Account, _: bool) -> Answer:
    return gmail_history.list_history(call, account.mailbox)


def _labels(account: Account, _: bool) -> Answer:
    return gmail_labels.list_labels(account.mailbox)


def _label(ident: str, account: Account, _: bool) -> Answer:
    return gmail_labels.get_label(account.mailbox, ident)
