"""What people do with connections: connect, pause, choose options, disconnect, reset.

Neither engine nor task: the web tier and the commands call it directly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from redis.exceptions import RedisError

from connectors.sdk.errors import ConfigurationError
from connectors.sdk.http import Api
from connectors.sdk.oauth import Tokens
from connectors.sdk.options import resolve
from connectors.sdk.provider import Provider
from connectors.sdk.quota import Unlimited
from connectors.sdk.records import connection_id as make_connection_id
from connectors.sdk.refresh import prolong_tokens
from vault.errors import NotFoundError
from vault.model import Connection
from vault.vault import Vault
from worker import connected, keys
from worker.ending import end_run
from worker.keys import Job
from worker.schedule import SECONDS
from worker.services import Services
from worker.tokens import GivenTokens

#: A cancel that no running sync hears within this many seconds is forgotten.
_CANCEL_SECONDS = 120


def connect(
    services: Services,
    person_id: str,
    provider_id: str,
    tokens: Tokens,
    abandon: Callable[[Tokens], None] | None = None,
) -> Connection:
    """Make a connection of the tokens, or renew the one that the account has already.

    A refresh token that did not come along is kept from before, and so are the options that the
    person chose. Handlers whose permission was not granted say so; the others are synced at once.

    Args:
        services: What the tiers share.
        person_id: The vault's owner.
        provider_id: Where the account is.
        tokens: As the provider has just given them.
        abandon: Ends at the provider what could not be kept, as `SignIn.abandon` does.

    Raises:
        ConnectorError: The provider does not say whose account it is.
        ConfigurationError: There is no such provider, or it is broken.
    """
    provider = services.provider(provider_id)
    if provider.oauth is not None:
        tokens = prolong_tokens(
            services.transport,
            provider.oauth,
            provider.config,
            tokens,
            time.time(),
            provider.headers(),
            provider.classify,
        )
    given = GivenTokens(tokens)
    now = datetime.now(UTC)
    with given.kept_or(abandon):
        account = provider.account(_api(services, provider, given))
        identity = make_connection_id(provider.id, account.id)
        vault = services.vaults.open(person_id, create=True)
        try:
            created = vault.connection(identity).created_at
        except NotFoundError:
            created = now
        connection = Connection(
            id=identity,
            provider=provider.id,
            account_id=account.id,
            profile=dict(account.profile),
            status="connected",
            message=None,
            created_at=created,
            updated_at=now,
        )
        tokens = given.tokens
        vault.connect(connection, tokens)
    # All are in the vault before the first is asked for: should Redis be away, none is lost.
    admitted = [
        job
        for handler in provider.handlers
        for job in [Job(person_id, identity, handler.id)]
        if _admit(vault, job, handler.scopes, tokens)
    ]
    # Should Redis be away, what comes next says so.
    with suppress(RedisError):
        connected.note(services.redis, person_id, provider.id, identity)
    _begin(services, admitted)
    return vault.connection(identity)


def needs_consent(services: Services, person_id: str, provider_id: str) -> bool:
    """Whether the provider must ask again: there is no connection yet, or one is not sound.

    Which account the person will choose is not known before; one that comes without a refresh
    token all the same is asked for once more (`web/oauth.py`).
    """
    try:
        vault = services.vaults.open(person_id)
    except NotFoundError:
        return True
    found = [c for c in vault.connections() if c.provider == provider_id]
    return not found or any(
        c.status == "invalid-auth" or not holds_refresh_token(vault, c.id) for c in found
    )


def holds_refresh_token(vault: Vault, connection_id: str) -> bool:
    """Whether the connection's access can be renewed."""
    tokens = vault.tokens(connection_id)
    return tokens is not None and tokens.refresh_token is not None


def access_ends(vault: Vault, connection_id: str) -> datetime | None:
    """When the connection's access ends for good; None where it is renewed, or nothing is told."""
    tokens = vault.tokens(connection_id)
    if tokens is None or tokens.refresh_token is not None or tokens.expires_at is None:
        return None
    return datetime.fromtimestamp(tokens.expires_at, UTC)


def sync(
    services: Services,
    person_id: str,
    connection_id: str,
    handler_id: str | None = None,
    *,
    force: bool = False,
) -> dict[str, str]:
    """Bring a connection up to date now: one handler, or all that are enabled.

    Returns:
        The run's id for each handler enqueued.

    Raises:
        NotFoundError: There is no such connection or handler.
    """
    vault = services.vaults.open(person_id)
    states = vault.handlers(vault.connection(connection_id).id)
    if handler_id is not None:
        states = [vault.handler(connection_id, handler_id)]
    elif not force:
        states = [state for state in states if state.status not in ("disabled", "invalid-auth")]
    return {
        state.handler_id: services.queue.sync(
            person_id, connection_id, state.handler_id, force=force
        )
        for state in states
    }


def pause(services: Services, person_id: str, connection_id: str) -> None:
    """Sync the connection no more until it is resumed; a running sync stops after its batch."""
    vault = services.vaults.open(person_id)
    vault.set_connection_status(connection_id, "paused")
    for job in _jobs(vault, person_id, connection_id):
        _stop(services, vault, job)


def resume(services: Services, person_id: str, connection_id: str) -> None:
    """Sync a paused connection again, beginning now."""
    vault = services.vaults.open(person_id)
    vault.set_connection_status(connection_id, "active")
    jobs = _jobs(vault, person_id, connection_id)
    _begin(services, [job for job in jobs if _runs(vault, connection_id, job.handler)])


def disconnect(
    services: Services, person_id: str, connection_id: str, *, delete_data: bool
) -> None:
    """Forget the connection and its tokens; its records stay unless they are to be deleted."""
    pause(services, person_id, connection_id)
    vault = services.vaults.open(person_id)
    if delete_data:
        vault.reset(connection_id, delete_data=True)
    for job in _jobs(vault, person_id, connection_id):
        _forget(services, job)
    vault.remove_connection(connection_id)
    for pattern in (keys.budget, keys.block, keys.learned):
        found = list(services.redis.scan_iter(match=pattern(person_id, connection_id, "*")))
        if found:
            services.redis.delete(*found)


def set_handler_options(
    services: Services,
    person_id: str,
    connection_id: str,
    handler_id: str,
    options: Mapping[str, str],
) -> None:
    """Choose options of a handler and sync it with them.

    Raises:
        ValueError: An option is unknown or its value not allowed; says which are.
    """
    vault = services.vaults.open(person_id)
    handler = services.provider(vault.connection(connection_id).provider).handler(handler_id)
    resolve(handler.options, options)
    vault.update_handler(connection_id, handler_id, options=dict(options))
    if _runs(vault, connection_id, handler_id):
        services.queue.sync(person_id, connection_id, handler_id)


def set_handler_enabled(
    services: Services, person_id: str, connection_id: str, handler_id: str, *, enabled: bool
) -> None:
    """Switch a handler on (and sync it) or off (and stop it)."""
    vault = services.vaults.open(person_id)
    job = Job(person_id, connection_id, handler_id)
    status = "enabled" if enabled else "disabled"
    vault.update_handler(connection_id, handler_id, status=status, message=None)
    if enabled:
        services.redis.delete(job.cancel())
        services.queue.sync(person_id, connection_id, handler_id)
    else:
        _stop(services, vault, job)


def set_frequency(
    services: Services, person_id: str, connection_id: str, handler_id: str, frequency: str
) -> None:
    """Choose how often a handler is synced.

    Raises:
        ValueError: There is no such frequency; lists them.
    """
    if frequency not in SECONDS:
        raise ValueError(f"frequency must be one of {', '.join(SECONDS)}")
    vault = services.vaults.open(person_id)
    vault.update_handler(connection_id, handler_id, frequency=frequency)
    job = Job(person_id, connection_id, handler_id)
    # A run under way goes on when it would have; its end looks at the frequency.
    under_way = services.redis.hexists(keys.RUNS, job.member)
    if _runs(vault, connection_id, handler_id) and not under_way:
        delay = SECONDS[frequency]
        if vault.handler(connection_id, handler_id).status == "error":
            # It is tried again sooner than that.
            delay = min(delay, services.settings.worker.error_retry_seconds)
        services.schedule.put(job, delay)


def reset(
    services: Services,
    person_id: str,
    provider_id: str,
    *,
    account: str | None = None,
    delete_data: bool = False,
    clear_connection: bool = False,
) -> int:
    """Set positions back to the start, so that everything is fetched again.

    Args:
        services: What the tiers share.
        person_id: The vault's owner.
        provider_id: Whose connections.
        account: Only that account's connection; default: all of the provider.
        delete_data: Delete those accounts' records too.
        clear_connection: Forget the connections and their tokens too.

    Returns:
        How many records were deleted.

    Raises:
        ConfigurationError: No connection fits.
    """
    vault = services.vaults.open(person_id)
    found = [
        connection
        for connection in vault.connections()
        if connection.provider == provider_id and account in (None, connection.account_id)
    ]
    if not found:
        raise ConfigurationError(f"no connection of {provider_id} fits; see `dcs connections`")
    deleted = 0
    for connection in found:
        for job in _jobs(vault, person_id, connection.id):
            # The vault fences a running sync off.
            end_run(services, vault, job)
        deleted += vault.reset(connection.id, delete_data=delete_data)
        for job in _jobs(vault, person_id, connection.id):
            _forget(services, job)
            if _runs(vault, job.connection, job.handler):
                services.schedule.put_new(job, 0.0)
        if clear_connection:
            disconnect(services, person_id, connection.id, delete_data=delete_data)
    return deleted


def _api(services: Services, provider: Provider, tokens: GivenTokens) -> Api:
    return Api(
        services.transport,
        tokens=tokens,
        classify=provider.classify,
        budget=Unlimited(time.monotonic),
        sign=provider.sign,
        headers=provider.headers(),
        wait_after=provider.wait_after,
        base_url=provider.config.base_url,
    )


def _begin(services: Services, jobs: Sequence[Job]) -> None:
    """Sync what the vault says is to be synced.

    Raises:
        RedisError: Redis is away. The schedule's next comparison with the vaults brings the rest.
    """
    try:
        for job in jobs:
            services.redis.delete(job.cancel())
        for job in jobs:
            services.queue.sync(job.person, job.connection, job.handler)
    except RedisError:
        # As far as it answers: one that is full, say, does.
        with suppress(RedisError):
            services.schedule.doubt()
        raise


def _admit(vault: Vault, job: Job, scopes: frozenset[str], tokens: Tokens) -> bool:
    """Make the handler's state fit what the person granted; whether it is to be synced."""
    vault.ensure_handler(job.connection, job.handler)
    missing = scopes - tokens.scopes if tokens.scopes else frozenset()
    if missing:
        vault.update_handler(
            job.connection,
            job.handler,
            status="invalid-auth",
            message=f"permission not granted: {', '.join(sorted(missing))}; connect again and allow it",
        )
        return False
    if vault.handler(job.connection, job.handler).status == "disabled":
        return False
    vault.update_handler(
        job.connection, job.handler, status="enabled", message=None, failures=0, setbacks=0
    )
    return True


def _runs(vault: Vault, connection_id: str, handler_id: str) -> bool:
    """Whether the handler is synced at all: neither it nor its connection is switched off."""
    return vault.connection(connection_id).status not in (
        "paused",
        "invalid-auth",
    ) and vault.handler(connection_id, handler_id).status not in ("disabled", "invalid-auth")


def _stop(services: Services, vault: Vault, job: Job) -> None:
    """Let a running sync end after its batch, and none begin by itself.

    Comes after the vault's status has changed: a sync that begins now looks at that. The cancel
    names the run, so that it cannot stop a later one.
    """
    run = services.redis.hget(keys.RUNS, job.member)
    if run and services.redis.exists(job.lease()):
        services.redis.set(job.cancel(), run, ex=_CANCEL_SECONDS)
    else:
        end_run(services, vault, job)
    services.schedule.remove(job)


def _jobs(vault: Vault, person_id: str, connection_id: str) -> list[Job]:
    return [
        Job(person_id, connection_id, state.handler_id) for state in vault.handlers(connection_id)
    ]


def _forget(services: Services, job: Job) -> None:
    services.checkpoints.forget(job)
    services.progress.forget(job)
