"""Facebook: signing in, and whose account it is.

Read on 2026-11-24:
https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow
https://developers.facebook.com/documentation/facebook-login/guides/access-tokens/get-long-lived
https://developers.facebook.com/docs/graph-api/guides/secure-requests
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from connectors.facebook.config import VERSION, FacebookConfig
from connectors.facebook.errors import classify
from connectors.facebook.fields import text
from connectors.facebook.following import LikedPages
from connectors.facebook.post import Posts
from connectors.facebook.usage import wait_after
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.http import Api
from connectors.sdk.oauth import LongLived, OAuth2
from connectors.sdk.provider import Provider
from connectors.sdk.records import Account

#: The profile's names, by the API's.
_PROFILE = {"name": "name", "givenName": "first_name", "familyName": "last_name"}


class Facebook(Provider):
    """A Facebook account."""

    id = "facebook"
    label = "Facebook"
    url = "https://facebook.com"
    oauth = OAuth2(
        # Should the version end, Facebook answers by the oldest one left.
        authorize_url=f"https://www.facebook.com/{VERSION}/dialog/oauth",
        token_url=f"https://graph.facebook.com/{VERSION}/oauth/access_token",
        scopes=("public_profile",),
        # Permissions that were declined before are asked for again.
        authorize_params={"auth_type": "rerequest"},
        # For this flow it is "still in testing".
        pkce=False,
        blueprint="facebook",
        scope_separator=",",
        # Documented as GET, which puts the app's secret and the token into an address. Others send
        # it as a form too: https://github.com/nov/fb_graph2/blob/master/lib/fb_graph2/auth.rb
        long_lived=LongLived("fb_exchange_token", "fb_exchange_token"),
    )
    config_class = FacebookConfig
    handlers = (LikedPages, Posts)
    config: FacebookConfig

    def account(self, api: Api) -> Account:
        """The account, by the id that it has for this app; it differs between apps."""
        url = f"https://graph.facebook.com/{self.config.api_version}/me"
        fields = "id,name,first_name,last_name,picture{url}"
        found: Any = api.json(url, params={"fields": fields}, needs=("id",))
        ident = text(found.get("id"))
        if ident is None:
            raise TransientError("Facebook did not tell whose account this is")
        profile = {key: found[name] for key, name in _PROFILE.items() if text(found.get(name))}
        picture = found.get("picture")
        data = picture.get("data") if isinstance(picture, dict) else None
        if isinstance(data, dict) and text(data.get("url")):
            profile["avatar"] = {"uri": data["url"]}
        return Account(ident, profile)

    def sign(self, token: str) -> Mapping[str, str]:
        """The proof that whoever has the token has the app's secret too."""
        secret = self.config.client_secret.get_secret_value()
        if not secret:
            return {}
        proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        return {"appsecret_proof": proof}

    def wait_after(self, headers: Mapping[str, str]) -> float:
        """See `connectors.facebook.usage`."""
        return wait_after(headers)

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """See `connectors.facebook.errors`."""
        return classify(status, headers, body)
