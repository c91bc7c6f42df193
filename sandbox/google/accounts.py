"""Accounts at the sandbox's Google."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.google.mailbox import Mailbox
from sandbox.google.quota import Meter, Slots

_PEOPLE = (
    ("Ada", "Lovelace"),
    ("Alan", "Turing"),
    ("Grace", "Hopper"),
    ("Emmy", "Noether"),
    ("Sofia", "Kovalevskaya"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who an account belongs to.

    Args:
        sub: Google's id of the account, 21 digits.
        email: Address.
        given_name: First name.
        family_name: Last name.
    """

    sub: str
    email: str
    given_name: str
    family_name: str

    @property
    def name(self) -> str:
        """Full name."""
        return f"{self.given_name} {self.family_name}"

    @classmethod
    def numbered(cls, index: int) -> Person:
        """The person of the account of this index."""
        given, family = _PEOPLE[index % len(_PEOPLE)]
        suffix = "" if index < len(_PEOPLE) else str(index)
        email = f"{given}.{family}{suffix}@example.com".lower()
        return cls(f"{10**20 + 7_919 * (index + 1)}", email, given, family + suffix)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account: mailbox, quota, requests at work.

    Args:
        index: Number of the account, from 0.
        person: Whose it is.
        mailbox: Messages and history.
        meter: Quota.
        slots: Requests at once.
    """

    index: int
    person: Person
    mailbox: Mailbox
    meter: Meter
    slots: Slots
