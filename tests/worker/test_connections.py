"""What people do with connections, on a real vault, the embedded server and the sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from config.settings import Settings, load
from connectors.google.gmail import Gmail
from connectors.google.provider import Google
from connectors.sdk.errors import ConfigurationError, ConnectorError
from connectors.sdk.oauth import Tokens
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from vault.errors import NotFoundError
from vault.vault import Vault
from worker import connections, keys
from worker.engine import Engine
from worker.keys import Job
from worker.schedule import SECONDS
from worker.services import Services

OPTIONS = SandboxOptions(messages=30, seed=5, accounts=2)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running(OPTIONS) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Any, sandbox: RunningSandbox) -> Settings:
    google = {"base_url": sandbox.url, "client_id": OPTIONS.client_id, "quota": "none"}
    return load(
        home=tmp_path / "home",
        http={"backoff": 0.01},
        providers={"google": {**google, "client_secret": OPTIONS.client_secret}},
    )


def granted(sandbox: RunningSandbox, **changes: Any) -> Tokens:
    answer = requests.post(f"{sandbox.url}/_sandbox/tokens", json={}, timeout=10)
    answer.raise_for_status()
    return Tokens.from_json({**answer.json(), **changes})


@pytest.fixture
def tokens(sandbox: RunningSandbox) -> Tokens:
    return granted(sandbox)


@pytest.fixture
def job(services: Services, tokens: Tokens) -> Job:
    connection = connections.connect(services, "owner", "google", tokens)
    return Job("owner", connection.id, "gmail")


@pytest.fixture
def vault(services: Services, job: Job) -> Vault:
    return services.vaults.open("owner")


def queued(services: Services) -> int:
    return int(services.redis.llen("google"))


def sync_now(services: Services, job: Job, *, force: bool = False) -> Any:
    run = services.schedule.run_of(job)
    return Engine(services).run(job.person, job.connection, job.handler, run, force=force)


def test_connecting_keeps_account_and_tokens_and_syncs(
    services: Services, job: Job, vault: Vault, tokens: Tokens
) -> None:
    connection = vault.connection(job.connection)
    assert connection.status == "connected"
    assert connection.profile["email"]
    assert vault.tokens(job.connection) == tokens
    assert queued(services) == len(Google.handlers)
    assert sync_now(services, job).handler == "enabled"


def test_a_refused_token_makes_no_connection(services: Services) -> None:
    with pytest.raises(ConnectorError) as caught:
        connections.connect(services, "owner", "google", Tokens("wrong-token"))
    assert "wrong-token" not in str(caught.value)
    assert services.vaults.people() == []
    assert queued(services) == 0


def test_an_unknown_provider_is_named(services: Services, tokens: Tokens) -> None:
    with pytest.raises(ConfigurationError, match="no provider nobody"):
        connections.connect(services, "owner", "nobody", tokens)


def test_connecting_again_keeps_the_refresh_token_the_position_and_a_disabled_handler(
    services: Services, job: Job, vault: Vault, tokens: Tokens, sandbox: RunningSandbox
) -> None:
    sync_now(services, job)
    before = vault.handler(job.connection, "gmail")
    made = vault.connection(job.connection).created_at
    connections.set_handler_enabled(services, "owner", job.connection, "gmail", enabled=False)
    connections.connect(services, "owner", "google", granted(sandbox, refresh_token=None))
    held = vault.tokens(job.connection)
    assert held is not None
    assert held.refresh_token == tokens.refresh_token
    after = vault.handler(job.connection, "gmail")
    assert (after.status, after.position) == ("disabled", before.position)
    assert vault.connection(job.connection).created_at == made


def test_a_permission_not_granted_is_named_and_a_second_try_mends_it(
    services: Services, sandbox: RunningSandbox, tokens: Tokens
) -> None:
    fewer = granted(sandbox, scope="openid")
    connection = connections.connect(services, "owner", "google", fewer)
    state = services.vaults.open("owner").handler(connection.id, "gmail")
    assert state.status == "invalid-auth"
    assert all(scope in str(state.message) for scope in Gmail.scopes)
    assert queued(services) == 0
    connections.connect(services, "owner", "google", tokens)
    state = services.vaults.open("owner").handler(connection.id, "gmail")
    assert (state.status, state.message) == ("enabled", None)
    assert queued(services) == len(Google.handlers)


def test_consent_is_needed_until_a_refresh_token_is_held(
    services: Services, sandbox: RunningSandbox, tokens: Tokens
) -> None:
    assert connections.needs_consent(services, "owner", "google")
    connections.connect(services, "owner", "google", granted(sandbox, refresh_token=None))
    assert connections.needs_consent(services, "owner", "google")
    connections.connect(services, "owner", "google", tokens)
    assert not connections.needs_consent(services, "owner", "google")
    assert connections.needs_consent(services, "owner", "other")


def test_a_sync_leaves_out_what_is_disabled_unless_it_is_named(
    services: Services, job: Job
) -> None:
    every = sorted(handler.id for handler in Google.handlers)
    others = [handler for handler in every if handler != "gmail"]
    assert list(connections.sync(services, "owner", job.connection)) == every
    connections.set_handler_enabled(services, "owner", job.connection, "gmail", enabled=False)
    assert list(connections.sync(services, "owner", job.connection)) == others
    assert list(connections.sync(services, "owner", job.connection, "gmail")) == ["gmail"]
    assert list(connections.sync(services, "owner", job.connection, force=True)) == every


@pytest.mark.parametrize(("connection", "handler"), [("google:0", None), (None, "other")])
def test_what_is_not_there_cannot_be_synced(
    services: Services, job: Job, connection: str | None, handler: str | None
) -> None:
    with pytest.raises(NotFoundError):
        connections.sync(services, "owner", connection or job.connection, handler)


def test_a_paused_connection_rests_until_it_is_resumed(
    services: Services, job: Job, vault: Vault
) -> None:
    connections.pause(services, "owner", job.connection)
    assert vault.connection(job.connection).status == "paused"
    assert services.schedule.due_at(job) is None
    assert sync_now(services, job).message == "the connection is paused"
    connections.resume(services, "owner", job.connection)
    assert sync_now(services, job).handler == "enabled"


@pytest.mark.parametrize("after", ["resume", "enable", "reset", "connect", "force"])
def test_an_earlier_stop_that_met_no_running_sync_stops_no_later_one(
    services: Services, job: Job, after: str, tokens: Tokens
) -> None:
    if after == "reset":
        connections.reset(services, "owner", "google")
    elif after == "enable":
        for enabled in (False, True):
            connections.set_handler_enabled(
                services, "owner", job.connection, "gmail", enabled=enabled
            )
    else:
        connections.pause(services, "owner", job.connection)
    if after == "resume":
        connections.resume(services, "owner", job.connection)
    elif after == "connect":
        connections.connect(services, "owner", "google", tokens)
    outcome = sync_now(services, job, force=after == "force")
    assert outcome.handler == "enabled"
    assert outcome.message is None


@pytest.mark.parametrize("stop", ["pause", "disable"])
def test_a_running_sync_hears_of_a_stop(services: Services, job: Job, stop: str) -> None:
    lease = services.leases.acquire(job, floor=0)
    assert lease is not None
    with lease:
        if stop == "pause":
            connections.pause(services, "owner", job.connection)
        else:
            connections.set_handler_enabled(
                services, "owner", job.connection, "gmail", enabled=False
            )
        assert services.redis.exists(job.cancel())
        assert 0 < services.redis.ttl(job.cancel()) <= 120
    if stop == "disable":
        connections.set_handler_enabled(services, "owner", job.connection, "gmail", enabled=True)
        assert not services.redis.exists(job.cancel())


def test_options_are_checked_kept_and_synced(services: Services, job: Job, vault: Vault) -> None:
    before = queued(services)
    change = connections.set_handler_options
    change(services, "owner", job.connection, "gmail", {"backdate": "3"})
    assert vault.handler(job.connection, "gmail").options == {"backdate": "3"}
    # The sync that waits since the account was connected will see the option.
    assert queued(services) == before
    sync_now(services, job)
    change(services, "owner", job.connection, "gmail", {"backdate": "12"})
    assert queued(services) == before + 1
    wrong: Any
    for wrong in ({"backdate": "2"}, {"x": "1"}, {"backdate": ["3"]}):
        with pytest.raises(ValueError, match="option"):
            change(services, "owner", job.connection, "gmail", wrong)
    assert vault.handler(job.connection, "gmail").options == {"backdate": "12"}
    connections.pause(services, "owner", job.connection)
    change(services, "owner", job.connection, "gmail", {"backdate": "6"})
    assert queued(services) == before + 1


def test_a_frequency_is_checked_and_sets_the_next_time(
    services: Services, job: Job, vault: Vault
) -> None:
    sync_now(services, job)
    connections.set_frequency(services, "owner", job.connection, "gmail", "day")
    assert vault.handler(job.connection, "gmail").frequency == "day"
    due = services.schedule.due_at(job)
    assert due is not None
    assert abs(due - time.time() - SECONDS["day"]) < 5
    with pytest.raises(ValueError, match="hour, 3hour"):
        connections.set_frequency(services, "owner", job.connection, "gmail", "minute")


def test_a_frequency_does_not_put_off_a_sync_under_way(services: Services, job: Job) -> None:
    services.schedule.put(job, 30)  # as while the provider asks to wait
    connections.set_frequency(services, "owner", job.connection, "gmail", "week")
    due = services.schedule.due_at(job)
    assert due is not None
    assert due - time.time() < 31


def test_a_frequency_does_not_put_off_the_next_try_after_an_error(
    services: Services, job: Job, vault: Vault
) -> None:
    sync_now(services, job)
    vault.update_handler(job.connection, job.handler, status="error")
    connections.set_frequency(services, "owner", job.connection, "gmail", "week")
    due = services.schedule.due_at(job)
    assert due is not None
    assert due - time.time() < services.settings.worker.error_retry_seconds + 5


def test_disconnecting_forgets_all_but_the_records(
    services: Services, job: Job, vault: Vault
) -> None:
    sync_now(services, job)
    kept = vault.count(Gmail.schema.uri)
    assert kept
    services.redis.set(keys.block("owner", job.connection, "gmail"), "1")
    connections.disconnect(services, "owner", job.connection, delete_data=False)
    assert vault.connections() == []
    assert vault.tokens(job.connection) is None
    assert vault.count(Gmail.schema.uri) == kept
    assert services.schedule.due_at(job) is None
    assert services.progress.view(job) is None
    assert services.checkpoints.load(job) is None
    assert not services.redis.exists(keys.block("owner", job.connection, "gmail"))


def test_disconnecting_can_delete_the_records(services: Services, job: Job, vault: Vault) -> None:
    sync_now(services, job)
    connections.disconnect(services, "owner", job.connection, delete_data=True)
    assert vault.count(Gmail.schema.uri) == 0


@pytest.mark.parametrize("delete", [False, True])
def test_a_reset_handler_is_synced_from_the_start_at_its_next_time(
    services: Services, job: Job, vault: Vault, delete: bool
) -> None:
    sync_now(services, job)
    kept, due = vault.count(Gmail.schema.uri), services.schedule.due_at(job)
    deleted = connections.reset(services, "owner", "google", delete_data=delete)
    assert deleted == (kept if delete else 0)
    assert vault.handler(job.connection, "gmail").position == {}
    assert services.checkpoints.load(job) is None
    assert due is not None
    assert services.schedule.due_at(job) == due
    assert sync_now(services, job).handler == "enabled"
    assert vault.count(Gmail.schema.uri) == kept


def test_a_reset_can_clear_the_connection(services: Services, job: Job, vault: Vault) -> None:
    connections.reset(services, "owner", "google", clear_connection=True)
    assert vault.connections() == []
    assert services.schedule.due_at(job) is None


def test_a_reset_is_of_the_account_that_is_named(services: Services, job: Job) -> None:
    for provider, account in (("google", "none"), ("acme", None)):
        with pytest.raises(ConfigurationError, match="no connection"):
            connections.reset(services, "owner", provider, account=account)
