"""Google: signing in, and whose account it is.

https://developers.google.com/identity/protocols/oauth2/web-server
https://developers.google.com/identity/openid-connect/reference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google.calendar import CalendarEvents
from connectors.google.config import GoogleConfig
from connectors.google.drive import DriveDocuments
from connectors.google.errors import classify
from connectors.google.gmail import Gmail
from connectors.google.youtube_favourite import YouTubeFavourite
from connectors.google.youtube_following import YouTubeFollowing
from connectors.google.youtube_post import YouTubePost
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider
from connectors.sdk.quota import Quota
from connectors.sdk.records import Account

_USERINFO = "https://openidconnect.googleapis.com/v1/userinfo"
#: OpenID Connect's claims, by the profile's names.
_CLAIMS = {
    "name": "name",
    "givenName": "given_name",
    "familyName": "family_name",
    "email": "email",
    "emailVerified": "email_verified",
    "readableId": "email",
    "locale": "locale",
    "domain": "hd",
}


class Google(Provider):
    """A Google account."""

    id = "google"
    label = "Google"
    url = "https://google.com"
    oauth = OAuth2(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        # The long forms of `email` and `profile`: Google names these in what it grants.
        scopes=(
            "openid",
            "https://www.googleapis.com/auth/userinfo.email",
            "https://www.googleapis.com/auth/userinfo.profile",
        ),
        authorize_params={"access_type": "offline"},
        # A refresh token comes with the first consent only.
        consent_params={"prompt": "consent"},
        pkce=True,
        blueprint="google",
    )
    config_class = GoogleConfig
    handlers = (
        Gmail,
        CalendarEvents,
        DriveDocuments,
        YouTubeFollowing,
        YouTubeFavourite,
        YouTubePost,
    )
    config: GoogleConfig

    def quota(self, service: str = "") -> Quota | None:
        """See `GoogleConfig.budget`."""
        return self.config.budget(service)

    def account(self, api: Api) -> Account:
        """The account, by its OpenID Connect claims; `sub` never changes, addresses may."""
        claims: Mapping[str, Any] = api.json(_USERINFO, needs=("sub",))
        if not isinstance(claims, dict) or not claims.get("sub"):
            raise TransientError("Google did not tell whose account this is")
        profile = {key: claims[claim] for key, claim in _CLAIMS.items() if claims.get(claim)}
        if claims.get("picture"):
            profile["avatar"] = {"uri": claims["picture"]}
        return Account(str(claims["sub"]), profile)

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """See `connectors.google.errors`."""
        return classify(status, headers, body)
