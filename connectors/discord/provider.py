"""Discord: signing in, whose account it is, and how it wants to be called.

https://docs.discord.com/developers/topics/oauth2 (read 2026-11-24)
https://discord.com/.well-known/oauth-authorization-server: PKCE by S256, and HTTP Basic (read
2026-11-24)
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.discord import client, errors
from connectors.discord.config import DiscordConfig
from connectors.discord.fields import default_avatar, number_of, picture, snowflake
from connectors.discord.following import JoinedServers
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider
from connectors.sdk.records import Account

#: Of this connector, for the `User-Agent`.
_VERSION = "1.0"


class Discord(Provider):
    """A Discord account."""

    id = "discord"
    label = "Discord"
    url = "https://discord.com"
    oauth = OAuth2(
        authorize_url="https://discord.com/oauth2/authorize",
        token_url="https://discord.com/api/oauth2/token",  # noqa: S106 - an address
        # Whose account it is, without the address of mail. A refresh token always comes along.
        scopes=("identify",),
        client_auth="basic",
        blueprint="discord",
    )
    config_class = DiscordConfig
    handlers = (JoinedServers,)
    config: DiscordConfig

    def headers(self) -> Mapping[str, str]:
        """The `User-Agent` of the form that Discord demands; it may block others.

        https://docs.discord.com/developers/reference#user-agent (read 2026-11-24)
        """
        return {"User-Agent": f"DiscordBot ({self.config.agent_url}, {_VERSION})"}

    def account(self, api: Api) -> Account:
        """The account, by its id; names may change."""
        me = client.me(api)
        key, name = me["id"], me["username"]
        if snowflake(key) is None:
            raise TransientError("Discord did not tell whose account this is")
        number = number_of(me.get("discriminator"))
        avatar = picture("avatars", key, me.get("avatar")) or default_avatar(key, number)
        profile = {
            "name": me.get("global_name") or name,
            "readableId": f"{name}#{number:04}" if number else name,
            "avatar": {"uri": avatar},
        }
        return Account(key, profile)

    def wait_after(self, headers: Mapping[str, str]) -> float:
        """See `connectors.discord.errors`."""
        return errors.wait_after(headers)

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """See `connectors.discord.errors`."""
        return errors.classify(status, headers, body)
