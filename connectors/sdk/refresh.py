"""Exchanges a refresh token for a new access token (RFC 6749, 6), or a token for a longer-lived one.

Only `invalid_grant` says that the refresh token has ended (RFC 6749, 5.2), or what a provider has in
its place (`OAuth2.ended`); whatever else comes, the access may well be there again in a while, and
nobody is to be asked to connect again for it.

An answer that is lost may have used up a refresh token that rotates. What happens then is for the
provider: some let the old token pass for a grace, such as
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RefreshTokenRotationType.html
and the next try mends it; others refuse it as `invalid_grant`.

https://datatracker.ietf.org/doc/html/rfc6749#section-6
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from connectors.sdk.addresses import rebase
from connectors.sdk.errors import ConfigurationError, TokenExpiredError, TransientError
from connectors.sdk.http import Classify, Transport
from connectors.sdk.oauth import OAuth2, Tokens
from connectors.sdk.provider import ProviderConfig

_CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
# Well within `worker.lock_seconds`: past that, another worker would send the same refresh token.
_SECONDS = 60.0


def refresh_tokens(
    transport: Transport,
    oauth: OAuth2,
    config: ProviderConfig,
    tokens: Tokens,
    now: float,
    headers: Mapping[str, str] | None = None,
) -> Tokens:
    """New tokens; the old refresh token stays where the provider sends no other.

    Sent once: an answer that is lost may have used up a rotated refresh token, and a second try
    at once would hide that.

    Args:
        transport: Sends the request.
        oauth: Where to, as the provider states it.
        config: Client id, secret and base URL.
        tokens: The tokens to renew.
        now: Unix time in seconds that the new expiry counts from.
        headers: `Provider.headers`.

    Raises:
        TokenExpiredError: There is no refresh token, or it has ended.
        TransientError: The token endpoint cannot answer now, or not in a way that is understood.
        ConfigurationError: The client id or secret is wrong.
    """
    if tokens.refresh_token is None:
        raise TokenExpiredError("access has ended and cannot be renewed; connect the account again")
    asked = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    fresh = _ask(transport, oauth, config, asked, now, headers).keeping_refresh_token(tokens)
    # A scope that is left out is the one that was granted (RFC 6749, 5.1).
    return fresh if fresh.scopes else replace(fresh, scopes=tokens.scopes)


def prolong_tokens(
    transport: Transport,
    oauth: OAuth2,
    config: ProviderConfig,
    tokens: Tokens,
    now: float,
    headers: Mapping[str, str] | None = None,
    classify: Classify | None = None,
) -> Tokens:
    """The tokens that a code brought, exchanged for those that last (`OAuth2.long_lived`).

    As they are where the provider has no such exchange. Arguments and errors are those of
    `refresh_tokens`; a refusal in the provider's own form is what `classify` says of it.
    """
    if oauth.long_lived is None:
        return tokens
    asked = {
        "grant_type": oauth.long_lived.grant_type,
        oauth.long_lived.parameter: tokens.access_token,
    }
    fresh = _ask(transport, oauth, config, asked, now, headers, classify)
    return fresh if fresh.scopes else replace(fresh, scopes=tokens.scopes)


def _ask(
    transport: Transport,
    oauth: OAuth2,
    config: ProviderConfig,
    asked: Mapping[str, str],
    now: float,
    headers: Mapping[str, str] | None,
    classify: Classify | None = None,
) -> Tokens:
    """What the token endpoint gives for a form; raises as `refresh_tokens` does."""
    sent = {**(headers or {}), "Accept": "application/json"}
    client = {
        "client_id": config.client_id,
        "client_secret": config.client_secret.get_secret_value(),
    }
    if oauth.client_auth == "basic":
        sent["Authorization"] = _basic(**client)
        client = {}
    answer = transport.send(
        "POST",
        rebase(oauth.token_url, config.base_url),
        data={**asked, **client},
        headers=sent,
        seconds=_SECONDS,
    )
    if answer.status >= 500 or answer.status in (408, 429):
        raise TransientError(f"the token endpoint answered {answer.status}")
    body: Any = answer.json()
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str) and error in oauth.ended:
        raise TokenExpiredError("the provider has ended the access; connect the account again")
    if isinstance(error, str) and error in _CLIENT_ERRORS:
        raise ConfigurationError("the provider refuses the client id or secret; check them")
    if answer.status >= 400:
        told = classify(answer.status, answer.headers, answer.content) if classify else None
        raise told or TransientError(f"the token endpoint answered {answer.status}")
    try:
        return Tokens.from_json(body, now=now)
    except (ValueError, TypeError, AttributeError):
        # A refresh token that is no text, kept, would end the access at the next refresh.
        raise TransientError("the token endpoint's answer could not be read") from None


def _basic(client_id: str, client_secret: str) -> str:
    """The `Authorization` header of a client (RFC 6749, 2.3.1: each part form-encoded first)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
