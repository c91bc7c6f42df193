"""Tokens, codes and grants of the accounts, of all providers.

Whether a refresh token comes with a code is the provider's OAuth server's to say. Refreshing keeps
it, unless rotation is on (`TokenRules`).

https://datatracker.ietf.org/doc/html/rfc6749
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
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
class TokenRules:
    """How tokens end; may be changed while the sandbox runs.

    A server that rotates refresh tokens may end the old one at its use (RFC 6749, 6), and then an
    answer that is lost on its way ends the access. Many therefore let the old one pass for a
    grace, of up to 60 seconds
    (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RefreshTokenRotationType.html)
    or 5 seconds (https://connect2id.com/blog/connect2id-server-14-2). One that comes after that
    may be a thief's, and can end everything that was given out for it (RFC 9700, 4.14.2).

    Args:
        rotate: Whether a refresh brings a new refresh token and ends the old one.
        grace_seconds: How long the old one still works after its first use; 0 sets no such bound.
        grace_uses: How often it still works; 0 sets no such bound. Without either bound there is
            no grace.
        reuse_revokes: Whether an old one that comes after its grace ends all tokens of the consent.
        expire_every: The n-th use of an access token finds that it has just ended; 0 for never.
    """

    rotate: bool = False
    grace_seconds: float = 0.0
    grace_uses: int = 0
    reuse_revokes: bool = False
    expire_every: int = 0

    def change(self, **values: Any) -> None:
        """Set some of them.

        Raises:
            ValueError: An unknown name, or a bad value.
        """
        known = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown rule {name!r}; known: {sorted(known)}")
            if not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{name} must be a number of at least 0, or true or false")
        if values.get("expire_every") == 1:
            raise ValueError("expire_every of 1 would let no call pass")
        for name, value in values.items():
            setattr(self, name, known[name](value))


@dataclass(slots=True)
class _Spent:
    """A refresh token that another has taken the place of, in its grace.

    Args:
        grant: What it stands for.
        until: When the grace ends, seconds of the store's clock; None without that bound.
        uses: How often it may still be used; None without that bound.
    """

    grant: Grant
    until: float | None
    uses: int | None

    def use(self, now: float) -> bool:
        """Use it once more; whether that is still within the grace."""
        if self.until is None and self.uses is None:
            return False
        if (self.until is not None and now >= self.until) or self.uses == 0:
            return False
        self.uses = self.uses - 1 if self.uses is not None else None
        return True


@dataclass(slots=True)
class TokenStore:
    """All that has been given out; safe to use from several threads.

    Args:
        clock: Unix time in seconds.
        seconds: Life of an access token.
        rules: How tokens end.
    """

    clock: Callable[[], float]
    seconds: int
    rules: TokenRules = field(default_factory=TokenRules)
    _access: dict[str, tuple[Grant, float]] = field(default_factory=dict, repr=False)
    _refresh: dict[str, Grant] = field(default_factory=dict, repr=False)
    _spent: dict[str, _Spent] = field(default_factory=dict, repr=False)
    _uses: dict[str, int] = field(default_factory=dict, repr=False)
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
        self,
        grant: Grant,
        redirect_uri: str,
        challenge: str | None,
        method: str,
        *,
        refresh: bool,
        seconds: float = _CODE_SECONDS,
    ) -> str:
        """A new authorization code, good for ten minutes, or for so many seconds."""
        text = "4/0A" + secrets.token_urlsafe(40)
        until = self.clock() + seconds
        with self._lock:
            self._codes[text] = Code(grant, redirect_uri, challenge, method, refresh, until)
            self._all.append(text)
        return text

    def redeem(self, text: str) -> Code | None:
        """Use up a code; None when it is unknown, used or too old."""
        with self._lock:
            code = self._codes.pop(text, None)
        return code if code is not None and self.clock() < code.expires_at else None

    def access_token(self, grant: Grant, seconds: float | None = None) -> str:
        """A new access token; `seconds` is its life where it is not the usual one."""
        text = "ya29.a0" + secrets.token_urlsafe(90)
        life = self.seconds if seconds is None else seconds
        with self._lock:
            self._access[text] = (grant, self.clock() + life)
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

    def refresh(
        self, refresh_token: str, rules: TokenRules | None = None
    ) -> tuple[Grant, str | None] | None:
        """The grant of a refresh token, and the token that takes its place when they rotate.

        Args:
            refresh_token: The token.
            rules: How they end at this provider; default: the rules of the store.
        """
        rules = rules or self.rules
        with self._lock:
            spent = self._spent.get(refresh_token)
            if spent is not None:
                return self._reused(spent, rules)
            grant = self._refresh.get(refresh_token)
            if grant is None:
                return None
            if not rules.rotate:
                return grant, None
            del self._refresh[refresh_token]
            seconds, uses = rules.grace_seconds, rules.grace_uses
            until = self.clock() + seconds if seconds else None
            self._spent[refresh_token] = _Spent(grant, until, uses or None)
            return grant, self.refresh_token(grant)

    def _reused(self, spent: _Spent, rules: TokenRules) -> tuple[Grant, str] | None:
        if spent.use(self.clock()):
            return spent.grant, self.refresh_token(spent.grant)
        if rules.reuse_revokes:
            self._drop(lambda other: other.serial == spent.grant.serial)
        return None

    def used(self, access_token: str) -> None:
        """Note that a request carries this access token; it may be its last (`expire_every`)."""
        every = self.rules.expire_every
        if not every or access_token not in self._access:
            return
        with self._lock:
            self._uses[access_token] = self._uses.get(access_token, 0) + 1
            if self._uses[access_token] >= every and access_token in self._access:
                self._access[access_token] = (self._access[access_token][0], 0.0)

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
        self._spent = {k: v for k, v in self._spent.items() if not doomed(v.grant)}

    def all_given(self) -> list[str]:
        """Every token and code that was ever given out."""
        with self._lock:
            return list(self._all)
