"""Accounts at the sandbox's Google."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.google.mailbox import Mailbox
from sandbox.google.quota import Meter, Slots
from sandbox.people import Person


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account: mailbox, quota, requests at work.

    Args:
        index: Number of the account, from 0.
        person: Whose it is.
        mailboxes: All accounts' messages and history; this one's is its own.
        meter: Quota.
        slots: Requests at once.
    """

    index: int
    person: Person
    mailboxes: Sequence[Mailbox]
    meter: Meter
    slots: Slots

    @property
    def mailbox(self) -> Mailbox:
        """Messages and history, made at the first use."""
        return self.mailboxes[self.index]
