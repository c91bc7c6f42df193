"""What was connected last, for whoever waits for it. Tokens do not tell: workers renew them."""

from __future__ import annotations

import uuid

import redis

from worker import keys

#: How long it is known, in seconds.
_SECONDS = 86_400


def note(client: redis.Redis, person_id: str, provider_id: str, connection_id: str) -> None:
    """Note that a connection was made or renewed."""
    value = f"{uuid.uuid4().hex} {connection_id}"
    client.set(keys.connected(person_id, provider_id), value, ex=_SECONDS)


def last(client: redis.Redis, person_id: str, provider_id: str) -> tuple[str, str] | None:
    """The connection that was made or renewed last at a provider, within a day.

    Returns:
        A mark, another one each time, and the connection's id; None when there was none.
    """
    held = client.get(keys.connected(person_id, provider_id))
    if not isinstance(held, bytes):
        return None
    mark, _, identity = held.decode().partition(" ")
    return mark, identity
