"""Signing in at a provider that has no OAuth: step by step, on a page or in a terminal.

A provider without `oauth` gives a `SignIn` of its own. The server shows each `Step` and hands back
what the person does; it knows nothing of the provider.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from connectors.sdk.errors import ConnectorError
from connectors.sdk.oauth import Tokens

#: What a step asks for: to scan a QR code, or to type something; `wait` asks for nothing, and
#: after `done` comes `SignIn.finish`.
Kind = Literal["scan", "phone", "code", "password", "wait", "done"]


class NotAcceptedError(ConnectorError):
    """An answer was not accepted; the person may give another. The message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the person is to do next.

    Args:
        kind: What is asked for.
        text: What to do, in plain words.
        link: What the QR code of a `scan` holds; opens the account, so it is never logged.
        ways: Other kinds of step that `SignIn.choose` leads to from here, such as `phone`.
    """

    kind: Kind
    text: str
    link: str | None = field(default=None, repr=False)
    ways: tuple[Kind, ...] = ()


class SignIn(ABC):
    """One person's sign-in, under way. One thread at a time may use it.

    What it holds open is let go by `close`, which may be called at any time and again.
    """

    @abstractmethod
    def step(self) -> Step:
        """Where it stands; a scanned code moves it on by itself.

        Raises:
            ConnectorError: It cannot go on; begin again. Says why.
        """

    @abstractmethod
    def choose(self, way: Kind) -> None:
        """Go another way, one of the step's `ways`.

        Raises:
            NotAcceptedError: There is no such way from here.
        """

    @abstractmethod
    def answer(self, text: str) -> None:
        """Give what the step asks for.

        Args:
            text: The phone number, the code, the password.

        Raises:
            NotAcceptedError: It is wrong; says what to do. The step stays or is another.
            RateLimitedError: The provider wants no more tries for a while.
            ConnectorError: It cannot go on; begin again.
        """

    @abstractmethod
    def finish(self) -> Tokens:
        """What the connection holds from now on; lets go of everything else.

        Raises:
            ConnectorError: The sign-in is not done.
        """

    def abandon(self, tokens: Tokens) -> None:  # noqa: B027 - for subclasses
        """End at the provider what `finish` gave, since it is not kept; after `close`, too.

        For providers that list a session which nobody has. Does what it can, and raises no
        `ConnectorError`.

        Args:
            tokens: As `finish` gave them, or as the provider's client has changed them since.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; a sign-in that is not done leaves nothing behind."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
