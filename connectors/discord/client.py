"""Calls of Discord's API that we make. A version is named: without one Discord takes its sixth.

https://docs.discord.com/developers/reference#api-versioning (read 2026-11-24)
https://docs.discord.com/developers/resources/user (read 2026-11-24)
"""

from __future__ import annotations

from typing import Any

from connectors.sdk.errors import TransientError
from connectors.sdk.http import Api
from connectors.sdk.records import Json

_API = "https://discord.com/api/v10"


def me(api: Api) -> Json:
    """`GET /users/@me`: whose account it is."""
    answer: Json = api.json(f"{_API}/users/@me", needs=("id", "username"))
    return answer


def guilds(api: Api, *, after: str | None, limit: int) -> list[Json]:
    """`GET /users/@me/guilds`: the servers with ids above `after`, the lowest first.

    Discord tells neither how many there are nor that a list is short because a part of it could
    not be had. An empty answer would mean that the person has left all servers: it is asked for
    once more before it is believed.

    Args:
        api: Calls Discord for one account.
        after: An id; None for the list's beginning.
        limit: Most servers to tell of.

    Raises:
        TransientError: What came is no list of servers.
    """
    params = {"limit": limit, **({"after": after} if after is not None else {})}
    url = f"{_API}/users/@me/guilds"
    answer: Any = api.json(url, params=params)
    if not _is_list(answer) or not answer:
        answer = api.json(url, params=params)
    if not _is_list(answer):
        raise TransientError("Discord's answer is none to what was asked")
    found: list[Json] = answer
    return found


def _is_list(answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(item, dict) for item in answer)
