"""All that the sandbox knows: accounts, tokens, faults, counts. The handle for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.faults import Faults
from sandbox.google.accounts import Account
from sandbox.google.mailbox import Mailbox
from sandbox.google.payload import Renderer
from sandbox.google.quota import Meter, Slots
from sandbox.lazy import Lazy
from sandbox.mail.source import FileSource, Source
from sandbox.mail.synthetic import SyntheticSource
from sandbox.options import SandboxOptions
from sandbox.people import Person
from sandbox.side import Side, sides
from sandbox.stats import Stats
from sandbox.tokens import TokenRules, TokenStore

if TYPE_CHECKING:
    from sandbox.listening import Listening

ALL_SCOPES: tuple[str, ...] = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/drive.readonly",
    "https://www.googleapis.com/auth/youtube.readonly",
)
_DAY = 86_400


class World:
    """The state of one sandbox.

    Args:
        options: How it is set up.

    Raises:
        FileNotFoundError: `options.mail` does not exist.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.stats = Stats()
        self.faults = Faults(options.faults, options.seed)
        self.renderer = Renderer(remember=options.remember_sent)
        rules = options.token_rules or TokenRules(rotate=options.rotate_refresh_tokens)
        # A copy: it may be changed while the sandbox runs.
        self.tokens = TokenStore(self.now, options.token_seconds, replace(rules))
        # Set when the server stops, so that what hangs on purpose ends.
        self.stopped = threading.Event()
        newest = options.newest if options.newest is not None else self.now() // _DAY * _DAY
        #: When the newest item that an account starts with came, Unix seconds.
        self.newest = float(newest)
        self._mailboxes = Lazy(options.accounts, self._mailbox)
        if options.mail is not None and options.accounts:
            _ = self._mailboxes[0]  # says now what is wrong with the files
        self.accounts = [self._account(number) for number in range(options.accounts)]
        self.sides = sides(self)
        #: What is done about the sockets that listen (`sandbox.listening`); None when not served.
        self.listening: Listening | None = None

    @staticmethod
    def now() -> float:
        """Unix time in seconds."""
        return time.time()

    def work(self) -> None:
        """Take the time that every request takes (`latency_ms`)."""
        if self.options.latency_ms:
            time.sleep(self.options.latency_ms / 1000)

    def _account(self, index: int) -> Account:
        options = self.options
        meter = Meter(options.quota, time.monotonic)
        slots = Slots(options.concurrency)
        return Account(index, Person.numbered(index), self._mailboxes, meter, slots)

    def _mailbox(self, index: int) -> Mailbox:
        options, person, newest = self.options, Person.numbered(index), int(self.newest * 1000)
        reads_files = options.mail is not None and index == 0
        spare = SyntheticSource(
            options.seed,
            index,
            0 if reads_files else options.messages,
            person.email,
            person.name,
            newest,
        )
        source: Source = spare
        if options.mail is not None and reads_files:
            source = FileSource(options.mail, person.email, newest)
        return Mailbox(source, spare, self.now)

    def side_of(self, path: str) -> Side:
        """The side whose path this is: the one with the longest prefix that fits."""
        fitting = [side for side in self.sides.values() if f"{path}/".startswith(f"{side.prefix}/")]
        return max(fitting, key=lambda side: len(side.prefix))

    def account(self, index: int = 0) -> Account:
        """An account by its number.

        Raises:
            KeyError: There is no such account.
        """
        if not 0 <= index < len(self.accounts):
            raise KeyError(index)
        return self.accounts[index]

    @property
    def people(self) -> list[Person]:
        """Whose accounts there are, in the order of their numbers."""
        return [account.person for account in self.accounts]

    def mailbox(self, index: int = 0) -> Mailbox:
        """An account's mailbox.

        Raises:
            KeyError: There is no such account.
        """
        return self.account(index).mailbox

    def mint(self, account: int = 0, scopes: Iterable[str] = ALL_SCOPES) -> dict[str, Any]:
        """Tokens of an account without any dance: `access_token`, `refresh_token`, `expires_at`.

        It counts as a consent: a dance after it brings a refresh token with `prompt=consent` only.

        Raises:
            KeyError: There is no such account.
        """
        return self.tokens.mint(self.account(account).index, scopes)

    def canaries(self) -> list[str]:
        """Strings that must not appear where nothing secret may: subjects, phrases, tokens."""
        found = [word for account in self.accounts for word in account.mailbox.canaries()]
        found += [word for side in self.sides.values() for word in side.canaries()]
        return list(dict.fromkeys(found)) + self.tokens.all_given()

    def state(self) -> dict[str, Any]:
        """Accounts with the ids of all their messages, and what each handler is to keep."""
        return {
            "accounts": [
                {
                    "index": account.index,
                    "id": account.person.sub,
                    "email": account.person.email,
                    "name": account.person.name,
                    **account.mailbox.to_json(),
                }
                for account in self.accounts
            ],
            "holdings": {
                side.id: {
                    side.account_id(account.index): {
                        handler: holding.expected({})
                        for handler, holding in side.holdings(account.index).items()
                    }
                    for account in self.accounts
                }
                for side in self.sides.values()
            },
        }
