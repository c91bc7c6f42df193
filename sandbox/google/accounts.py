"""Accounts at the sandbox's Google."""

from __future__ import annotations

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
        mailbox: Messages and history.
        meter: Quota.
        slots: Requests at once.
    """

    index: int
    person: Person
    mailbox: Mailbox
    meter: Meter
    slots: Slots
