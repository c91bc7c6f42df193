"""What the tiers share: settings, Redis, vaults, the transport and what is built on them."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from config.settings import Settings
from connectors.sdk import registry
from connectors.sdk.http import Api, Transport, Wait
from connectors.sdk.oauth import TokenSource
from connectors.sdk.provider import Provider
from connectors.sdk.quota import Budget
from vault.vaults import Vaults
from worker import keys
from worker.app import create_celery
from worker.budget import DailyBudget, RedisBudget
from worker.checkpoints import Checkpoints
from worker.leases import Leases
from worker.progress import Progress
from worker.queue import SyncQueue
from worker.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Services:
    """Made once a process by `open_services`, and handed to whoever needs a part of it."""

    settings: Settings
    redis: redis.Redis
    vaults: Vaults
    transport: Transport
    leases: Leases
    checkpoints: Checkpoints
    schedule: Schedule
    progress: Progress
    queue: SyncQueue

    def provider(self, provider_id: str) -> Provider:
        """The provider with its configuration; raises `ConfigurationError`."""
        return registry.provider(provider_id, self.settings.providers)

    def api(
        self,
        provider: Provider,
        person_id: str,
        connection_id: str,
        tokens: TokenSource,
        wait: Wait | None = None,
        service: str = "",
    ) -> Api:
        """The provider's API for one connection.

        Args:
            provider: Whose API.
            person_id: The vault's owner.
            connection_id: Whose quota is spent.
            tokens: Where the access token comes from.
            wait: How to wait; default: sleep.
            service: Which of the provider's quotas is spent.
        """
        http = self.settings.http
        quota = provider.quota(service)
        block = keys.block(person_id, connection_id, service)
        block_all = keys.block_all(provider.id)
        budget: Budget
        if quota is not None and quota.daily:
            daily = keys.daily(provider.id, service)
            budget = DailyBudget(self.redis, daily, block, quota, block_all)
        else:
            spent = keys.budget(person_id, connection_id, service)
            learned = keys.learned(person_id, connection_id, service)
            budget = RedisBudget(self.redis, spent, block, learned, quota, block_all)
        waiting = {"wait": wait} if wait else {}
        return Api(
            self.transport,
            tokens=tokens,
            classify=provider.classify,
            budget=budget,
            sign=provider.sign,
            headers=provider.headers(),
            wait_after=provider.wait_after,
            base_url=provider.config.base_url,
            retries=http.retries,
            backoff=http.backoff,
            inline_wait=self.settings.worker.inline_wait_seconds,
            **waiting,
        )

    def close(self) -> None:
        """Close files and connections."""
        self.vaults.close()
        self.transport.close()
        self.redis.close()


def open_services(settings: Settings, redis_url: str) -> Services:
    """Build the services.

    Args:
        settings: All settings.
        redis_url: Redis to use, as redis-py writes it (`redis://...`, `unix:///...`).
    """
    client = redis.Redis.from_url(redis_url)
    schedule = Schedule(client, settings.worker.queued_seconds)
    progress = Progress(client)
    http = settings.http
    return Services(
        settings=settings,
        redis=client,
        vaults=Vaults(settings),
        transport=Transport(
            connect_timeout=http.connect_timeout,
            read_timeout=http.read_timeout,
            answer_seconds=http.answer_seconds,
            answer_megabytes=http.answer_megabytes,
            pool_size=http.pool_size,
        ),
        leases=Leases(client, settings.worker.lease_seconds),
        checkpoints=Checkpoints(client),
        schedule=schedule,
        progress=progress,
        queue=SyncQueue(
            create_celery(settings, redis_url),
            client,
            schedule,
            progress,
            settings.worker.queue_limit,
        ),
    )
