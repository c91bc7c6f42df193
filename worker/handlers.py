"""Makes a handler of a connection ready to run."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.sdk.handler import Context, Handler
from connectors.sdk.http import Wait
from connectors.sdk.options import resolve
from connectors.sdk.records import Account
from vault.vault import Vault
from worker.keys import Job
from worker.services import Services
from worker.tokens import ConnectionTokens


def tokens_of(services: Services, vault: Vault, job: Job) -> ConnectionTokens:
    """The tokens that a job's calls are made with.

    Raises:
        NotFoundError: There is no such connection in the vault.
        ConfigurationError: The provider is broken.
    """
    return ConnectionTokens(
        services.redis,
        vault,
        job.person,
        job.connection,
        services.provider(vault.connection(job.connection).provider),
        services.transport,
        services.settings.worker.lock_seconds,
        services.settings.worker.lease_seconds,
    )


def open_handler(
    services: Services,
    vault: Vault,
    job: Job,
    wait: Wait | None = None,
    tokens: ConnectionTokens | None = None,
) -> Handler:
    """The handler, able to call its provider for the connection.

    Args:
        services: What the tiers share.
        vault: The person's vault.
        job: Which handler of which connection.
        wait: How its calls wait; default: sleep.
        tokens: What they are made with; default: `tokens_of` the job.

    Raises:
        NotFoundError: There is no such connection or handler in the vault.
        ConfigurationError: The provider is broken or does not know the handler.
    """
    connection = vault.connection(job.connection)
    provider = services.provider(connection.provider)
    handler = provider.handler(job.handler)
    chosen = vault.handler(job.connection, job.handler).options
    # An option that an older version had must not stop the sync.
    known = {option.id for option in handler.options}
    tokens = tokens or tokens_of(services, vault, job)
    return handler(
        Context(
            provider=provider,
            account=Account(connection.account_id, connection.profile),
            api=services.api(provider, job.person, job.connection, tokens, wait, handler.service),
            options=resolve(handler.options, {k: v for k, v in chosen.items() if k in known}),
            kept=vault.kept(job.connection, job.handler),
            text_limit=services.settings.vault.text_limit,
            now=datetime.now(UTC),
        )
    )
