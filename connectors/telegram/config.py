"""Telegram's configuration.

https://core.telegram.org/api/obtaining_api_id
"""

from __future__ import annotations

import zlib

from pydantic import Field, SecretStr

from connectors.sdk.errors import ConfigurationError
from connectors.sdk.provider import ProviderConfig


class TelegramConfig(ProviderConfig):
    """Settings of `[providers.telegram]`."""

    client_id: str = Field(
        "", description="The application's api_id, a number, of https://my.telegram.org."
    )
    client_secret: SecretStr = Field(SecretStr(""), description="The application's api_hash.")
    base_url: str | None = Field(
        None,
        description="Where TDLib's JSON interface is spoken over HTTP, as the sandbox does; without "
        "it TDLib itself runs in this process.",
    )
    page_size: int = Field(
        100, ge=1, le=100, description="Messages asked for by one request; TDLib may give fewer."
    )
    verify_pages: int = Field(
        50,
        ge=0,
        description="Pages of messages that a sync reads again, at most, to find those that were "
        "edited or deleted; the next sync goes on where this one ended.",
    )
    test_dc: bool = Field(
        False,
        description="Whether to use Telegram's test servers, which have accounts of their own.",
    )

    @property
    def api_id(self) -> int:
        """The application's number.

        Raises:
            ConfigurationError: It is missing, or no number.
        """
        if (
            self.client_id.isascii()
            and self.client_id.isdecimal()
            and 0 < int(self.client_id) < 2**31
        ):
            return int(self.client_id)
        if self.client_id and self.base_url:
            # What plays Telegram there may know applications by other names than numbers.
            return zlib.crc32(self.client_id.encode()) % (2**31 - 1) + 1
        raise ConfigurationError(
            "set providers.telegram.client_id and client_secret to the api_id (a number) and "
            "api_hash of https://my.telegram.org"
        )
