"""X: signing in, and whose account it is.

https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider
from connectors.sdk.quota import Quota
from connectors.sdk.records import Account
from connectors.twitter.config import TwitterConfig
from connectors.twitter.errors import classify
from connectors.twitter.fields import dictionary, text
from connectors.twitter.following import TwitterFollowing
from connectors.twitter.post import TwitterPost

_ME = "https://api.x.com/2/users/me"


class Twitter(Provider):
    """An account at X."""

    id = "twitter"
    label = "X"
    url = "https://x.com"
    oauth = OAuth2(
        authorize_url="https://x.com/i/oauth2/authorize",
        token_url="https://api.x.com/2/oauth2/token",  # noqa: S106 - an address
        # The profile needs both of these; without `offline.access` the access ends in two hours.
        scopes=("users.read", "tweet.read", "offline.access"),
        pkce=True,
        client_auth="basic",
        # A refresh token is used once. X's pages name no error for a spent one; it is reported to
        # be `invalid_request` ("Value passed for the token was invalid.").
        ended=frozenset({"invalid_grant", "invalid_request"}),
    )
    config_class = TwitterConfig
    handlers = (TwitterFollowing, TwitterPost)
    config: TwitterConfig

    def quota(self, service: str = "") -> Quota | None:
        """See `TwitterConfig.budget`."""
        return self.config.budget(service)

    def account(self, api: Api) -> Account:
        """The account by its number, which never changes; the name with the @ may."""
        params = {"user.fields": "profile_image_url"}
        answer: Any = api.json(_ME, params=params, needs=("data",))
        user = dictionary(answer["data"])
        if not text(user.get("id")):
            raise TransientError("X did not tell whose account this is")
        profile: dict[str, Any] = {}
        if name := text(user.get("name")):
            profile["name"] = name
        if username := text(user.get("username")):
            profile["readableId"] = f"@{username}"
        if picture := text(user.get("profile_image_url")):
            profile["avatar"] = {"uri": picture}
        return Account(user["id"], profile)

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """See `connectors.twitter.errors`."""
        return classify(status, headers, body, self.config.monthly_posts)
