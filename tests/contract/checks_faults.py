"""What a sync must do when the provider refuses, fails or talks nonsense."""

from __future__ import annotations

from typing import Any

from connectors.sdk.handler import Handler
from connectors.sdk.records import Record
from sandbox.holding import Oddity
from tests.contract import applies
from tests.contract.applies import needs
from tests.contract.bench import Bench, expect
from tests.contract.conftest import Make
from worker import quarantine
from worker.outcomes import Outcome

#: Faults that pass; after each the sync goes on by itself.
PASSING = (
    "403-quota", "429", "429-date", "429-seconds", "500", "503", "garbage-json", "list-json",
    "other-json", "reset", "truncate",
)  # fmt: skip
_DAY = 25 * 3600


def passing(make: Make, kind: str) -> None:
    """A fault that passes costs nothing but time."""
    bench = make(items=12, messages=12)
    # At the first request, and at one in the middle; where that means seconds, there alone.
    if kind not in ("429-date", "429-seconds"):
        bench.fault(kind)
    bench.fault(kind, skip=1)
    bench.run_well()
    bench.expect_all(f"after {kind} from the provider")
    expect(not bench.quarantine(), f"{kind} put sound items into quarantine")
    expect(not bench.world.faults.pending(), f"{kind} never happened: does `path` fit?")


@needs(applies.refreshed)
def token_rejected(make: Make) -> None:
    """A rejected access token is renewed without a word."""
    passing(make, "401")


def lasting(make: Make) -> None:
    """A provider that is down for long: bounded tries, an error that says so, then recovery."""
    bench = make(worker={"max_handler_retries": 2})
    bench.slice(batches=1)
    bench.fault("503", count=0)
    outcome = bench.run()
    expect(outcome.handler == "error", f"503 for ever ended as {outcome}")
    expect(outcome.delay > 60, "a provider that is down is asked again at once")
    bench.world.faults.clear()
    bench.run_well()
    bench.expect_all("after the provider had been down")


def long_wait(make: Make) -> None:
    """A long wait frees the worker, and no request goes out before its end."""
    bench = make()
    bench.slice(batches=1)
    bench.fault("429-seconds", retry_after=600)
    outcome = _until_it_waits(bench)
    expect(590 < outcome.delay < 700, f"told to wait 600 s, the sync waits {outcome.delay:.0f} s")
    bench.requests()
    bench.slice()
    expect(bench.requests() == 0, "requests went out before the wait had passed")
    bench.end_waits()
    bench.run_well()
    bench.expect_all("after a long wait")


def daily_quota(make: Make) -> None:
    """The quota of the day is spent: said plainly, and nothing is lost."""
    bench = make()
    bench.slice(batches=1)
    bench.fault("403-daily")
    outcome = _until_it_waits(bench)
    expect(0 < outcome.delay <= _DAY, f"the sync waits {outcome.delay:.0f} s")
    expect(
        "quota" in (outcome.message or "") or "wait" in (outcome.message or ""),
        f"the person reads: {outcome.message}",
    )
    bench.end_waits()
    bench.run_well()
    bench.expect_all("after the day's quota came back")


def _until_it_waits(bench: Bench) -> Outcome:
    for _ in range(50):
        outcome = bench.slice()
        if outcome.next == "wait" and outcome.delay > 5:
            return outcome
        expect(outcome.next in ("continue", "wait"), f"the sync ended as {outcome}")
    raise AssertionError("the sync does not wait")


@needs(applies.refreshed)
def token_expires(make: Make) -> None:
    """The access token ends in the middle; the refresh token that comes is kept."""
    bench = make(rotate_refresh_tokens=True)
    before = bench.vault().tokens(bench.job.connection)
    bench.slice(batches=1)
    bench.world.tokens.expire_access()
    bench.run_well()
    bench.expect_all("after the access token ended in the middle")
    after = bench.vault().tokens(bench.job.connection)
    assert before is not None
    assert after is not None
    expect(after.access_token != before.access_token, "the access token was never refreshed")
    expect(after.refresh_token != before.refresh_token, "the rotated refresh token was not kept")


def refresh_refused(make: Make) -> None:
    """Access was ended: the person is asked to connect again, nothing is lost, no more calls."""
    bench = make()
    bench.slice(batches=1)
    bench.world.tokens.expire_access()
    bench.world.tokens.revoke_refresh()
    outcome = bench.run()
    expect(
        bench.connection_status() == "invalid-auth",
        f"the connection is {bench.connection_status()} after the refresh was refused: "
        f"{outcome.message}",
    )
    bench.requests()
    bench.slice()
    expect(bench.requests() == 0, "the provider is still called though access has ended")
    bench.connect()
    bench.run_well()
    bench.expect_all("after access was ended and the account connected again")


@needs(applies.scopes)
def scope_not_granted(make: Make) -> None:
    """A permission that was not granted: this handler says so, the others go on."""
    wanted = make.handler.scopes
    bench = make()
    job = bench.connect("partly", scopes=[s for s in bench.side.scopes if s not in wanted])
    bench.run(job)
    state = bench.state(job)
    expect(state.status == "invalid-auth", f"without its permission the handler is {state.status}")
    expect(
        any(scope in (state.message or "") for scope in wanted),
        f"the message does not name the permission to add: {state.message}",
    )
    _others_go_on(bench, job.person)


def access_denied(make: Make) -> None:
    """The provider says 403 for a missing permission in the middle of a sync."""
    bench = make()
    bench.slice(batches=1)
    bench.fault("403-scope", count=0)
    bench.run()
    state = bench.state()
    expect(state.status == "invalid-auth", f"after 403 for a scope the handler is {state.status}")
    expect(state.message, "the person is not told why")
    _others_go_on(bench, "owner")
    bench.world.faults.clear()
    bench.connect()
    bench.run_well()
    bench.expect_all("after the permission was granted")


def _others_go_on(bench: Bench, person: str) -> None:
    vault = bench.services.vaults.open(person)
    status = vault.connection(bench.job.connection).status
    expect(status != "invalid-auth", "a permission of one handler stops the whole connection")
    wanted = bench.handler.scopes
    for made in bench.services.provider(bench.provider_id).handlers:
        if made.id != bench.handler_id and not made.scopes & wanted:
            state = vault.handler(bench.job.connection, made.id)
            expect(state.status == "enabled", f"{made.id} is {state.status} for another's scope")


def odd_item(make: Make, oddity: Oddity) -> None:
    """One odd item: kept, or quarantined alone; mended, it is kept; the others never notice."""
    bench = make(items=12, messages=12)
    order = bench.holding.expected({})
    odd = {order[-1], order[len(order) // 2]}
    for key in odd:
        bench.holding.spoil(key, oddity)
    bench.run_well()
    bench.expect_all(f"with items that are odd ({oddity})", without=odd)
    kept, held = set(bench.kept()), {item.source_id for item in bench.quarantine()}
    expect(odd <= kept | held, f"an odd item ({oddity}) is neither kept nor quarantined")
    expect(held <= odd, f"sound items were quarantined with an odd one ({oddity})")
    if oddity == "unknown":
        expect(odd <= kept, "an item with a field that is not documented was not kept")
    if oddity == "broken":
        expect(odd <= held, "an item that makes no sense was kept as if it did")
    _check_reasons(bench)
    bench.run_well()
    for key in odd:
        bench.holding.spoil(key, None)
    if held and bench.holding.tells_edits:
        for key in sorted(held):
            bench.holding.edit(key)
        bench.run_well()
        # Where an edit brings the whole item again it is kept by now; else by a retry.
        for item in bench.quarantine():
            problem = quarantine.retry(bench.services, bench.job.person, item.id)
            expect(problem is None, f"a mended item's retry failed: {problem}")
        bench.expect_all("after the odd items were mended at the provider")


def _check_reasons(bench: Bench) -> None:
    for item in bench.quarantine():
        expect(item.source, f"{item.source_id} was quarantined without its JSON")
        expect(len(item.reason) < 300, "a quarantined item's reason quotes its content")


def retried(make: Make) -> None:
    """A quarantined item whose mapping works again is kept by `dcs quarantine retry`."""
    bench = make(items=12, messages=12)
    key = bench.holding.expected({})[-1]
    handler = bench.handler
    build = handler.build

    def refusing(self: Handler, **fields: Any) -> Record:
        if fields["id"] == key:
            raise KeyError("mended later")
        return build(self, **fields)

    handler.build = refusing  # type: ignore[method-assign, assignment]
    try:
        bench.run_well()
    finally:
        del handler.build
    held = {item.source_id: item for item in bench.quarantine()}
    expect(key in held, "an item whose mapping fails is not quarantined under its own id")
    problem = quarantine.retry(bench.services, bench.job.person, held[key].id)
    expect(problem is None, f"the item's retry failed: {problem}")
    bench.expect_all("after the quarantined item was retried")
