"""What the vault holds of the chats, by the form of their ids.

A chat's `sourceId` is its id, a message's `<chat id>:<message id>`: ids of messages are unique in
their chat alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from connectors.sdk.handler import Kept

#: Ids of one chat that are gone through before the rest of them is skipped.
_SKIP_AFTER = 2_000


def message_key(chat_id: int, message_id: int) -> str:
    """The `sourceId` of a message."""
    return f"{chat_id}:{message_id}"


def chat_ids(kept: Kept) -> Iterator[int]:
    """Every chat of which something is kept."""
    told: set[int] = set()
    last, seen, after = "", 0, ""
    while True:
        for source_id in kept.source_ids(after):
            chat = source_id.partition(":")[0]
            if chat != last:
                last, seen = chat, 0
                # Between a chat and its messages there may be others, whose ids are longer.
                if int(chat) not in told:
                    told.add(int(chat))
                    yield int(chat)
            seen += 1
            if seen >= _SKIP_AFTER:
                # All that begin with the chat's id and a colon are less than this.
                after = f"{chat};"
                break
        else:
            return


def message_ids(kept: Kept, chat_id: int) -> array[int]:
    """The ids of a chat's kept messages, in ascending order: eight bytes each."""
    prefix = f"{chat_id}:"
    found = array("q")
    for source_id in kept.source_ids(prefix):
        if not source_id.startswith(prefix):
            break
        found.append(int(source_id[len(prefix) :]))
    # The vault sorts by text.
    return array("q", sorted(found))
