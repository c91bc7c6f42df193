"""People with accounts at the sandbox: connected, looked at, and compared with what was sent."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import redis
import requests
from kombu.exceptions import OperationalError

from connectors.sdk.handler import Handler
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Record
from sandbox.google.calendar_holding import CalendarHolding
from sandbox.holding import Holding
from sandbox.world import World
from tests.chaos.expected_events import differing
from tests.chaos.stage import Stage
from vault.errors import VaultError
from vault.model import HandlerState
from vault.vault import Vault
from worker import connections, keys
from worker.handlers import open_handler
from worker.keys import Job

PROVIDER = "google"
#: Scopes by the handler that needs them; every person has the first.
SCOPES = {
    "gmail": "https://www.googleapis.com/auth/gmail.readonly",
    "calendar-event": "https://www.googleapis.com/auth/calendar.readonly",
    "google-drive-document": "https://www.googleapis.com/auth/drive.readonly",
    "youtube-following": "https://www.googleapis.com/auth/youtube.readonly",
}
#: How long a person goes on asking for a sync, in seconds.
_ASK_SECONDS = 30.0
#: How the server refuses to take one.
_REFUSALS = (VaultError, OSError, redis.RedisError, OperationalError)
#: A job that is due within so many seconds is not at rest.
_SOON = 60.0
_PROFILE = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)


@dataclass
class Toll:
    """What a comparison found, summed over handlers.

    Args:
        expected: Records that the provider has.
        kept: Of these, the ones kept as they were sent.
        lost: Of these, those missing or with other content.
        doubled: Records twice, or of items that are gone.
        remarks: Whatever else is wrong, in words.
    """

    expected: int = 0
    kept: int = 0
    lost: int = 0
    doubled: int = 0
    remarks: list[str] = field(default_factory=list)

    def add(self, other: Toll) -> None:
        """Add another toll to this one."""
        self.expected += other.expected
        self.kept += other.kept
        self.lost += other.lost
        self.doubled += other.doubled
        self.remarks += other.remarks


def steady(source: Any) -> Any:
    """An item without what is another in each answer: it may be sent twice and kept once.

    https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments
    """
    if isinstance(source, dict):
        return {k: steady(value) for k, value in source.items() if k != "attachmentId"}
    return [steady(value) for value in source] if isinstance(source, list) else source


def maps(handler: Handler, record: Record) -> bool:
    """Whether a record says what its `sourceData` does, in each field that can be told from that.

    What comes by requests of its own (the text of an attachment) must be there, or be none.
    """
    try:
        again = handler.record(record["sourceData"])
    except (KeyError, TypeError, ValueError):
        return False
    if again["_id"] != record["_id"]:
        # A handler of several schemas maps the others by other methods.
        return True
    for name, value in again.items():
        if name == "attachments":
            notes = {found.get("note") for found in record.get(name) or ()}
            if notes & {"not available", "not read"} or len(record.get(name) or ()) != len(value):
                return False
        elif value and record.get(name) != value:
            return False
    return True


class Person:
    """One person with one account.

    Args:
        stage: The server.
        world: The sandbox.
        name: Names the vault.
        account: The account's number at the sandbox.
        handlers: Which of `SCOPES` the person allows.
    """

    def __init__(
        self, stage: Stage, world: World, name: str, account: int, handlers: tuple[str, ...]
    ) -> None:
        self.stage = stage
        self.world = world
        self.name = name
        self.account = account
        self.handlers = handlers
        self.connection = ""
        self.jobs: list[Job] = []
        self.token = ""
        self._edited: set[str] = set()
        self._synced: dict[str, datetime | None] = {}

    def connect(self) -> None:
        """Connect the account with fresh tokens; everything allowed is then synced."""
        scopes = [*_PROFILE, *(SCOPES[name] for name in self.handlers)]
        tokens = Tokens.from_json(self.world.tokens.mint(self.account, scopes))
        self.token = tokens.access_token
        services = self.stage.patient()
        before = self._synced
        self.connection = connections.connect(services, self.name, PROVIDER, tokens).id
        self.jobs = [
            Job(self.name, self.connection, state.handler_id)
            for state in self.vault.handlers(self.connection)
            if state.status != "invalid-auth"
        ]
        self._synced = {job.handler: before.get(job.handler) for job in self.jobs}

    @property
    def vault(self) -> Vault:
        return self.stage.services.vaults.open(self.name)

    def holding(self, job: Job) -> Holding:
        return self.world.sides[PROVIDER].holdings(self.account)[job.handler]

    def states(self) -> list[HandlerState]:
        return [self.vault.handler(job.connection, job.handler) for job in self.jobs]

    def kept(self) -> int:
        """How many records are kept; 0 where the vault cannot be read just now."""
        with suppress(VaultError, OSError, redis.RedisError):
            return sum(state.kept for state in self.states())
        return 0

    def total(self) -> int:
        return sum(len(self.holding(job).expected({})) for job in self.jobs)

    def mark(self) -> None:
        """Remember the last sync of each handler: to be whole, each must have had a later one."""
        # Not by the clock: the workers' may be wrong.
        self._synced = {state.handler_id: state.last_sync_at for state in self.states()}

    def whole(self) -> bool:
        """Whether every handler has ended a sync well since one was last asked for, and rests."""
        try:
            return all(
                state.status == "enabled" and state.last_sync_at != self._synced[state.handler_id]
                for state in self.states()
            ) and all(self._rests(job) for job in self.jobs)
        except (VaultError, OSError, redis.RedisError):
            return False

    def _rests(self, job: Job) -> bool:
        """Whether the job is in no run and due at its frequency, not at once."""
        services = self.stage.services
        due = services.schedule.due_at(job)
        in_run = services.redis.hexists(keys.RUNS, job.member)
        return not in_run and due is not None and due > time.time() + _SOON

    def messages(self) -> Iterator[str]:
        """What the person is told: of the connection, the handlers, and their progress."""
        with suppress(VaultError, OSError, redis.RedisError):
            yield self.vault.connection(self.connection).message or ""
            yield from (state.message or "" for state in self.states())
        with suppress(redis.RedisError):
            yield from (
                view.message or "" for view in self.stage.services.progress.snapshot(self.name)
            )

    def sync(self, seconds: float = _ASK_SECONDS) -> None:
        """Ask for a sync of everything, again and again while that cannot be taken."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.mark()
                services = self.stage.patient(seconds)
                with self.stage.own_writes:
                    connections.sync(services, self.name, self.connection)
                return
            except _REFUSALS:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def try_to_sync(self, seconds: float) -> bool:
        """Ask for a sync of everything, for so many seconds; whether it could be taken."""
        with suppress(*_REFUSALS):
            self.sync(seconds)
            return True
        return False

    def change(self, chance: random.Random) -> None:
        """Let items come, change and go, in each handler."""
        for job in self.jobs:
            holding = self.holding(job)
            holding.add(chance.randrange(1, 5))
            ids = holding.expected({})
            for source_id in chance.sample(ids, min(2, len(ids))) if holding.tells_edits else []:
                holding.edit(source_id)
                self._edited.add(source_id)
            holding.remove(chance.choice(holding.expected({})))

    def compare(self, *, quarantines: bool = False) -> Toll:
        """Compare the vault with what the provider has.

        Args:
            quarantines: Whether items in quarantine are as it should be.
        """
        toll = Toll()
        vault = self.vault
        for job in self.jobs:
            toll.add(self._compare(vault, job))
        toll.remarks += [f"{self.name}: check: {line}" for line in vault.check()]
        held = vault.quarantine()
        if held and not quarantines:
            toll.remarks.append(f"{self.name}: {len(held)} in quarantine: {held[0].reason}")
        return toll

    def _compare(self, vault: Vault, job: Job) -> Toll:
        holding, kept = self.holding(job), vault.kept(job.connection, job.handler)
        ids = list(kept.source_ids())
        handler = open_handler(self.stage.services, vault, job)
        expected = set(holding.expected({}))
        lost = expected - set(ids)
        wrong: set[str] = set()
        for source_id in expected & set(ids):
            record = kept.get(source_id)
            sent = holding.sent(source_id)
            sound = record is not None and holding.reflects(record)
            # An edit may be told in part only (a mail's labels): `reflects` has looked at that.
            told = source_id in self._edited or sent is None
            if (
                not sound
                or (not told and record and steady(record["sourceData"]) != steady(sent))
                or (record and not maps(handler, record))
            ):
                lost.add(source_id)
            if record and isinstance(holding, CalendarHolding):
                fields = differing(holding, job.connection, record)
                lost |= {source_id} if fields else set()
                wrong.update(fields)
        rows = sum(
            count.records
            for count in vault.stats()
            if (count.connection_id, count.handler_id) == (job.connection, job.handler)
        )
        doubled = max(rows, len(ids)) - len(set(ids)) + len(set(ids) - expected)
        toll = Toll(len(expected), len(expected) - len(lost), len(lost), doubled)
        if lost or doubled:
            some = sorted(lost or set(ids) - expected)[:3]
            toll.remarks.append(
                f"{self.name} {job.handler}: {len(lost)} lost, {doubled} doubled, such as {some}"
                + (f"; wrong fields: {', '.join(sorted(wrong))}" if wrong else "")
            )
        return toll

    def forget(self) -> None:
        """End the connection, so that nothing of it happens in later runs."""
        with suppress(VaultError, OSError, redis.RedisError, requests.RequestException):
            connections.disconnect(
                self.stage.patient(), self.name, self.connection, delete_data=False
            )
