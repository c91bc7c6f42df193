"""Reads the history of chats: pages, single messages, and whether some are really gone.

`getChatHistory` gives as many messages as it likes: what is in memory already, which is the newest
one alone at first, else a page from the servers. Only an empty answer is the end
(https://github.com/tdlib/td/issues/168), and even that may come where messages are deleted meanwhile
(https://github.com/tdlib/td/issues/1380).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.sdk.errors import TransientError
from connectors.telegram import calls
from connectors.telegram.calls import Json
from connectors.telegram.client import Client
from connectors.telegram.errors import FailedError, NotFoundError

#: Ids that one `getMessages` takes.
CHUNK = 100
#: The servers' own messages have ids that are multiples of this; others are drafts of this client
#: (https://github.com/tdlib/td/issues/69).
_SERVERS = 1 << 20
#: Answers without a single message of the servers', in a row.
_FRUITLESS = 20


class History:
    """The messages of all chats.

    Args:
        client: The client.
        page_size: Messages asked for at once.
    """

    def __init__(self, client: Client, page_size: int) -> None:
        self._client = client
        self._size = page_size

    def page(self, chat_id: int, start: int) -> list[Json]:
        """Messages below `start`, newest first and without a hole; none at the end of the history.

        Args:
            chat_id: The chat's id.
            start: An id, of a message that need not be there; 0 for the newest of all.

        Raises:
            NotFoundError: The chat cannot be read.
            FailedError: TDLib does not get any further.
        """
        found = self._ask(chat_id, start)
        if start == 0 and len(found) == 1 < self._size:
            # The newest was in memory, the others were not.
            found += self._ask(chat_id, found[0]["id"])
        return found

    def page_or_end(self, chat_id: int, start: int) -> list[Json]:
        """The same; where nothing comes, it is asked for once more."""
        return self.page(chat_id, start) or self.page(chat_id, start)

    def message(self, chat_id: int, message_id: int) -> Json | None:
        """A message as it is now; None when it is gone."""
        try:
            return self._client.ask(calls.get_message(chat_id, message_id), "message")
        except NotFoundError:
            return None

    def look(self, chat_id: int, ids: Sequence[int]) -> Iterator[tuple[int, Json | None]]:
        """Each message by its id; None in the place of one that is gone."""
        for begin in range(0, len(ids), CHUNK):
            chunk = list(ids[begin : begin + CHUNK])
            answer = self._client.ask(calls.get_messages(chat_id, chunk), "messages")
            messages = answer.get("messages")
            if not isinstance(messages, list) or len(messages) != len(chunk):
                raise TransientError("Telegram's answer is none to what was asked")
            yield from zip(chunk, messages, strict=True)

    def _ask(self, chat_id: int, start: int) -> list[Json]:
        for _ in range(_FRUITLESS):
            answer = self._client.ask(calls.get_history(chat_id, start, self._size), "messages")
            messages = answer.get("messages")
            if not isinstance(messages, list):
                raise TransientError("Telegram's answer is none to what was asked")
            # There is a null in the place of a message that went meanwhile.
            there = [m for m in messages if _has_id(m) and (not start or m["id"] < start)]
            if found := [m for m in there if _is_of_servers(m)]:
                return sorted(found, key=lambda message: -int(message["id"]))
            if not messages:
                return []
            # From an answer without a single id there is no going on but by asking again.
            start = min([m["id"] for m in there], default=start)
        raise FailedError("Telegram gives no further messages of a chat")


def _has_id(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("id"), int)


def _is_of_servers(message: Json) -> bool:
    return message["id"] % _SERVERS == 0 and not message.get("sending_state")
