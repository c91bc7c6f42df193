"""Made-up records for the vault's benchmark: short mail, any number of it, always the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from connectors.sdk.records import Record, iso
from connectors.sdk.schemas.email import Email

#: In one record of a thousand.
RARE = "quartz"
#: In one record of ten.
COMMON = "harbour"
#: Different senders.
SENDERS = 5000
_WORDS = 8000
_FIRST = datetime(2010, 1, 1, tzinfo=UTC)


class Samples:
    """Records by their number."""

    def __init__(self) -> None:
        dice = random.Random(7)
        letters = "bcdfghklmnprstvz"
        self._words = [
            "".join(dice.choice(letters) + dice.choice("aeiou") for _ in range(dice.randint(2, 4)))
            for _ in range(_WORDS)
        ]

    def id(self, number: int) -> str:
        """The `_id` of a record."""
        return f"bench-{number:08d}"

    def sender(self, number: int) -> str:
        """The address that a record came from."""
        return f"sender{number * 7919 % SENDERS}@example.com"

    def record(self, number: int) -> Record:
        """A message of some 25 words, with its source as small as that."""
        dice = random.Random(number)
        words = dice.choices(self._words, k=25)
        words += [RARE] * (number % 1000 == 0) + [COMMON] * (number % 10 == 0)
        sent = iso(_FIRST + timedelta(minutes=number))
        text, name = " ".join(words), " ".join(words[:5])
        return {
            "_id": self.id(number),
            "schema": Email.uri,
            "name": name,
            "sourceApplication": "https://bench.example",
            "sourceAccountId": "1",
            "sourceId": str(number),
            "insertedAt": sent,
            "type": "receive",
            "fromName": f"Sender {number % SENDERS}",
            "fromEmail": self.sender(number),
            "toEmail": "owner@example.com",
            "messageText": text,
            "sentAt": sent,
            "labels": ["INBOX", "UNREAD"],
            "threadId": str(number // 4),
            "sourceData": {"id": str(number), "snippet": text[:60], "historyId": str(number)},
        }
