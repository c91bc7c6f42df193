"""What the suite's checks work with: one handler, a sandbox account, the real engine and vault."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from config.settings import load
from connectors.sdk.handler import Handler
from connectors.sdk.oauth import Tokens
from connectors.sdk.records import Record
from sandbox.faults import Fault
from sandbox.holding import Holding
from sandbox.server import RunningSandbox
from sandbox.side import Side
from tests.contract.killer import KILLED, RESTED, WAITING, Killer, Moment
from vault.model import HandlerState, QuarantineItem
from vault.vault import Vault
from worker import connections, keys
from worker.engine import Engine
from worker.keys import Job
from worker.outcomes import Outcome
from worker.services import open_services

#: Slices after which a sync that does not come to rest is taken to go round for ever.
MOST_SLICES = 400
#: Times that a sync which is cut may be found at the same place.
_ROUNDS = 3
#: Longest wait that a check really waits for, in seconds.
_PATIENCE = 4.0


def fail(message: str) -> NoReturn:
    """End the check with plain words for the connector's author."""
    raise AssertionError(message)


def expect(condition: object, message: str) -> None:
    """Go on if the condition holds; else end the check with plain words."""
    if not condition:
        fail(message)


class Rounds:
    """Tells a sync that goes round from one that goes on.

    Args:
        bench: Whose sync it is, while its provider stays as it is.
        message: What the connector's author reads.
    """

    def __init__(self, bench: Bench, message: str) -> None:
        self._bench = bench
        self._message = message
        self._stood: Counter[str] = Counter()

    def look(self) -> None:
        """After each slice: one that stands where it has stood before will do so for ever."""
        standing = self._bench.standing()
        self._stood[standing] += 1
        expect(self._stood[standing] <= _ROUNDS, self._message)


class Bench:
    """One handler of one sandbox account.

    Args:
        sandbox: Plays the provider.
        settings: Overrides of the settings: a home of its own, the sandbox's address.
        redis_url: The embedded server.
        provider_id: The provider.
        handler_id: The handler.
        killer: Runs syncs in processes of their own and kills them.
    """

    #: A mistake of `tests.contract.broken` that handlers in other processes are given too.
    mistake: str | None = None

    def __init__(
        self,
        sandbox: RunningSandbox,
        settings: dict[str, Any],
        redis_url: str,
        provider_id: str,
        handler_id: str,
        killer: Killer,
    ) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.overrides = settings
        self.settings = load(**settings)
        self.redis_url = redis_url
        self.provider_id = provider_id
        self.handler_id = handler_id
        self.killer = killer

        self.services = open_services(self.settings, redis_url)
        self.job = self.connect()

    @property
    def side(self) -> Side:
        """The provider's side."""
        return self.world.sides[self.provider_id]

    @property
    def holding(self) -> Holding:
        """What the first account holds."""
        return self.side.holdings(0)[self.handler_id]

    @property
    def handler(self) -> type[Handler]:
        """The handler's class."""
        return self.services.provider(self.provider_id).handler(self.handler_id)

    def connect(
        self, person: str = "owner", account: int = 0, scopes: Iterable[str] | None = None
    ) -> Job:
        """Connect an account with freshly minted tokens."""
        given = self.side.scopes if scopes is None else tuple(scopes)
        tokens = Tokens.from_json(self.side.tokens(self.world.tokens.mint(account, given)))
        made = connections.connect(self.services, person, self.provider_id, tokens)
        return Job(person, made.id, self.handler_id)

    def vault(self, job: Job | None = None) -> Vault:
        """The vault of the job's person."""
        return self.services.vaults.open((job or self.job).person)

    def state(self, job: Job | None = None) -> HandlerState:
        """The handler's state."""
        chosen = job or self.job
        return self.vault(chosen).handler(chosen.connection, chosen.handler)

    def connection_status(self) -> str:
        """The connection's state."""
        return self.vault().connection(self.job.connection).status

    def choose(self, options: Mapping[str, str], job: Job | None = None) -> None:
        """Choose options, as a person does."""
        chosen = job or self.job
        connections.set_handler_options(
            self.services, chosen.person, chosen.connection, chosen.handler, options
        )

    # Running

    def slice(self, job: Job | None = None, *, batches: int | None = None) -> Outcome:
        """One time slice; of so many batches at most, where a number is given."""
        chosen = job or self.job
        services = self.services
        if batches == 1:
            worker = self.settings.worker.model_copy(update={"slice_seconds": 0.0})
            settings = self.settings.model_copy(update={"worker": worker})
            services = dataclasses.replace(services, settings=settings)
        run = services.schedule.run_of(chosen)
        return Engine(services).run(chosen.person, chosen.connection, chosen.handler, run)

    def run(self, job: Job | None = None, *, skip_waits: bool = False) -> Outcome:
        """Sync until it rests or waits for the person.

        Args:
            job: Which; default: the first account's.
            skip_waits: Go on at once where the provider asks to wait, as if the time had passed.
        """
        for _ in range(MOST_SLICES):
            outcome = self.slice(job)
            if outcome.next in ("rest", "off"):
                return outcome
            if skip_waits:
                self.end_waits()
            elif outcome.delay > _PATIENCE:
                fail(f"the sync wants to wait {outcome.delay:.0f} s: {outcome.message}")
            else:
                time.sleep(outcome.delay)
        fail(f"the sync has not come to its end after {MOST_SLICES} slices: it goes round for ever")

    def run_well(self, job: Job | None = None) -> Outcome:
        """Sync to the end, which must be a success."""
        outcome = self.run(job)
        expect(
            outcome.handler == "enabled",
            f"the sync ended as {outcome.handler or outcome.next}: {outcome.message}",
        )
        return outcome

    def end_waits(self) -> None:
        """Let the time pass that a provider asked to wait for."""
        for key in self.services.redis.scan_iter(match="dcs:block:*"):
            self.services.redis.delete(key)
        for key in self.services.redis.scan_iter(match="dcs:daily:*"):
            self.services.redis.delete(key)

    def killed(self, moment: Moment | None) -> int:
        """Sync in a process of its own, which dies at the first batch kept (see `Killer`)."""
        code = self.killer.sync(
            {
                "settings": self.overrides,
                "redis_url": self.redis_url,
                "job": [self.job.person, self.job.connection, self.job.handler],
                "kill": moment,
                "broken": self.mistake,
            }
        )
        expect(code in (KILLED, RESTED, WAITING), f"the sync's process ended with {code}")
        # The dead worker's lease and right would end by themselves, after their time to live.
        right = keys.session(self.job.person, self.job.connection)
        self.services.redis.delete(self.job.lease(), right)
        return code

    def fault(self, kind: str, **fields: Any) -> None:
        """Let requests for this handler's items go wrong."""
        self.world.faults.add(Fault(kind, path=self.holding.path, **fields))

    def requests(self) -> int:
        """Requests that the sandbox has had since the last look."""
        total = int(self.world.stats.to_json()["total"])
        self.world.stats.reset()
        return total

    def cost(self) -> tuple[int, int]:
        """Requests that the sandbox has had since the last look, and bytes that it has sent."""
        sent = int(self.world.stats.to_json()["bytes"])
        return self.requests(), sent

    # Looking

    def kept(self, job: Job | None = None) -> dict[str, Record]:
        """All kept records, by the item's id; those marked deleted are not among them."""
        chosen = job or self.job
        ids = self.kept_ids(chosen)
        schemas, prefix = self.handler.schemas(), chosen.connection + ":"
        # One by one they would take ten times as long.
        found = {
            record["sourceId"]: record
            for record in self.vault(chosen).export()
            if record["sourceId"] in ids
            and record["schema"] in schemas
            and record["_id"].startswith(prefix)
        }
        assert found.keys() == ids, "the export and the handler's own list differ"
        return found

    def kept_ids(self, job: Job | None = None) -> set[str]:
        """The ids alone of what `kept` gives."""
        chosen = job or self.job
        return set(self.vault(chosen).kept(chosen.connection, chosen.handler).source_ids())

    def standing(self) -> str:
        """All that the next slice can know of those before it: equal where it stands the same."""
        held = [(item.source_id, item.reason) for item in self.quarantine()]
        return json.dumps([self.state().position, sorted(self.kept_ids()), held], sort_keys=True)

    def quarantine(self, job: Job | None = None) -> list[QuarantineItem]:
        """What is in quarantine."""
        chosen = job or self.job
        return [
            item
            for item in self.vault(chosen).quarantine(chosen.connection)
            if item.handler_id == self.handler_id
        ]

    def expect_all(
        self,
        what: str,
        *,
        options: Mapping[str, str] | None = None,
        job: Job | None = None,
        holding: Holding | None = None,
        without: Iterable[str] = (),
        more: bool = False,
        current: bool = True,
    ) -> None:
        """The vault must hold exactly what the provider holds.

        Args:
            what: When this is looked at, for the message.
            options: The person's options.
            job: Whose vault.
            holding: What is to be held; default: the first account's.
            without: Ids that need not be there, such as quarantined ones.
            more: Whether other records may be there too.
            current: Whether each record must say what the provider holds now.
        """
        held = holding or self.holding
        kept, left_out = self.kept(job), set(without)
        expected = set(held.expected(options or {})) - left_out
        lost = sorted(expected - set(kept))
        expect(not lost, f"{what}: {len(lost)} of {len(expected)} items are lost, {_some(lost)}")
        extra = sorted(set(kept) - expected - left_out)
        expect(
            more or not extra,
            f"{what}: {len(extra)} records are kept that the provider no longer lists, "
            f"{_some(extra)}: a deletion was missed, or items are kept that were not asked for",
        )
        stale = sorted(k for k in expected if current and not held.reflects(kept[k]))
        expect(not stale, f"{what}: {len(stale)} records do not show the last edit, {_some(stale)}")

    def close(self) -> None:
        """Close files and connections."""
        self.services.close()


def _some(ids: list[str]) -> str:
    return "such as " + ", ".join(ids[:3])
