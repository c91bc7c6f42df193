"""Chats and their messages. Message n of a chat is made when it is asked for, always the same.

A message's id is the server's number shifted by 20 bits
(https://github.com/tdlib/td/issues/69). Numbers of private chats and basic groups come from one
sequence of the account, those of a supergroup or channel from one of its own: an id is unique in
its chat alone.
"""

from __future__ import annotations

import bisect
import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.telegram.content import made

Json = dict[str, Any]
Kind = Literal["private", "basic", "supergroup", "channel"]

_SHIFT = 20
#: The account's sequence: between two messages of a seeded chat are those of all others.
_FIRST = 2_000
_STEP = 256
#: Subtracted from a supergroup's id, negated, to make its chat's.
_SUPERGROUPS = 1_000_000_000_000


def message_id(number: int) -> int:
    """The id of the server's message of this number."""
    return number << _SHIFT


def server_number(ident: int) -> int:
    """The server's number of a message's id."""
    return ident >> _SHIFT


@dataclass(slots=True)
class Message:
    """A message as it is now.

    Args:
        id: Unique in its chat.
        date: Unix seconds.
        sender: Id of the user; negative where a chat posts as itself.
        outgoing: Whether the person of the account sent it.
        content: Its content.
        edited: When it was edited last, Unix seconds; 0 for never.
    """

    id: int
    date: int
    sender: int
    outgoing: bool
    content: Json
    edited: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """The messages that a chat begins with, made by number.

    Args:
        key: Decides what they say.
        count: How many there are.
        place: Number of the chat among the account's; below 256.
        own_sequence: Whether ids come from a sequence of the chat's own.
        date: When a message was sent, Unix seconds; grows with the number.
        senders: Ids of those who write; the person of the account is the first.
        album: Whether there are pictures rather than words.
        opening: The content of the first message; None for one like the others.
    """

    key: str
    count: int
    place: int
    own_sequence: bool
    date: Callable[[int], int]
    senders: Sequence[int]
    album: bool = False
    opening: Json | None = None

    def id(self, number: int) -> int:
        """The id of a message."""
        if self.own_sequence:
            return message_id(number + 1)
        return message_id(_FIRST + number * _STEP + self.place)

    def number(self, ident: int) -> int:
        """The number of a message, by its id."""
        server = server_number(ident)
        return server - 1 if self.own_sequence else (server - _FIRST - self.place) // _STEP

    def word_key(self, number: int) -> str:
        """What the word that stands in this message alone follows from."""
        return f"{self.key}/{number}"

    def message(self, ident: int) -> Message:
        """A message."""
        number = self.number(ident)
        opens = number == 0 and self.opening is not None
        key = self.word_key(number)
        dice = hashlib.blake2b(key.encode(), digest_size=2).digest()
        # Of two who write one sends as much as the other; in a group everyone does.
        sender = self.senders[0 if opens else dice[0] % len(self.senders)]
        content = (
            self.opening
            if opens and self.opening is not None
            else made(key, number, album=self.album)
        )
        edited = 0
        if not opens and dice[1] % 16 == 0 and content["@type"] == "messageText":
            edited = self.date(number) + 60
        mine = sender == self.senders[0] and sender > 0
        return Message(ident, self.date(number), sender, mine, content, edited)


@dataclass(eq=False)
class Chat:
    """A chat of an account.

    Args:
        kind: What it is.
        peer: Id of the user, basic group or supergroup.
        title: What it is called.
        series: The messages it begins with.
        archived: Whether it is in the archive rather than in the main list.
        photo: Whether it has a picture.
        members: Ids of those in it besides the person of the account.
    """

    kind: Kind
    peer: int
    title: str
    series: Series
    archived: bool = False
    photo: bool = False
    members: tuple[int, ...] = ()
    #: `listed`: in a list. `left`, `upgraded`, `deleted`: in none, and why.
    status: Literal["listed", "left", "upgraded", "deleted"] = "listed"
    #: Whether the person is still in the group.
    member: bool = True
    #: The supergroup that a basic group has become; 0 for none.
    upgraded_to: int = 0
    #: The basic group that a supergroup was; 0 for none.
    upgraded_from: int = 0
    #: Messages that came later, or were edited.
    told: dict[int, Message] = field(default_factory=dict)
    #: The greatest number that a message has had, where it has a sequence of its own.
    numbered: int = 0
    _ids: array[int] | None = None

    @staticmethod
    def id_of(kind: Kind, peer: int) -> int:
        """A chat's id, which TDLib makes of the peer's."""
        match kind:
            case "private":
                return peer
            case "basic":
                return -peer
        return -_SUPERGROUPS - peer

    @property
    def id(self) -> int:
        """Its id."""
        return self.id_of(self.kind, self.peer)

    @property
    def ids(self) -> array[int]:
        """Ids of all its messages, oldest first."""
        if self._ids is None:
            self._ids = array("q", (self.series.id(n) for n in range(self.series.count)))
        return self._ids

    @property
    def last(self) -> int | None:
        """Id of the newest message; None where there is none."""
        if self._ids is None and self.series.count:
            return self.series.id(self.series.count - 1)
        return self.ids[-1] if self.ids else None

    @property
    def order(self) -> int:
        """What lists are sorted by: greater comes first."""
        if self.last is None:
            return 1
        return (self.date(self.last) << 32) | (server_number(self.last) & 0xFFFFFFFF)

    def place(self, ident: int) -> int:
        """How many messages are older than this id, which need not be there."""
        return bisect.bisect_left(self.ids, ident)

    def has(self, ident: int) -> bool:
        """Whether there is such a message."""
        place = self.place(ident)
        return place < len(self.ids) and self.ids[place] == ident

    def date(self, ident: int) -> int:
        """When a message was sent, Unix seconds."""
        found = self.told.get(ident)
        return found.date if found is not None else self.series.date(self.series.number(ident))

    def message(self, ident: int) -> Message | None:
        """A message; None when it is not there."""
        if not self.has(ident):
            return None
        return self.told.get(ident) or self.series.message(ident)

    def put(self, message: Message) -> None:
        """Add a message, which is the newest, or change one."""
        if not self.has(message.id):
            self.ids.append(message.id)
        self.told[message.id] = message

    def drop(self, ident: int) -> None:
        """Take a message away."""
        if self.has(ident):
            del self.ids[self.place(ident)]
            self.told.pop(ident, None)

    def drop_all(self) -> None:
        """Take all messages away."""
        self._ids = array("q")
        self.told.clear()

    def seeded_words(self) -> Iterator[str]:
        """Keys of the words in the messages that it began with."""
        return (self.series.word_key(number) for number in range(self.series.count))
