"""One provider as the sandbox plays it: `sandbox/<provider>/side.py` has a subclass of `Side`."""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from flask import Blueprint

    from sandbox.faults import Fault
    from sandbox.holding import Holding
    from sandbox.options import SandboxOptions
    from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in the provider's own form.

    Args:
        status: HTTP status.
        body: The answer's body.
        headers: Further HTTP headers.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Side(ABC):
    """A provider's side.

    Args:
        world: The sandbox's state.
    """

    #: The provider's id.
    id: ClassVar[str]
    #: What all its paths begin with at the sandbox, so that two providers' paths never meet.
    prefix: ClassVar[str] = ""
    #: Names of the query parameters that carry a list's page token.
    page_parameters: ClassVar[frozenset[str]] = frozenset()
    #: Every scope that it can grant.
    scopes: ClassVar[tuple[str, ...]]

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def blueprints(self) -> Iterable[Blueprint]:
        """Its routes."""

    @abstractmethod
    def account_id(self, account: int) -> str:
        """The id by which the provider tells of an account, by its number at the sandbox."""

    @abstractmethod
    def holdings(self, account: int) -> Mapping[str, Holding]:
        """What an account holds, by the handler's id."""

    @classmethod
    def client(cls, options: SandboxOptions) -> tuple[str, str]:
        """Id and secret of the application that it knows; a provider may want them of a form.

        Args:
            options: How the sandbox is set up.
        """
        return options.client_id, options.client_secret

    def scan(self, account: int) -> bool:
        """Let the account's phone scan the code that is shown last; whether there was one.

        Args:
            account: Its number at the sandbox.

        Raises:
            ValueError: Nobody signs in by a code at this provider.
        """
        raise ValueError(f"there is nothing to scan at {self.id} with the phone of {account}")

    def tokens(self, minted: Mapping[str, Any]) -> dict[str, Any]:
        """What a connection holds of minted tokens, for providers that keep it in another form.

        Args:
            minted: As `sandbox.tokens.TokenStore.mint` gives them.
        """
        return dict(minted)

    def serving(self, account: int, path: str) -> list[Holding]:
        """Those of an account's holdings whose items requests of this path serve."""
        return [h for h in self.holdings(account).values() if re.search(h.path, path)]

    def canaries(self) -> list[str]:
        """Words that only a person's items hold: they must not turn up where nothing secret may."""
        return []

    @abstractmethod
    def error(self, fault: Fault) -> Refusal:
        """A fault (one of `sandbox.faults.ERROR_KINDS`) in the provider's own form."""


def side_classes() -> dict[str, type[Side]]:
    """The class of every provider's side, by id: each folder of the sandbox has one in `side.py`."""
    found: dict[str, type[Side]] = {}
    for path in sorted(Path(__file__).parent.glob("*/side.py")):
        module = importlib.import_module(f"sandbox.{path.parent.name}.side")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Side)
                and value.__module__ == module.__name__
            ):
                found[value.id] = value
    return found


def sides(world: World) -> dict[str, Side]:
    """Every provider's side, by id."""
    return {name: kind(world) for name, kind in side_classes().items()}


def retry_after(fault: Fault, now: float) -> tuple[tuple[str, str], ...]:
    """The `Retry-After` header of a fault that names a wait (RFC 9110, 10.2.3); else none.

    Args:
        fault: Of the kind `429-date` it gives a date, else seconds.
        now: Unix time in seconds.
    """
    if fault.kind == "429-date":
        # Dates count whole seconds: one more, so that it is never in the past.
        return (("Retry-After", formatdate(now + (fault.retry_after or 1) + 1, usegmt=True)),)
    if fault.kind == "429-seconds" or (fault.kind == "429" and fault.retry_after is not None):
        return (("Retry-After", str(int(fault.retry_after or 1))),)
    return ()
