"""What Telegram's servers know: accounts, sessions, and codes to scan.

A session is a refresh token of the sandbox's store, and the file that TDLib would keep it in,
`td.binlog`, is that token's text and a number that grows with each writing: ending it there
(`revoke_refresh`) is what a person does under "Devices".

One session may be open once. A client that opens it takes the place of one that is open already, as
if that one's process had died; only when the older one makes another call, which to close is none,
are both known to be alive, and then both lose the session with 406 AUTH_KEY_DUPLICATED, as
Telegram's servers do it (https://github.com/tdlib/td/issues/1947). So a killed worker never stands in the next one's way,
whatever the time between them, and a session that is opened twice never goes unseen.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import threading
from typing import TYPE_CHECKING

from sandbox.lazy import Lazy
from sandbox.oddities import Oddities
from sandbox.telegram.beginnings import Beginning
from sandbox.telegram.reading import Account
from sandbox.telegram.store import Store
from sandbox.telegram.users import phone_of
from sandbox.tokens import TokenRules

if TYPE_CHECKING:
    from sandbox.telegram.client import Client
    from sandbox.world import World

#: The code that every phone number is sent: test numbers have that of their data centre
#: (https://core.telegram.org/api/auth#test-accounts).
CODE = "22222"
#: The two-step password of the account of number 1, and what reminds of it. Others have none.
PASSWORD = "harbour lights at nine"  # noqa: S105 - a sandbox's
HINT = "where the boats come in"
#: The key of sessions that were minted.
MINTED_KEY = bytes(32)
#: A session is not used up by being opened, whatever the rules for refresh tokens are.
_LASTING = TokenRules()


class Network:
    """Telegram's servers. What changes under `lock` wakes those who wait for it.

    Args:
        world: The sandbox's state.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.Condition()
        self.accounts = Lazy(len(world.accounts), self._account)
        #: Two-step passwords by the account's number.
        self.passwords: dict[int, str] = {1: PASSWORD}
        #: How long a code to scan, and a code that was sent, are good for.
        self.qr_seconds = 30.0
        self.code_seconds = 300.0
        #: How often a session was found to be open twice.
        self.duplicates = 0
        self._open: dict[str, Client] = {}
        self._keys: dict[str, bytes] = {}
        self._links: dict[str, Client] = {}
        self._given: list[str] = []
        self._writings = itertools.count(1)

    def _account(self, number: int) -> Account:
        world = self.world
        options, person = world.options, world.account(number).person
        store = Store(Beginning(options, number, person, world.newest), self.lock)
        remember = options.remember_sent
        return Account(
            store,
            Oddities(optional="edit_date", essential="content", remember=remember),
            Oddities(optional="unread_count", essential="type", remember=remember),
        )

    # Sessions

    def by_phone(self, digits: str) -> int | None:
        """The account that has a phone number."""
        numbers = range(len(self.accounts))
        return next((number for number in numbers if phone_of(number) == digits), None)

    def sign_in(self, account: int, key: bytes) -> str:
        """Begin a session, whose file has this key."""
        tokens = self.world.tokens
        session = tokens.refresh_token(tokens.consent(account, (), include_granted=False))
        self._keys[session] = key
        return session

    def account_of(self, session: str) -> int | None:
        """Whose a session is; None when it has ended, or never was one."""
        found = self.world.tokens.refresh(session, _LASTING)
        return found[0].account if found is not None else None

    def was_given(self, session: str) -> bool:
        """Whether there ever was such a session."""
        return session in self.world.tokens.all_given()

    def fits(self, session: str, key: bytes) -> bool:
        """Whether a key opens a session's file."""
        return self._keys.setdefault(session, key) == key

    def opened(self, session: str, client: Client) -> None:
        """A client has opened a session."""
        before = self._open.get(session)
        if before is not None and before is not client:
            before.replace()
        self._open[session] = client

    def closed(self, session: str, client: Client) -> None:
        """A client has closed it."""
        if self._open.get(session) is client:
            del self._open[session]

    def end(self, session: str) -> None:
        """End a session for good."""
        self.world.tokens.revoke(session)
        self._keys.pop(session, None)

    def is_double(self, session: str) -> None:
        """It has been seen that two have a session open: both lose it."""
        self.duplicates += 1
        self.end(session)
        if session in self._open:
            self._open.pop(session).lose_duplicated()

    # Codes to scan

    def link(self, client: Client) -> str:
        """A new token for a client's code; the one before is good for nothing any more."""
        self.unlink(client)
        token = secrets.token_urlsafe(24)
        self._links[token] = client
        self._given.append(token)
        return token

    def unlink(self, client: Client) -> None:
        """Forget a client's token."""
        self._links = {t: c for t, c in self._links.items() if c is not client}

    def shown(self) -> str | None:
        """The token of the code that is shown last; None when none is shown."""
        with self.lock:
            return next(reversed(self._links), None)

    def scan(self, token: str, account: int) -> bool:
        """Let the person of an account scan a code; whether it was good."""
        with self.lock:
            client = self.scanned(token)
            if client is None:
                return False
            client.sign_in.scanned(account)
            self.lock.notify_all()
            return True

    def scanned(self, token: str) -> Client | None:
        """The client that shows a code; None when it is no longer, or never was, good."""
        with self.lock:
            client = self._links.get(token)
            if client is not None:
                client.sign_in.tick()
            return self._links.get(token)

    # What connections hold

    def packed(self, session: str) -> str:
        """What a connection holds of a minted session."""
        self._keys.setdefault(session, MINTED_KEY)
        return self._pack(session, MINTED_KEY)

    def written(self, session: str, key: bytes) -> str:
        """What a session's file holds from now on: another text each time."""
        text = f"{session} {next(self._writings)}"
        self._pack(text, key)
        return text

    def _pack(self, text: str, of: bytes) -> str:
        files = {"td.binlog": base64.b64encode(text.encode()).decode()}
        key = base64.b64encode(of).decode()
        text = json.dumps({"v": 1, "key": key, "files": files}, separators=(",", ":"))
        packed = base64.urlsafe_b64encode(text.encode()).decode()
        if packed not in self._given:
            self._given.append(packed)
        return packed

    def secrets(self) -> list[str]:
        """What was given out, and what people type: not to be seen where nothing secret may."""
        phones = [phone_of(number) for number in range(len(self.accounts))]
        return [*self._given, *phones, *self.passwords.values()]
