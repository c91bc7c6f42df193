"""The names of everything kept in Redis, in one place.

None holds a token or a person's content: ids, positions and counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

DUE = "dcs:due"
DUE_BUILT = "dcs:due:built"
DUE_BUILDING = "dcs:due:building"
RUNS = "dcs:runs"
FORCED = "dcs:forced"
HEARTBEATS = "dcs:heartbeats"
METRICS = "dcs:metrics"


@dataclass(frozen=True, slots=True)
class Job:
    """One handler of one connection of one person: what is leased, scheduled and run.

    Args:
        person: Id of the vault's owner.
        connection: Such as `example:1234`.
        handler: Such as `gmail`.
    """

    person: str
    connection: str
    handler: str

    @property
    def member(self) -> str:
        """The job as one string; no part can hold the separator."""
        return f"{self.person}|{self.connection}|{self.handler}"

    @classmethod
    def of(cls, member: str | bytes) -> Self:
        """The job that `member` names."""
        text = member.decode() if isinstance(member, bytes) else member
        person, connection, handler = text.split("|")
        return cls(person, connection, handler)

    @property
    def provider(self) -> str:
        """The provider's id, which the connection's begins with."""
        return self.connection.partition(":")[0]

    def lease(self) -> str:
        """Key of the lease: `fence:owner`, with a time to live."""
        return f"dcs:lease:{self.member}"

    def fence(self) -> str:
        """Key of the last fence number given out."""
        return f"dcs:fence:{self.member}"

    def checkpoint(self) -> str:
        """Key of the checkpoint."""
        return f"dcs:checkpoint:{self.member}"

    def again(self) -> str:
        """Key that is set while a sync has been asked for that no slice has begun yet; says how."""
        return f"dcs:again:{self.member}"

    def tickets(self) -> str:
        """Key of the numbers of the run's messages: the last one sent, the last one answered."""
        return f"dcs:tickets:{self.member}"

    def unwritten(self) -> str:
        """Key that is set after a slice ended and could not write so into its vault."""
        return f"dcs:unwritten:{self.member}"

    def cancel(self) -> str:
        """Key that holds the id of a run that is to stop at its next batch."""
        return f"dcs:cancel:{self.member}"


def budget(person: str, connection: str, service: str) -> str:
    """Key of the units spent in the running window, at one service of the provider."""
    return f"dcs:budget:{person}|{connection}|{service}"


def learned(person: str, connection: str, service: str) -> str:
    """Key of the units that a window is believed to hold after refusals."""
    return f"dcs:learned:{person}|{connection}|{service}"


def daily(provider: str, service: str) -> str:
    """Key of the units that all accounts have spent in a day; the date follows it."""
    return f"dcs:daily:{provider}|{service}"


def block(person: str, connection: str, service: str) -> str:
    """Key that, while it lives, lets nothing be spent at one service of the provider."""
    return f"dcs:block:{person}|{connection}|{service}"


def block_all(provider: str) -> str:
    """Key that, while it lives, lets no account spend anything at any service of the provider."""
    return f"dcs:block:{provider}"


def refresh(person: str, connection: str) -> str:
    """Key of the lock around a token refresh."""
    return f"dcs:refresh:{person}|{connection}"


def session(person: str, connection: str) -> str:
    """Key of the right to have the connection's session open, where it may be open once."""
    return f"dcs:session:{person}|{connection}"


def connected(person: str, provider: str) -> str:
    """Key of the connection that was made or renewed last; another value each time."""
    return f"dcs:connected:{person}|{provider}"


def progress(person: str) -> str:
    """Key of the hash of progress views, a field for each handler."""
    return f"dcs:progress:{person}"


def events(person: str) -> str:
    """Channel on which progress is published."""
    return f"dcs:events:{person}"
