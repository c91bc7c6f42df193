"""Reading single fields of Discord's objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.sdk.records import iso

_CDN = "https://cdn.discordapp.com"
#: From here on ids count milliseconds, in all their bits but the lowest 22.
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_TIME_BITS = 22
#: Bits of an id.
_BITS = 64


def snowflake(value: Any) -> int | None:
    """The number of an id, which is sent as text; None for what is none.

    https://docs.discord.com/developers/reference#snowflakes (read 2026-11-24)
    """
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        return None
    number = int(value) if len(value) <= len(str(2**_BITS)) else 2**_BITS
    return number if number < 2**_BITS else None


def made_at(value: Any) -> str:
    """When the thing was made that has this id: its id tells.

    Raises:
        ValueError: It is no id.
    """
    number = snowflake(value)
    if number is None:
        raise ValueError("not an id of Discord")
    return iso(_EPOCH + timedelta(milliseconds=number >> _TIME_BITS))


def picture(folder: str, owner: str, name: Any) -> str | None:
    """The address of a picture, which needs no sign-in and does not expire; None without one.

    Args:
        folder: What kind it is, such as `icons`.
        owner: Id of what it belongs to.
        name: Its hash. One of a moving picture begins with `a_`, and can be had still as well.

    https://docs.discord.com/developers/reference#image-formatting (read 2026-11-24)
    """
    if not isinstance(name, str) or not name:
        return None
    return f"{_CDN}/{folder}/{owner}/{quote(name, safe='')}.png"


def number_of(discriminator: Any) -> int:
    """The number after a name; 0 where the name alone is unique, as most are by now."""
    return snowflake(discriminator) or 0


def default_avatar(user: str, number: int) -> str:
    """The avatar of someone who has chosen none.

    Args:
        user: The person's id.
        number: See `number_of`.
    """
    index = number % 5 if number else ((snowflake(user) or 0) >> _TIME_BITS) % 6
    return f"{_CDN}/embed/avatars/{index}.png"
