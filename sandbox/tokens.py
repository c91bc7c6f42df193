"""Tokens, codes and grants of the accounts, of all providers.

Whether a refresh token comes with a code is the provider's OAuth server's to say. Refreshing keeps
it, unless rotation is on.

https://datatracker.ietf.org/doc/html/rfc6749
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

_CODE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person let an application do.

    Args:
        account: Index of the account.
        scopes: Granted scopes.
        serial: Number of the consent, so that a token knows which one it belongs to.
    """

    account: int
    scopes: frozenset[str]
    serial: int


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, good for one exchange.

    Args:
        grant: What it stands for.
        redirect_uri: Must be named again in the exchange.
        challenge: PKCE challenge, None when there was none.
        method: `S256` or `plain`.
        refresh: Whether a refresh token comes along.
        expires_at: Seconds of the store's clock.
    """

    grant: Grant
    redirect_uri: str
    challenge: str | None
    method: str
    refresh: bool
    expires_at: float


@dataclass(slots=True)
class TokenStore:
    """All that has been given out; safe to use from several threads.

    Args:
        clock: Unix time in seconds.
        seconds: Life of an access token.
        rotate: Whether a refresh brings a new refresh token.
    """

    clock: Callable[[], float]
    seconds: int
    rotate: bool = False
    _access: dict[str, tuple[Grant, float]] = field(default_factory=dict, repr=False)
    _refresh: dict[str, Grant] = field(default_factory=dict, repr=False)
    _codes: dict[str, Code] = field(default_factory=dict, repr=False)
    _consents: dict[int, frozenset[str]] = field(default_factory=dict, repr=False)
    _all: list[str] = field(default_factory=list, repr=False)
    _serial: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def granted(self, account: int) -> frozenset[str]:
        """Scopes the person has granted so far."""
        return self._consents.get(account, frozenset())

    def consent(self, account: int, scopes: Iterable[str], *, include_granted: bool) -> Grant:
        """Note a consent."""
        with self._lock:
            chosen = frozenset(scopes)
            earlier = self.granted(account)
            self._consents[account] = earlier | chosen
            self._serial += 1
            return Grant(account, chosen | earlier if include_granted else chosen, self._serial)

    def code(
        self, grant: Grant, redirect_uri: str, challenge: str | None, method: str, *, refresh: bool
    ) -> str:
        """A new authorization code, good for ten minutes."""
        text = "4/0A" + secrets.token_urlsafe(40)
        until = self.clock() + _CODE_SECONDS
        with self._lock:
            self._codes[text] = Code(grant, redirect_uri, challenge, method, refresh, until)
            self._all.append(text)
        return text

    def redeem(self, text: str) -> Code | None:
        """Use up a code; None when it is unknown, used or too old."""
        with self._lock:
            code = self._codes.pop(text, None)
        return code if code is not None and self.clock() < code.expires_at else None

    def access_token(self, grant: Grant) -> str:
        """A new access token."""
        text = "ya29.a0" + secrets.token_urlsafe(90)
        with self._lock:
            self._access[text] = (grant, self.clock() + self.seconds)
            self._all.append(text)
        return text

    def refresh_token(self, grant: Grant) -> str:
        """A new refresh token."""
        text = "1//0" + secrets.token_urlsafe(60)
        with self._lock:
            self._refresh[text] = grant
            self._all.append(text)
        return text

    def mint(self, account: int, scopes: Iterable[str]) -> dict[str, Any]:
        """Tokens without any dance.

        Returns:
            `access_token`, `refresh_token`, `expires_at` (Unix seconds), `scope`, `token_type`.
        """
        grant = self.consent(account, scopes, include_granted=False)
        return {
            "access_token": self.access_token(grant),
            "refresh_token": self.refresh_token(grant),
            "expires_at": self.clock() + self.seconds,
            "scope": " ".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }

    def check(self, access_token: str | None) -> Grant | None:
        """What an access token stands for; None when it is unknown or expired."""
        found = self._access.get(access_token or "")
        return found[0] if found is not None and self.clock() < found[1] else None

    def refresh(self, refresh_token: str) -> tuple[Grant, str | None] | None:
        """The grant of a refresh token, and the token that takes its place when they rotate."""
        with self._lock:
            grant = self._refresh.get(refresh_token)
            if grant is None:
                return None
            if not self.rotate:
                return grant, None
            del self._refresh[refresh_token]
            return grant, self.refresh_token(grant)

    def revoke(self, token: str) -> bool:
        """End the consent that an access or refresh token belongs to, with all its tokens.

        Returns:
            Whether there was such a token.
        """
        with self._lock:
            grant = self._refresh.get(token) or self.check(token)
            if grant is None:
                return False
            self._drop(lambda other: other.serial == grant.serial)
            self._consents.pop(grant.account, None)
            return True

    def expire_access(self, account: int | None = None) -> None:
        """Let all access tokens (of one account) be expired."""
        with self._lock:
            for text, (grant, _) in list(self._access.items()):
                if account is None or grant.account == account:
                    self._access[text] = (grant, 0.0)

    def revoke_refresh(self, account: int | None = None) -> None:
        """End all refresh and access tokens (of one account), as when the person removes access.

        The consent is forgotten too, so that the next one brings a refresh token again.
        """
        with self._lock:
            self._drop(lambda grant: account is None or grant.account == account)
            for number in list(self._consents) if account is None else [account]:
                self._consents.pop(number, None)

    def _drop(self, doomed: Callable[[Grant], bool]) -> None:
        self._access = {k: v for k, v in self._access.items() if not doomed(v[0])}
        self._refresh = {k: v for k, v in self._refresh.items() if not doomed(v)}

    def all_given(self) -> list[str]:
        """Every token and code that was ever given out."""
        with self._lock:
            return list(self._all)
