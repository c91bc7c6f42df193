"""Telegram: signing in, and whose account it is.

https://core.telegram.org/tdlib/getting-started#user-authorization
https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1get_me.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sdk.errors import ConnectorError
from connectors.sdk.http import Api, Transport, classify_by_status
from connectors.sdk.provider import Provider
from connectors.sdk.records import Account
from connectors.sdk.signin import SignIn
from connectors.telegram import calls
from connectors.telegram.chat_message import ChatMessages
from connectors.telegram.client import signed_in
from connectors.telegram.config import TelegramConfig
from connectors.telegram.people import of_user
from connectors.telegram.signing_in import TelegramSignIn


class Telegram(Provider):
    """A Telegram account."""

    id = "telegram"
    label = "Telegram"
    url = "https://telegram.org"
    config_class = TelegramConfig
    handlers = (ChatMessages,)
    config: TelegramConfig

    def sign_in(self, transport: Transport) -> SignIn:
        """See `connectors.telegram.signing_in`."""
        return TelegramSignIn(self.config, transport, self.classify)

    def account(self, api: Api) -> Account:
        """The account by its number, which never changes; names and phone number may."""
        with signed_in(self.config, api, self.classify) as client:
            user = client.ask(calls.get_me(), "user")
        sender = of_user(user)
        profile: dict[str, Any] = {}
        if sender.name:
            profile["name"] = sender.name
        if readable := sender.handle or _number(user):
            profile["readableId"] = readable
        return Account(sender.id, profile)

    def classify(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ConnectorError | None:
        """By the status alone: TDLib's own errors come as answers, see `connectors.telegram.errors`."""
        return classify_by_status(status, headers, body)


def _number(user: Mapping[str, Any]) -> str | None:
    digits = user.get("phone_number")
    return f"+{digits}" if isinstance(digits, str) and digits else None
