"""Which checks a handler is held to: all but those that ask for what it declares not to have.

A check names what it asks for with `needs`; a test of it is collected for the handlers alone that
declare so, and every other check for every handler. Nothing is told by names or by trying.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from connectors.sdk import registry
from connectors.sdk.handler import Handler
from sandbox.holding import Holding
from sandbox.options import SandboxOptions
from sandbox.side import Side
from sandbox.world import World

if TYPE_CHECKING:
    from tests.contract.conftest import Make

#: What `needs` hands back as it came.
Check = Callable[["Make"], None]


@dataclass(frozen=True)
class Subject:
    """A handler, with what it and its side at the sandbox declare.

    Args:
        provider: The provider's id.
        handler: Its class.
        holding: What its side says of its items.
    """

    provider: str
    handler: type[Handler]
    holding: Holding

    @property
    def name(self) -> str:
        """How tests are told apart, such as `example/posts`."""
        return f"{self.provider}/{self.handler.id}"


Fact = Callable[[Subject], Any]
_NEEDS: dict[Check, Fact] = {}


def needs(fact: Fact) -> Callable[[Check], Check]:
    """Mark a check as one for those handlers alone of which a fact is declared."""

    def note(check: Check) -> Check:
        _NEEDS[check] = fact
        return check

    return note


def applies(check: Check, subject: Subject) -> bool:
    """Whether a handler is held to a check."""
    fact = _NEEDS.get(check)
    return fact is None or bool(fact(subject))


def noise(subject: Subject) -> bool:
    """Its lists hold items that it leaves out."""
    return subject.holding.has_noise


def feed(subject: Subject) -> bool:
    """Its provider has a change feed or page tokens that can be lost."""
    return subject.holding.has_feed


def refreshed(subject: Subject) -> bool:
    """Its provider gives refresh tokens."""
    return refreshes(subject.provider)


def refreshes(provider: str) -> bool:
    """Whether a provider gives refresh tokens, by OAuth."""
    oauth = registry.provider_class(provider).oauth
    return oauth is not None and oauth.long_lived is None


def scopes(subject: Subject) -> frozenset[str]:
    """It needs permissions that a person can refuse."""
    return subject.handler.scopes


def options(subject: Subject) -> tuple[Any, ...]:
    """It has options."""
    return subject.handler.options


def sizes(subject: Subject) -> tuple[str, ...]:
    """Its configuration sizes its requests."""
    return subject.handler.sizes


def made_side(provider: str) -> Side:
    """A provider's side with a small account, served to nobody."""
    return World(SandboxOptions(messages=1, items=1)).sides[provider]


@cache
def side(provider: str) -> Side:
    """The same, made once: to be asked what it declares, not to be changed."""
    return made_side(provider)


def subjects(provider: str | None = None, handler: str | None = None) -> Iterator[Subject]:
    """Every handler of every provider.

    Args:
        provider: This provider's alone.
        handler: This one alone.

    Raises:
        KeyError: A provider has no side at the sandbox, or its side no holding for a handler.
    """
    for name in registry.provider_ids():
        if provider in (None, name):
            for made in registry.provider_class(name).handlers:
                if handler in (None, made.id):
                    yield Subject(name, made, side(name).holdings(0)[made.id])
