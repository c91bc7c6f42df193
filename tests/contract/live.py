"""The suite's read-only part against a real connection: `dcs connectors check NAME --live`.

Reads a few batches with the connection's own tokens and keeps nothing: neither records nor the
position of the person's vault change (a token that has ended is refreshed, and that is saved, as
any sync would). A session that may be open once is opened by the same right as a sync's, which the
person's server then keeps out of.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from config.logs import trace
from config.settings import OWNER, load
from connectors.sdk.errors import ConnectorError
from connectors.sdk.handler import Handler
from connectors.sdk.records import Batch, Position, Record
from tests.contract.bench import expect
from tests.contract.checks_whole import check_position, check_record
from worker.batches import Preparer
from worker.handlers import open_handler
from worker.keys import Job
from worker.services import Services, open_services

#: Batches that are read at most: enough to see paging, few enough for a large account.
BATCHES = 5


@dataclass
class Nothing:
    """A vault that holds what this run has read, and forgets it."""

    records: dict[str, Record] = field(default_factory=dict)

    def known(self, source_ids: Collection[str]) -> set[str]:
        """Those that this run has read."""
        return set(source_ids) & set(self.records)

    def get(self, source_id: str) -> Record | None:
        """What this run has read of it."""
        return self.records.get(source_id)

    def source_ids(self, after: str = "") -> Iterator[str]:
        """All that this run has read."""
        return iter(sorted(i for i in self.records if i > after))


class Live:
    """A handler of a real connection.

    Args:
        services: On the person's own data directory.
        job: Which.
    """

    def __init__(self, services: Services, job: Job) -> None:
        self._services = services
        self.job = job
        vault = services.vaults.open(job.person)
        self.handler = services.provider(job.provider).handler(job.handler)
        tokens = vault.tokens(job.connection)
        self.secrets = (
            [t for t in (tokens.access_token, tokens.refresh_token) if t] if tokens else []
        )
        self._vault = vault

    def read(
        self, position: Position, most: int, before: Batch | None = None
    ) -> tuple[list[Batch], Nothing]:
        """The first batches from a position, and what is kept then.

        Args:
            position: Where to begin.
            most: Batches that are read.
            before: The batch that is kept already.
        """
        kept = Nothing(
            {record["sourceId"]: record for record in (before.records if before else ())}
        )
        opened = open_handler(self._services, self._vault, self.job, time.sleep)
        handler = type(opened)(replace(opened.context, kept=kept))
        batches = []
        with ExitStack() as stack:
            found = handler.batches(position)
            # A session that it holds open is to be closed before the next is opened.
            stack.callback(getattr(found, "close", lambda: None))
            for batch in itertools.islice(found, most):
                records = list(batch.records)
                kept.records |= {record["sourceId"]: record for record in records}
                batches.append(replace(batch, records=records))
        self._check_problems(handler, kept, batches)
        return batches, kept

    def _check_problems(self, handler: Handler, kept: Nothing, batches: list[Batch]) -> None:
        preparer = Preparer(handler, kept)
        failed = [item for batch in batches for item in preparer.prepare(batch).failed]
        reasons = "; ".join(sorted({item.reason for item in failed}))
        expect(not failed, f"{len(failed)} items would be quarantined: {reasons}")


def reads(live: Live) -> str:
    """The first batches map to sound records."""
    batches, kept = live.read({}, BATCHES)
    for record in kept.records.values():
        check_record(live.handler, live.job.connection, record)
    return f"{len(kept.records)} records in {len(batches)} batches"


def holds_small_positions(live: Live) -> str:
    """Positions are small and hold no token."""
    batches, _ = live.read({}, BATCHES)
    sizes = [check_position(batch.position, live.secrets) for batch in batches]
    return f"at most {max(sizes, default=0)} bytes"


def reads_the_same_again(live: Live) -> str:
    """The same items give the same records."""
    _, first = live.read({}, 2)
    _, second = live.read({}, 2)
    common = first.records.keys() & second.records.keys()
    for key in common:
        one, two = ({**r.records[key], "sourceData": None} for r in (first, second))
        same_item = first.records[key]["sourceData"] == second.records[key]["sourceData"]
        expect(one == two or not same_item, "an item gave another record when it was read again")
    expect(common or not first.records, "no item was found again when it was read again")
    return f"{len(common)} records compared"


def goes_on_from_a_position(live: Live) -> str:
    """From the first batch's position the sync goes on; it does not begin again."""
    batches, _ = live.read({}, 2)
    if len(batches) < 2:
        return "all is in one batch"
    position = json.loads(json.dumps(batches[0].position))
    following, _ = live.read(position, 1, before=batches[0])
    first = {record["sourceId"] for record in batches[0].records}
    again = {record["sourceId"] for batch in following for record in batch.records}
    expect(not first or first != again, "the sync begins again instead of going on")
    return "goes on"


CHECKS: tuple[Callable[[Live], str], ...] = (
    reads,
    holds_small_positions,
    reads_the_same_again,
    goes_on_from_a_position,
)


def results(services: Services, job: Job) -> Iterator[dict[str, str]]:
    """Each check's result: `handler`, `check`, `outcome` (`passed` or `failed`), `message`."""
    for check in CHECKS:
        result = {"handler": job.handler, "check": check.__name__}
        try:
            yield {**result, "outcome": "passed", "message": check(Live(services, job))}
        except (AssertionError, ConnectorError) as error:
            yield {**result, "outcome": "failed", "message": str(error)}
        except Exception as error:
            # A mistake of the connector's; its message may quote a person's item.
            yield {**result, "outcome": "failed", "message": trace(error)}


def main() -> None:
    """Given a connection's id and handlers' ids: one line of JSON for each result."""
    settings = load()
    assert settings.redis_url is not None
    services = open_services(settings, settings.redis_url.get_secret_value())
    try:
        for handler in sys.argv[2:]:
            for result in results(services, Job(OWNER, sys.argv[1], handler)):
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()
    finally:
        services.close()


if __name__ == "__main__":
    main()
