"""How a sandbox is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sandbox.faults import Fault
from sandbox.tokens import TokenRules


@dataclass(frozen=True, slots=True)
class Quota:
    """What one user may spend in any window of so many seconds.

    Args:
        units: Quota units.
        seconds: Length of the window.
    """

    units: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `UNITS/SECONDS`, such as `6000/60`.

        Raises:
            ValueError: It is not of that form, or not above zero.
        """
        units, slash, seconds = text.partition("/")
        if not slash or int(units) <= 0 or float(seconds) <= 0:
            raise ValueError(f"a quota is UNITS/SECONDS, both above zero, not {text!r}")
        return cls(int(units), float(seconds))


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox is set up.

    Args:
        mail: Folder of `.eml` files, searched recursively, or an mbox file: the mailbox of the
            first account. Synthetic mail without it, and for all further accounts.
        messages: Number of synthetic messages an account starts with.
        items: Number of items of each other kind that an account starts with.
        seed: Decides ids, texts and labels of all synthetic mail.
        latency_ms: Time that every request takes at least; a batch counts as one.
        quota: What a user may spend; None for as much as they like.
        accounts: Number of accounts.
        faults: What goes wrong from the start.
        concurrency: Requests of one user that Gmail works on at once, each part of a batch
            counting as one; further ones get 429. The documentation gives no number.
        client_id: The OAuth client that is known here.
        client_secret: Its secret.
        redirect_uris: Registered redirect URIs; when empty, any on loopback will do.
        token_seconds: Life of an access token; an answer names one second less, as Google's do.
        rotate_refresh_tokens: Whether a refresh brings a new refresh token and ends the old one.
            Google does not do so.
        token_rules: How tokens end, in full; in place of `rotate_refresh_tokens`.
        newest: When the newest synthetic message came, Unix seconds; the last midnight (UTC)
            without it. Only dates depend on it.
        remember_sent: Whether the JSON sent of each item is kept, for tests to compare with.
    """

    mail: Path | None = None
    messages: int = 200
    items: int = 30
    seed: int = 1
    latency_ms: int = 0
    quota: Quota | None = None
    accounts: int = 1
    faults: tuple[Fault, ...] = ()
    concurrency: int = 30
    client_id: str = "sandbox.apps.googleusercontent.com"
    client_secret: str = field(default="sandbox-secret", repr=False)
    redirect_uris: tuple[str, ...] = ()
    token_seconds: int = 3600
    rotate_refresh_tokens: bool = False
    token_rules: TokenRules | None = None
    newest: float | None = None
    remember_sent: bool = False
