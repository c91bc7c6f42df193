"""Names of those who write. TDLib tells of a user before it shows anything of theirs.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1user.html
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from connectors.telegram import calls
from connectors.telegram.calls import Json
from connectors.telegram.chats import Chats
from connectors.telegram.client import Client
from connectors.telegram.errors import NotFoundError, UnreadableError

DELETED = "Deleted account"
#: Names that are remembered.
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote a message.

    Args:
        id: Of the user, or of the chat that posts as itself.
        name: What people read.
        handle: With `@`; None without one.
    """

    id: str
    name: str | None
    handle: str | None = None


class People:
    """Looks up each sender once.

    Args:
        client: The client.
        chats: Those that it knows.
    """

    def __init__(self, client: Client, chats: Chats) -> None:
        self._client = client
        self._chats = chats
        self._known: OrderedDict[int, Sender] = OrderedDict()

    def sender(self, message: Json) -> Sender:
        """Who wrote a message.

        Raises:
            KeyError, TypeError: The message does not say so in any way that is known.
            ConnectorError: As `Client.ask`.
        """
        sender = message["sender_id"]
        if sender["@type"] == "messageSenderChat":
            chat = self._chats.get(sender["chat_id"])
            return Sender(str(sender["chat_id"]), chat.title or None if chat else None)
        return self._user(int(sender["user_id"]))

    def hear(self, update: Json) -> None:
        """Take an update; those of other things are let pass."""
        if update.get("@type") == "updateUser":
            self._remember(of_user(update["user"]))

    def _user(self, user_id: int) -> Sender:
        if found := self._known.get(user_id):
            self._known.move_to_end(user_id)
            return found
        try:
            found = of_user(self._client.ask(calls.get_user(user_id), "user"))
        except (NotFoundError, UnreadableError):
            found = Sender(str(user_id), None)
        self._remember(found)
        return found

    def _remember(self, sender: Sender) -> None:
        self._known[int(sender.id)] = sender
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def of_user(user: Json) -> Sender:
    """A user as a sender."""
    kind = (user.get("type") or {}).get("@type")
    name = f"{user.get('first_name') or ''} {user.get('last_name') or ''}".strip()
    if not name and kind == "userTypeDeleted":
        name = DELETED
    username = _username(user.get("usernames"))
    return Sender(str(user["id"]), name or None, f"@{username}" if username else None)


def _username(names: Any) -> str:
    active = names.get("active_usernames") if isinstance(names, dict) else None
    return str(active[0]) if isinstance(active, list) and active else ""
