"""Errors, by what happens next.

A connector raises one of these (or lets the transport raise it); the engine alone decides about
retries, states and waiting. A message is shown to people and written to logs: it says what
happened and the way out, and holds no token, no address with a query, and nothing of the
person's content.
"""

from __future__ import annotations

from typing import Any


class ConnectorError(Exception):
    """Base of all that a connector may raise on purpose."""


class TransientError(ConnectorError):
    """A passing fault: timeout, reset, 5xx, an answer cut short or not to be parsed.

    Tried again a few times within the call, then by a later run.
    """


class AccessRejectedError(TransientError):
    """Access tokens are renewed without a word, and each of them is rejected.

    Where several share a connection whose tokens end fast, that passes. Where it does not, the
    person has to connect again.
    """


class RateLimitedError(ConnectorError):
    """The provider asks to wait: 429, a quota, a flood wait. The worker is freed meanwhile.

    Args:
        message: What the limit is.
        retry_after: Seconds to wait as told by the provider; None when it did not say.
        everyone: Whether all accounts of the provider are to wait: it refuses the server itself.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, everyone: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.everyone = everyone


class InUseError(RateLimitedError):
    """What may be open in one place alone is open elsewhere on this server.

    Neither a failure nor a quota: the worker is freed, and comes back soon.

    Args:
        retry_after: Seconds after which it may be free; None when that is not known.
    """

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__(
            "the account is being read elsewhere on this server just now, and may be open in one "
            "place at a time; it is free again soon",
            retry_after,
        )


class TokenExpiredError(ConnectorError):
    """The refresh token was refused, or there is none: the person must connect again."""


class AccessDeniedError(ConnectorError):
    """A permission is missing (403): this handler stops, the connection's others go on."""


class PositionLostError(ConnectorError):
    """The provider no longer knows the position: a delta cursor too old, a page token refused.

    Handlers catch it where they know a way on; one that reaches the engine makes it start the
    handler again from an empty position. Nothing is lost by that: records are upserts.
    """


class GoneError(ConnectorError):
    """An item is not at the provider any more; raised by `Handler.retry`.

    Args:
        message: What a person reads.
        record: The item's record as it was found before; None when that cannot be mapped.
    """

    def __init__(
        self,
        message: str = "the item is gone at the provider",
        record: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.record = record


class ConfigurationError(ConnectorError):
    """The server's own settings for this provider are missing or wrong; says which to set."""
