"""The servers of one account, and every change to them; the suite looks at them here.

Ids tell when a server was made, and the list is ordered by them: a server that the person joins
turns up anywhere in it.

https://docs.discord.com/developers/resources/user#get-current-user-guilds
https://docs.discord.com/developers/reference#snowflakes
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.holding import Oddity
from sandbox.oddities import Oddities
from sandbox.world import World

_EPOCH_MS = 1_420_070_400_000
_DAY_MS = 86_400_000
#: Servers are up to so old, in days.
_AGE = 3000
_WORDS = ("Amber", "Basalt", "Cobalt", "Dune", "Ember", "Fjord", "Glade", "Hollow")
_KINDS = ("Gardeners", "Chess Club", "Study Hall", "Speedrunners", "Book Circle", "Makers")
_FEATURES = ("COMMUNITY", "NEWS", "ANIMATED_ICON", "INVITE_SPLASH", "DISCOVERABLE")
#: Servers that one answer has at most.
MOST = 200


@dataclass(slots=True)
class Guild:
    """A server.

    Args:
        name: What it is called.
        icon: Hash of its picture.
        banner: Hash of its banner.
        owner: Whether the person owns it.
        permissions: Of the person, as a bit set.
        features: What it can do.
        members: About how many it has.
    """

    name: str
    icon: str | None
    banner: str | None
    owner: bool
    permissions: int
    features: list[str]
    members: int


class Guilds:
    """What one account has joined, and the `Holding` of the handler `following`.

    Args:
        world: The sandbox's state.
        account: Number of the account.
    """

    path = "/users/@me/guilds$"
    tells_edits = True
    has_noise = False
    has_feed = False

    def __init__(self, world: World, account: int) -> None:
        options = world.options
        self._oddities = Oddities(optional="icon", essential="name", remember=options.remember_sent)
        # Requests come on threads of their own.
        self._lock = threading.RLock()
        self._rng = random.Random(f"discord/{options.seed}/{account}")
        self._newest = int(world.newest * 1000)
        self._turn = itertools.count(1)
        self._guilds: dict[int, Guild] = {}
        #: Servers that the next answers leave out, as an outage may do, each so many times.
        self._unavailable: dict[int, int] = {}
        self.size = MOST
        for _ in range(options.items):
            self._join()

    # What the API reads

    def page(
        self, *, after: int | None, before: int | None, limit: int, counts: bool
    ) -> list[dict[str, Any]]:
        """The servers between two ids, the lowest first.

        With `before` alone these are the lowest of all, and not those next to it, as Discord
        answers by https://github.com/discord/discord-api-docs/issues/625.
        """
        with self._lock:
            self.size = limit
            shown = [
                key
                for key in sorted(self._guilds)
                if (after is None or key > after) and (before is None or key < before)
            ]
            shown = [key for key in shown if not self._left_out(key)]
            return [self._json(key, counts=counts) for key in shown[:limit]]

    # What the suite looks at and changes: see `sandbox.holding.Holding`

    def expected(self, options: Mapping[str, str]) -> list[str]:  # noqa: ARG002 - there are none
        """All servers, in the list's order."""
        with self._lock:
            return [str(key) for key in sorted(self._guilds)]

    def add(self, count: int = 1) -> list[str]:
        """Join so many servers, old ones and new ones."""
        with self._lock:
            return [str(self._join()) for _ in range(count)]

    def edit(self, source_id: str) -> None:
        """Give a server another name."""
        with self._lock:
            guild = self._guilds[int(source_id)]
            guild.name = f"{guild.name.partition(' (')[0]} ({next(self._turn)})"

    def remove(self, source_id: str) -> None:
        """Leave a server."""
        with self._lock:
            del self._guilds[int(source_id)]

    def clear(self) -> None:
        """Leave all servers."""
        with self._lock:
            self._guilds.clear()

    def add_noise(self, count: int) -> None:
        """The handler leaves no server out (`has_noise`)."""
        raise ValueError(f"the handler leaves no server out; {count} were asked for")

    def lose_feed(self) -> None:
        """There is no feed, and pages are asked for by ids, which are never lost (`has_feed`)."""
        raise ValueError("there is neither a change feed nor a page token")

    def spoil(self, source_id: str, oddity: Oddity | None) -> None:
        """See `Oddities`."""
        self._oddities.spoil(source_id, oddity)

    def sent(self, source_id: str) -> Any:
        """The server as last sent."""
        return self._oddities.sent(source_id)

    def reflects(self, record: Mapping[str, Any]) -> bool:
        """Whether a record has the server's name."""
        with self._lock:
            guild = self._guilds.get(int(record["sourceId"]))
            return guild is not None and bool(record["name"] == guild.name)

    def idle_requests(self) -> int:
        """All pages, of the size last asked for; an empty last one is asked for twice."""
        with self._lock:
            full, rest = divmod(len(self._guilds), self.size)
            return full + (1 if rest else 2)

    # Besides

    def fall_out(self, source_id: str, times: int) -> None:
        """Let a server be missing from so many of the next answers that would show it."""
        with self._lock:
            self._unavailable[int(source_id)] = times

    def names(self) -> list[str]:
        """What the servers are called."""
        with self._lock:
            return [guild.name for guild in self._guilds.values()]

    # Within

    def _left_out(self, key: int) -> bool:
        left = self._unavailable.get(key, 0)
        if left:
            self._unavailable[key] = left - 1
        return left > 0

    def _join(self) -> int:
        rng = self._rng
        made = self._newest - rng.randrange(_AGE * _DAY_MS)
        key = (made - _EPOCH_MS) << 22 | rng.randrange(1 << 22)
        word, kind = rng.choice(_WORDS), rng.choice(_KINDS)
        owner = rng.random() < 0.1
        self._guilds[key] = Guild(
            name=f"{word} {kind} {rng.randrange(1 << 32):08x}",
            icon=self._hash() if rng.random() < 0.8 else None,
            banner=self._hash() if rng.random() < 0.2 else None,
            owner=owner,
            permissions=rng.randrange(1 << 49),
            features=rng.sample(_FEATURES, rng.randrange(len(_FEATURES))),
            members=rng.randrange(2, 100_000),
        )
        return key

    def _hash(self) -> str:
        moving = "a_" if self._rng.random() < 0.2 else ""
        return f"{moving}{self._rng.randrange(1 << 128):032x}"

    def _json(self, key: int, *, counts: bool) -> dict[str, Any]:
        guild = self._guilds[key]
        shown: dict[str, Any] = {
            "id": str(key),
            "name": guild.name,
            "icon": guild.icon,
            "banner": guild.banner,
            "owner": guild.owner,
            "permissions": str(guild.permissions),
            "features": list(guild.features),
        }
        if counts:
            shown["approximate_member_count"] = guild.members
            shown["approximate_presence_count"] = guild.members // 3
        return self._oddities.send(str(key), shown)
