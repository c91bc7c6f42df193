"""A connection's access token, refreshed once for all workers that need it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import redis
from redis.exceptions import LockError

from connectors.sdk.errors import ConnectorError, TokenExpiredError, TransientError
from connectors.sdk.http import Transport
from connectors.sdk.oauth import Right, Tokens, Unshared
from connectors.sdk.provider import Provider
from connectors.sdk.refresh import refresh_tokens
from vault.vault import Vault
from worker import keys, metrics
from worker.rights import SoleRight, sole

log = logging.getLogger(__name__)


class GivenTokens:
    """Tokens just received, before there is a connection that could refresh them.

    A `connectors.sdk.oauth.TokenSource`.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def access_token(self) -> str:
        """The token as it was given, or as the provider's client has changed it."""
        return self.tokens.access_token

    def refresh(self, rejected: str) -> str:  # noqa: ARG002 - the signature is TokenSource's
        """The same token: a second rejection then ends the call."""
        return self.tokens.access_token

    def keep(self, old: str, new: str) -> None:
        """Remember the newer one."""
        if self.tokens.access_token == old:
            self.tokens = replace(self.tokens, access_token=new)

    def exclusive(self) -> AbstractContextManager[Right]:
        """Nobody else has them yet."""
        return nullcontext(Unshared())

    @contextmanager
    def kept_or(self, abandon: Callable[[Tokens], None] | None) -> Iterator[None]:
        """Keep them inside; where that fails they are abandoned, and the failure is raised on.

        Args:
            abandon: Ends them at the provider; None where nobody else knows of them.
        """
        try:
            yield
        except BaseException:
            try:
                if abandon is not None:
                    abandon(self.tokens)
            except Exception as error:
                log.warning("a sign-in was not ended at its provider (%s)", type(error).__name__)
            raise


class ConnectionTokens:
    """The tokens of one connection; a `connectors.sdk.oauth.TokenSource`. Safe among threads.

    Args:
        client: Redis, for the lock.
        vault: Where the tokens are kept.
        person: The vault's owner.
        connection_id: Whose tokens.
        provider: How to refresh them.
        transport: Sends the refresh.
        lock_seconds: Longest time a refresh may take.
        right_seconds: How long a worker that dies with the `exclusive` right keeps others out.
        now: Unix time in seconds.
    """

    def __init__(
        self,
        client: redis.Redis,
        vault: Vault,
        person: str,
        connection_id: str,
        provider: Provider,
        transport: Transport,
        lock_seconds: float,
        right_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._vault = vault
        self._lock_key = keys.refresh(person, connection_id)
        self._right_key = keys.session(person, connection_id)
        self._connection_id = connection_id
        self._provider = provider
        self._transport = transport
        self._lock_seconds = lock_seconds
        self._right_seconds = right_seconds
        self._now = now
        self._tokens: Tokens | None = None
        #: Those that were handed out last; None before the first.
        self.used: Tokens | None = None
        self._right: SoleRight | None = None

    def access_token(self) -> str:
        """A token that has not ended, as far as known; refreshes it when it has."""
        tokens = self._tokens or self._read()
        if tokens.expired(self._now()):
            return self.refresh(tokens.access_token)
        self.used = tokens
        return tokens.access_token

    def refresh(self, rejected: str) -> str:
        """A token other than the rejected one.

        The tokens are read again under the lock first: another worker may have refreshed them,
        and a refresh token that rotates may be used but once. New ones are saved before use.
        """
        with self._locked():
            tokens = self._read()
            if tokens.access_token == rejected or tokens.expired(self._now()):
                self.used = tokens
                tokens = self._renew(tokens)
        self._tokens = self.used = tokens
        return tokens.access_token

    def keep(self, old: str, new: str) -> None:
        """Put `new` in the place of `old`, unless the person has signed in again meanwhile.

        Raises:
            InUseError: The `exclusive` right has been lost: who has it now may keep a newer one.
        """
        with self._locked():
            held = self._read()
            if held.access_token == old:
                if self._right is not None:
                    self._right.confirm()
                newer = replace(held, access_token=new)
                was_used = self.used == held
                self._tokens = self._vault.replace_tokens(self._connection_id, held, newer)
                if was_used:
                    # The same access in its newer state: a refusal of it speaks of this one.
                    self.used = newer

    @contextmanager
    def exclusive(self) -> Iterator[Right]:
        """See `connectors.sdk.oauth.TokenSource`; all workers and commands share this right."""
        with sole(self._client, self._right_key, self._right_seconds) as right:
            self._tokens = None
            self._right = right
            try:
                yield right
            finally:
                self._right = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The right to change the tokens.

        Raises:
            TransientError: Another worker does not let go of it.
        """
        lock = self._client.lock(
            self._lock_key, timeout=self._lock_seconds, blocking_timeout=self._lock_seconds
        )
        try:
            with lock:
                yield
        except LockError:
            raise TransientError("another worker takes too long to renew the access") from None

    def _renew(self, old: Tokens) -> Tokens:
        """New tokens, saved; those of a person who has connected again meanwhile count more."""
        if self._provider.oauth is None:
            raise TokenExpiredError("the sign-in has ended; connect the account again")
        try:
            new = refresh_tokens(
                self._transport,
                self._provider.oauth,
                self._provider.config,
                old,
                self._now(),
                self._provider.headers(),
            )
        except TokenExpiredError:
            held = self._read()
            if held == old:
                self._count("refused")
                raise
            return held
        except ConnectorError:
            self._count("failed")
            raise
        held = self._vault.replace_tokens(self._connection_id, old, new)
        # Not before the new tokens are saved: Redis may keep us waiting.
        self._count("ok")
        return held

    def _count(self, result: str) -> None:
        metrics.count(self._client, metrics.REFRESHES, self._provider.id, result)

    def _read(self) -> Tokens:
        tokens = self._vault.tokens(self._connection_id)
        if tokens is None:
            raise TokenExpiredError("no access is held; connect the account again")
        self._tokens = tokens
        return tokens
