"""A synthetic mailbox of any size: message n is made when it is asked for, always the same.

Everything follows from (seed, account, index) and, for dates alone, from the time of the newest
message. About one message in seven was sent by the owner, one in four belongs to the thread of
the one before it, one in ninety is decades old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.mail.compose import Brief, compose
from sandbox.mail.source import Outline, canaries_of, message_id

GAP_MS = 4 * 3600 * 1000
_DECADE_MS = 10 * 365 * 86_400_000
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnprstv")
_CATEGORIES = ("PERSONAL", "UPDATES", "PROMOTIONS", "SOCIAL", "FORUMS")


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """Messages made from a seed.

    Args:
        seed: Another seed gives another mailbox.
        account: Number of the account; accounts of one seed hold different mail.
        count: How many messages the mailbox starts with; further ones can be made.
        owner: The owner's address.
        owner_name: The owner's name.
        newest: When the newest of them came, milliseconds since 1970.
    """

    seed: int
    account: int
    count: int
    owner: str
    owner_name: str
    newest: int

    def outlines(self) -> Iterator[Outline]:
        """All messages the mailbox starts with, oldest first."""
        thread = ""
        for index in range(self.count):
            outline = self.outline(index, thread)
            thread = outline.thread_id
            yield outline

    def outline(self, index: int, thread: str = "", date: int | None = None) -> Outline:
        """The outline of one message.

        Args:
            index: Number of the message, from 0.
            thread: Thread of the message before it.
            date: When it comes, milliseconds since 1970; the default follows from the index.
        """
        dice = self._dice(index)
        ident = message_id(self.seed, self.account, index)
        labels = ["SENT"] if _sent(dice) else ["INBOX", _category(dice)]
        labels += ["UNREAD"] if dice[3] < 100 and not _sent(dice) else []
        labels += [name for name, roll in (("STARRED", 4), ("IMPORTANT", 5)) if dice[roll] < 20]
        labels += [f"Label_{1 + dice[6] % 3}"] if dice[6] < 40 else []
        joins = bool(thread) and dice[2] < 64
        when = self.date(index) if date is None else date
        return Outline(ident, thread if joins else ident, when, tuple(labels), index)

    def date(self, index: int) -> int:
        """When a message came, milliseconds since 1970."""
        if index >= self.count:  # added later: no gap that would lead into the future
            return self.newest + (index - self.count) * 1000
        dice = self._dice(index)
        spread = int.from_bytes(dice[8:11], "big") % GAP_MS
        regular = self.newest - (self.count - 1 - index) * GAP_MS - spread
        return regular - 2 * _DECADE_MS if dice[1] < 3 else regular

    def raw(self, ref: int) -> bytes:
        """The message of this index (RFC 5322, CRLF)."""
        dice = self._dice(ref)
        brief = Brief(
            seed=int.from_bytes(dice, "big"),
            ident=message_id(self.seed, self.account, ref),
            owner=self.owner,
            owner_name=self.owner_name,
            sent=_sent(dice),
            date=self.date(ref),
            subject_word=self.word(ref, "subject"),
            body_word=self.word(ref, "body"),
        )
        return compose(brief)

    def canaries(self, ref: int) -> list[str]:
        """The words that this message alone has, and what its subject and text say."""
        raw = self.raw(ref)
        words = [self.word(ref, "subject"), self.word(ref, "body")]
        return [word for word in words if word.encode() in raw] + canaries_of(raw)

    def word(self, index: int, kind: str) -> str:
        """A made-up word of 14 letters that stands in one place of one message only."""
        text = f"{kind}\0{self.seed}\0{self.account}\0{index}"
        return hashlib.blake2b(text.encode(), digest_size=7).hexdigest().translate(_LETTERS)

    def _dice(self, index: int) -> bytes:
        text = f"{self.seed}\0{self.account}\0{index}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _sent(dice: bytes) -> bool:
    return dice[0] < 37


def _category(dice: bytes) -> str:
    return "CATEGORY_" + _CATEGORIES[dice[7] % len(_CATEGORIES)]
