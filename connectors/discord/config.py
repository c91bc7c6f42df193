"""The configuration: each field with its default and its meaning."""

from __future__ import annotations

from pydantic import Field

from connectors.sdk.provider import ProviderConfig


class DiscordConfig(ProviderConfig):
    """Settings of `[providers.discord]`."""

    page_size: int = Field(
        200,
        ge=1,
        le=200,
        description="Servers asked for by one request. Nobody can join more than 200, so that the "
        "default takes one request for all.",
    )
    agent_url: str = Field(
        "http://127.0.0.1:5021",
        # It stands between brackets, before a comma, in a header.
        pattern=r"^https?://[^\s(),;]+$",
        description="Where this server or who runs it is found; each request tells Discord.",
    )
