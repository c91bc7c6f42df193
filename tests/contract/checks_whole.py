"""What a sync from start to end must do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.sdk import registry
from connectors.sdk.handler import Handler
from connectors.sdk.records import Position, Record, connection_id
from tests.contract import applies
from tests.contract.applies import needs
from tests.contract.bench import Bench, expect, fail
from tests.contract.conftest import PAGE, Make
from tests.contract.sizes import bounds

#: Bytes of a position at most, and how much more it may be with four times as many items.
_LARGE = 16 * 1024
_GROWTH = 256
#: Items of which the shortest range that an option offers, a month, takes some and leaves more.
_SPREAD = {"messages": 100, "items": 60}
#: Seconds since the newest of them; six messages came a day.
_AGE = 25 * 86_400
_BASE = (
    "_id", "schema", "name", "sourceApplication", "sourceAccountId", "sourceId", "sourceData",
    "insertedAt",
)  # fmt: skip


def full_sync(make: Make) -> None:
    """A full sync keeps exactly what the provider holds, each record as it must be."""
    bench = make()
    bench.run_well()
    bench.expect_all("after a full sync")
    expect(not bench.quarantine(), f"sound items were quarantined: {_reasons(bench)}")
    for source_id, record in bench.kept().items():
        check_record(bench.handler, bench.job.connection, record)
        _check_source(bench, source_id, record)


def check_record(handler: type[Handler], connection: str, record: Record) -> None:
    """What every record must be, whatever it was made of.

    Args:
        handler: Whose record.
        connection: The connection's id.
        record: The record.
    """
    source_id = record.get("sourceId")
    missing = [field for field in _BASE if record.get(field) in (None, "")]
    expect(not missing, f"record {source_id} lacks {', '.join(missing)}; use self.build()")
    schema = handler.schemas().get(record["schema"])
    expect(schema, f"record {source_id} has a schema that the handler does not name")
    assert schema is not None
    problems = schema().validate(record)
    expect(not problems, f"record {source_id} does not fit its schema: {problems}")
    prefix = connection + ":"
    expect(record["_id"].startswith(prefix), f"_id of {source_id} does not begin with {prefix}")
    for field, value in record.items():
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:", value):
            expect(
                re.search(r"(?:Z|[+-]\d\d:?\d\d)$", value), f"{field} of {source_id} has no zone"
            )


def _check_source(bench: Bench, source_id: str, record: Record) -> None:
    expect(record["sourceId"] == source_id, f"record {source_id} has another sourceId")
    sent = bench.holding.sent(source_id)
    expect(sent is not None, f"the sandbox never sent {source_id}")
    expect(
        record["sourceData"] == sent,
        f"sourceData of {source_id} is not what the API sent: {_difference(record, sent)}; "
        "keep the API's JSON as it is",
    )


def _difference(record: Record, sent: Mapping[str, Any]) -> str:
    data = record["sourceData"]
    fields = sorted(k for k in {*data, *sent} if data.get(k) != sent.get(k))
    return "fields " + ", ".join(fields[:5])


def second_sync(make: Make) -> None:
    """A sync that finds nothing new keeps nothing, and costs no more than its look."""
    bench = make(size=None)
    bench.run_well()
    before, changed = bench.kept(), bench.services.vaults.open("owner")
    seq = max((change.seq for change in changed.changes(0)), default=0)
    bench.requests()
    bench.run_well()
    requests, most = bench.requests(), bench.holding.idle_requests()
    expect(bench.kept() == before, "a second sync changed records though nothing had changed")
    later = max((change.seq for change in changed.changes(0)), default=0)
    expect(later == seq, "a second sync wrote records though nothing had changed")
    expect(
        requests <= most,
        f"a second sync took {requests} requests where {most} are enough to see that nothing "
        "changed",
    )


def read_again(make: Make) -> None:
    """The same item gives the same record, with the same `_id`, whenever it is read."""
    bench = make()
    bench.run_well()
    other = bench.connect("second")
    bench.run_well(other)
    first, second = bench.kept(), bench.kept(other)
    for source_id in sorted(set(first) & set(second)):
        for field in sorted({*first[source_id], *second[source_id]} - {"sourceData"}):
            expect(
                first[source_id].get(field) == second[source_id].get(field),
                f"{field} of {source_id} is another when the item is read again: a record must "
                "follow from the item alone",
            )
    expect(set(first) == set(second), "the same account gave other ids when it was read again")


def reset_position(make: Make) -> None:
    """From an empty position over a full vault: nothing twice, and what is gone is seen."""
    bench = make()
    bench.run_well()
    ids = bench.holding.expected({})
    bench.vault().reset(bench.job.connection, bench.handler_id, delete_data=False)
    bench.holding.remove(ids[len(ids) // 2])
    bench.holding.add(1)
    bench.run_well()
    bench.expect_all("after the position was reset")


def empty_account(make: Make) -> None:
    """An account that holds nothing is a success."""
    bench = make(empty=True)
    bench.run_well()
    bench.expect_all("an empty account")
    bench.run_well()
    bench.holding.add(2)
    bench.run_well()
    bench.expect_all("the first items of an account that was empty")


@needs(applies.sizes)
def page_sizes(make: Make) -> None:
    """One item a page and the API's maximum both work."""
    config = registry.provider_class(make.provider).config_class
    for field in make.handler.sizes:
        low, high = bounds(config, field)
        for size in (low, high):
            bench = make(size=size, items=7, messages=7)
            bench.run_well()
            bench.expect_all(f"with {field} = {size}")
            expect(not bench.quarantine(), f"with {field} = {size}: {_reasons(bench)}")


@needs(applies.noise)
def noise_first(make: Make) -> None:
    """A first page of which nothing is kept does not end the sync."""
    bench = make()
    bench.holding.add_noise(3 * PAGE)
    bench.run_well()
    bench.expect_all("with a first page of which nothing is kept")
    bench.holding.add_noise(3 * PAGE)
    bench.holding.add(1)
    bench.holding.add_noise(3 * PAGE)
    bench.run_well()
    bench.expect_all("with new items among others that are not kept")


def positions(make: Make) -> None:
    """Positions are JSON, small however large the account is, and hold no token."""
    sizes = {count: _largest_position(make, count) for count in (15, 60)}
    grown = sizes[60] - sizes[15]
    expect(
        grown <= _GROWTH,
        f"the position grew from {sizes[15]} to {sizes[60]} bytes with four times as many items: "
        "it must not hold an entry for each item",
    )


def _largest_position(make: Make, count: int) -> int:
    bench = make(items=count, messages=count)
    largest = 0
    for _ in range(400):
        outcome = bench.slice(batches=1)
        person = bench.world.people[0]
        secrets = [*bench.world.tokens.all_given(), person.email, person.name]
        size = check_position(bench.state().position, secrets)
        largest = max(largest, size)
        if outcome.next == "rest":
            return largest
    return fail("the sync does not come to its end when it is stopped after each batch")


def check_position(position: Position, secrets: Iterable[str]) -> int:
    """What every position must be; its size in bytes.

    Args:
        position: The position.
        secrets: Tokens and a person's own words, which must not be in it: positions are kept in
            Redis too, where nothing is encrypted.
    """
    text = json.dumps(position)
    expect(len(text) <= _LARGE, f"the position has {len(text)} bytes")
    for secret in secrets:
        expect(secret not in text, "the position holds a token, or the person's name or address")
    url = re.search(r"https?://[^\"\s]*(?:token|secret|key|signature)=", text, re.IGNORECASE)
    expect(not url, "the position holds a URL with a token in it; keep the cursor alone")
    return len(text)


def two_accounts(make: Make) -> None:
    """Two accounts of one provider never mix."""
    bench = make(accounts=2)
    other = bench.connect(account=1)
    expect(other.connection != bench.job.connection, "two accounts gave the same connection")
    bench.run_well()
    bench.run_well(other)
    theirs = bench.side.holdings(1)[bench.handler_id]
    bench.expect_all("the first of two accounts")
    bench.expect_all("the second of two accounts", job=other, holding=theirs)
    for number, job in enumerate((bench.job, other)):
        account = bench.side.account_id(number)
        expect(
            job.connection == connection_id(bench.provider_id, account),
            "Provider.account() gives another id than the provider's",
        )
        for record in bench.kept(job).values():
            expect(record["sourceAccountId"] == account, "a record names the other account")
    common = {r["_id"] for r in bench.kept().values()} & {
        r["_id"] for r in bench.kept(other).values()
    }
    expect(not common, "records of two accounts share an _id")


@needs(applies.options)
def options(make: Make) -> None:
    """Each value of each option fetches what it says."""
    bench = make(size=None, newest=time.time() - _AGE, **_SPREAD)
    for option in bench.handler.options:
        for value in option.values:
            job = bench.connect(_person(option.id, value))
            bench.choose({option.id: value}, job)
            bench.run_well(job)
            bench.expect_all(f"with {option.id} = {value}", options={option.id: value}, job=job)


@needs(applies.options)
def widening(make: Make) -> None:
    """An option that is widened later fetches what the narrower one left out."""
    bench = make(size=None, newest=time.time() - _AGE, **_SPREAD)
    for option in bench.handler.options:
        values = list(option.values)
        job = bench.connect(_person(option.id, "widened"))
        # From the first to the last and back: what was fetched already is never lost.
        for value in (*values, *values[-2::-1]):
            bench.choose({option.id: value}, job)
            bench.run_well(job)
            bench.expect_all(
                f"after {option.id} was changed to {value}",
                options={option.id: value},
                job=job,
                more=True,
            )


def _person(*words: str) -> str:
    """A person's id of an option's words, which may have other letters."""
    return re.sub("[^a-z0-9-]", "-", "-".join(words).lower())


def _reasons(bench: Bench) -> str:
    return "; ".join(sorted({item.reason for item in bench.quarantine()}))
