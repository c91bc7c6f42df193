"""The servers (Discord calls them guilds) that the person has joined.

Discord tells of no changes, so the list is read whole each time: as nobody can join more than 200
servers and one answer has up to 200, that is one request. It is ordered by id, which says nothing
of when the person joined. Names, pictures and permissions that changed are seen by that. A server
that is not listed any more is looked for once more, by a second reading, before it is marked
deleted.

https://docs.discord.com/developers/resources/user#get-current-user-guilds (read 2026-11-24)
Order and paging: https://github.com/discord/discord-api-docs/issues/625
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from connectors.discord.client import guilds
from connectors.discord.config import DiscordConfig
from connectors.discord.fields import made_at, picture, snowflake
from connectors.sdk.errors import TransientError
from connectors.sdk.lists.handler import ListedHandler
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Record
from connectors.sdk.schemas.following import Following

#: Servers that one answer has at most.
_MOST = 200


class JoinedServers(ListedHandler):
    """The servers that the person is in."""

    id = "following"
    label = "Joined Servers"
    schema = Following
    scopes = frozenset({"guilds"})
    sizes = ("page_size",)
    frequency = "6hour"

    most_ids = _MOST

    def page(self, token: str | None, notes: dict[str, str]) -> Page:  # noqa: ARG002 - needs none
        """A page of the list; its token is the highest id of the page before."""
        size = cast(DiscordConfig, self.context.provider.config).page_size
        return self._read(token, size)

    def id_of(self, item: Json) -> str | None:
        """The server's id."""
        found = item.get("id")
        return str(found) if snowflake(found) is not None else None

    def record(self, source: Json) -> Record:
        """Map a server. When the person joined is not told, so `followedTimestamp` stays out."""
        made, key, name = made_at(source["id"]), source["id"], source["name"]
        if not isinstance(name, str):
            raise TypeError("a server's name is text")
        return self.build(
            id=key,
            name=name or key,
            inserted_at=made,
            source=source,
            uri=f"https://discord.com/channels/{key}",
            icon=picture("icons", key, source.get("icon")),
        )

    def same(self, old: Record, new: Record) -> bool:
        """Whether nothing changed; the features of a server are a set, in any order."""
        return _in_order(old) == _in_order(new)

    def still_there(self, ids: Sequence[str]) -> set[str]:
        """Those of the servers that a second reading of their part of the list has.

        Discord cannot be asked for one server without being a bot in it.
        """
        wanted = {number: key for key in ids if (number := snowflake(key)) is not None}
        found: set[str] = set()
        place = str(max(0, min(wanted) - 1)) if wanted else None
        while place is not None and int(place) < max(wanted):
            page = self._read(place, _MOST)
            found |= {key for item in page.items if (key := self.id_of(item))}
            place = page.next
        return found.intersection(ids)

    def _read(self, after: str | None, size: int) -> Page:
        """The servers after an id. A page that is not full is the last one."""
        items = guilds(self.api, after=after, limit=size)
        if len(items) < size:
            return Page(items)
        known = [number for item in items if (number := snowflake(item.get("id"))) is not None]
        if not known or max(known) <= int(after or -1):
            raise TransientError("Discord's list of servers does not go on")
        return Page(items, next=str(max(known)))


def _in_order(record: Record) -> dict[str, Any]:
    source = record["sourceData"]
    features = source.get("features")
    if not isinstance(features, list):
        return record
    return {**record, "sourceData": {**source, "features": sorted(features, key=str)}}
