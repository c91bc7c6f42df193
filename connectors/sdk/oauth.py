"""OAuth 2.0 as data: what a provider states, and the tokens it gives.

https://datatracker.ietf.org/doc/html/rfc6749
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, Self


@dataclass(frozen=True, slots=True)
class LongLived:
    """How a provider without refresh tokens gives an access token that lasts.

    The token that a code brought is exchanged for it at the token endpoint, once, right away.

    Args:
        grant_type: What the exchange is called there.
        parameter: Name under which the short-lived token is sent.
    """

    grant_type: str
    parameter: str


@dataclass(frozen=True, slots=True)
class OAuth2:
    """How a provider does OAuth 2.0.

    Args:
        authorize_url: Where the person is asked.
        token_url: Where codes and refresh tokens are exchanged.
        scopes: Scopes asked for besides those of the handlers, such as the profile's.
        authorize_params: Further query parameters of the authorize URL.
        consent_params: Parameters that make the provider ask again; sent when no refresh token
            is held, for providers that give one on the first consent only.
        pkce: Whether the provider takes PKCE (RFC 7636).
        blueprint: Name of flask-dance's ready blueprint, when it has one.
        client_auth: How client id and secret are sent to the token endpoint: in the `form`, or as
            HTTP `basic` authentication (RFC 6749, 2.3.1).
        scope_separator: What stands between two scopes; the RFC has a space, some have a comma.
        long_lived: The exchange for a token that lasts, where there is one.
        ended: Errors of the token endpoint that say that a refresh token has ended; the RFC has one.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...] = ()
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    consent_params: Mapping[str, str] = field(default_factory=dict)
    pkce: bool = True
    blueprint: str | None = None
    client_auth: Literal["form", "basic"] = "form"
    scope_separator: str = " "
    long_lived: LongLived | None = None
    ended: frozenset[str] = frozenset({"invalid_grant"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one connection. Never shown by `repr`.

    Args:
        access_token: Sent with each call.
        refresh_token: Exchanged for a new access token; some accounts have none.
        expires_at: Unix time in seconds at which the access token ends; None when not told.
        scopes: What the person granted; empty when not told.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    scopes: frozenset[str] = frozenset()

    def expired(self, now: float, leeway: float = 60.0) -> bool:
        """Whether the access token has ended, or will within `leeway` seconds."""
        return self.expires_at is not None and self.expires_at <= now + leeway

    def keeping_refresh_token(self, old: Tokens | None) -> Tokens:
        """These tokens, with the old refresh token where none came along."""
        if self.refresh_token is None and old is not None:
            return replace(self, refresh_token=old.refresh_token)
        return self

    def to_json(self) -> dict[str, Any]:
        """The form kept in the vault and read from token files."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": self.expires_at,
            "scope": " ".join(sorted(self.scopes)),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, now: float | None = None) -> Self:
        """Tokens from a token endpoint's answer, a token file or the vault.

        Args:
            data: `access_token`, and `refresh_token`, `expires_at` (Unix seconds) or `expires_in`
                (seconds from `now`), `scope` (separated by spaces, or a list).
            now: Unix time in seconds that `expires_in` counts from.

        Raises:
            ValueError: There is no access token, or a value is of the wrong type.
        """
        access = data.get("access_token")
        if not isinstance(access, str) or not access:
            raise ValueError("access_token is missing")
        expires_at = data.get("expires_at")
        if expires_at is None and data.get("expires_in") is not None and now is not None:
            expires_at = now + float(data["expires_in"])
        ends = None if expires_at is None else float(expires_at)
        if ends is not None and not math.isfinite(ends):
            raise ValueError("the end of the access is no time")
        refresh = data.get("refresh_token") or None
        if refresh is not None and not isinstance(refresh, str):
            raise ValueError("refresh_token is no text")
        scope = data.get("scope") or ""
        return cls(
            access_token=access,
            refresh_token=refresh,
            expires_at=ends,
            scopes=frozenset(scope.split() if isinstance(scope, str) else scope),
        )


class Right(Protocol):
    """The right to have open what a token stands for; see `TokenSource.exclusive`."""

    def check(self) -> None:
        """Return while it is held. Asks nobody, so it may be called before each request.

        Raises:
            InUseError: Another may have it by now: close what is open.
        """

    def lapse(self) -> None:
        """Let it end by itself, some seconds later: what is open could not be closed for sure."""

    def watch(self, act: Callable[[], None]) -> None:
        """Have something done as soon as it is lost, in another thread: let it close what is open.

        Whoever holds it may rest between two requests, or wait for something else.

        Args:
            act: Must return soon, and raise nothing.
        """


class Unshared:
    """The right to what nobody else knows of, such as a session that has just begun."""

    def check(self) -> None:
        """See `Right`."""

    def lapse(self) -> None:
        """See `Right`."""

    def watch(self, act: Callable[[], None]) -> None:
        """See `Right`."""


class TokenSource(Protocol):
    """Where the transport gets a connection's access token."""

    def access_token(self) -> str:
        """A token that has not ended, as far as known; refreshes it when it has.

        Raises:
            TokenExpiredError: The refresh token is missing or was refused.
        """

    def refresh(self, rejected: str) -> str:
        """A token other than the one the provider has just rejected.

        Raises:
            TokenExpiredError: The refresh token is missing or was refused.
        """

    def keep(self, old: str, new: str) -> None:
        """Put `new` in the place of `old`, if `old` is still what is held.

        For providers whose secret is a session that the official client changes as it goes.

        Raises:
            InUseError: It was `exclusive`, and the right has been lost: `new` is not kept.
        """

    def exclusive(self) -> AbstractContextManager[Right]:
        """The right to open what the token stands for, where that may be open in one place alone.

        The token is read after entering: whoever had the right before may have left another one.

        Raises:
            InUseError: On entering; somebody else has it.
        """
