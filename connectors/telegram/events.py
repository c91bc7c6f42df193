"""What happens to messages while a client is open.

Of `updateDeleteMessages` only those with `is_permanent` are deletions: TDLib also tells so of what
it has dropped from its memory, and of what can no longer be read.

https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1update_delete_messages.html
https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1update_message_content.html
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.telegram.calls import Json

#: Events that are remembered at once; further ones are found when messages are read again.
_MOST = 10_000


class Events:
    """Edits and deletions that were told of and not seen to yet."""

    def __init__(self) -> None:
        #: Whether it is gone, by the ids of chat and message.
        self._told: dict[tuple[int, int], bool] = {}

    def hear(self, update: Json) -> None:
        """Take an update; those of other things are let pass."""
        match update.get("@type"):
            case "updateDeleteMessages":
                if update.get("is_permanent") is True and not update.get("from_cache"):
                    for message_id in update.get("message_ids") or ():
                        self._note(update["chat_id"], message_id, is_gone=True)
            case "updateMessageContent" | "updateMessageEdited":
                self._note(update["chat_id"], update["message_id"], is_gone=False)

    def taken(self) -> Iterator[tuple[int, int, bool]]:
        """Each event once: chat, message, and whether it is gone."""
        while self._told:
            (chat_id, message_id), is_gone = next(iter(self._told.items()))
            del self._told[chat_id, message_id]
            yield chat_id, message_id, is_gone

    def _note(self, chat_id: int, message_id: int, *, is_gone: bool) -> None:
        if len(self._told) < _MOST:
            self._told[chat_id, message_id] = is_gone
