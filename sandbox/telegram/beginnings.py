"""The chats that an account begins with, and those that are made later.

The account's items are spread over two chats with people, a basic group with a picture, an archived
chat whose other side has deleted its account (so that the chat has no title) and which has mostly
pictures, and a chat with a bot. Besides them, and not counted, are a supergroup that was a basic
group once, and a channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sandbox.options import SandboxOptions
from sandbox.people import Person
from sandbox.telegram.chats import Chat, Kind, Series
from sandbox.telegram.users import User, contact, owner

Json = dict[str, Any]

#: Which chat each of ten messages in a row is in.
_SPREAD = (0, 1, 2, 0, 1, 3, 4, 0, 1, 2)
_GAP = 4 * 3600
#: Nothing lies near a whole number of gaps before the newest: an option's range may end there.
_MARGIN = 7200
_LONGEST = 700 * 86_400
#: Places of the chats that are made later; ids have room for so many chats.
_FIRST_ADDED, _MOST = 10, 256
#: How many numbers the groups of one account take at most.
_PEERS = 2_000


class Beginning:
    """What follows from an account's number, for all its chats.

    Args:
        options: How the sandbox is set up.
        account: The number.
        person: Whose account it is.
        newest: When the newest of its items came, Unix seconds.
    """

    def __init__(
        self, options: SandboxOptions, account: int, person: Person, newest: float
    ) -> None:
        self.key = f"telegram/{options.seed}/{account}"
        self.newest = int(newest)
        self.me = owner(account, person)
        #: Everyone there is so far, by id.
        self.users: dict[int, User] = {self.me.id: self.me}
        self._account = account
        self._items = options.items
        self._added = _FIRST_ADDED

    def contact(self, number: int) -> User:
        """Someone the person writes with."""
        user = contact(self._account, number)
        return self.users.setdefault(user.id, user)

    def chats(self) -> Iterator[Chat]:
        """Those that the account begins with; a chat without a message is not there."""
        people = [self.contact(number) for number in range(1, 7)]
        shares = [sum(_SPREAD[n % 10] == place for n in range(self._items)) for place in range(5)]
        for place, user in ((0, people[0]), (1, people[1]), (3, people[2]), (4, self.contact(8))):
            if shares[place]:
                series = self._series(
                    place, shares[place], [user], self._dates(place), album=place == 3
                )
                yield Chat("private", user.id, user.title, series, archived=place == 3)
        if shares[2]:
            yield self._group(2, shares[2], "basic", "Allotment", people[3:5])
        if self._items:
            yield from self._besides(people)

    def added(self, kind: Kind, messages: int, *, archived: bool, album: bool) -> Chat:
        """A chat more, with messages of all its life.

        Raises:
            ValueError: There are too many chats.
        """
        place, self._added = self._added, self._added + 1
        if place >= _MOST:
            raise ValueError(f"an account can have {_MOST - _FIRST_ADDED} chats more")
        gap = max(1, min(_GAP, _LONGEST // max(1, messages)))

        def date(number: int) -> int:
            return self.newest - _MARGIN - (messages - 1 - number) * gap

        first = self.contact(place)
        others = [first] if kind == "private" else [first, self.contact(1)]
        series = self._series(place, messages, others, date, kind=kind, album=album)
        if kind == "private":
            return Chat(kind, first.id, first.title, series, archived=archived)
        members = tuple(user.id for user in others)
        title = f"Group {place}"
        return Chat(kind, self._peer(place), title, series, archived=archived, members=members)

    def empty(self) -> Chat:
        """The chat with the first contact, before there is a message."""
        user = self.contact(1)
        return Chat("private", user.id, user.title, self._series(0, 0, [user], self._never))

    def upgraded(self, chat: Chat) -> Chat:
        """The supergroup that a basic group becomes, before there is a message."""
        place = chat.series.place
        members = [self.users[ident] for ident in chat.members]
        series = self._series(place, 0, members, self._never, kind="supergroup")
        peer = self._peer(place + _MOST)
        return Chat("supergroup", peer, chat.title, series, members=chat.members)

    def is_seeded(self, chat: Chat) -> bool:
        """Whether it is one of those that the account began with."""
        return chat.series.place < _FIRST_ADDED

    def _besides(self, people: list[User]) -> Iterator[Chat]:
        count = self._items // 3 + 2
        choir = self._group(5, count, "supergroup", "Choir", people[4:6])
        former = Chat("basic", choir.peer + 1, "Choir", self._series(5, 0, [], self._never))
        former.status, former.upgraded_to = "upgraded", choir.peer
        choir.upgraded_from = former.peer
        yield from (choir, former, self._group(6, count, "channel", "Harbour news", []))

    def _group(self, place: int, count: int, kind: Kind, title: str, members: list[User]) -> Chat:
        peer, ids = self._peer(place), [user.id for user in members]
        opening: Json | None = None
        if kind == "basic":
            ids_there = [self.me.id, *ids]
            opening = {"@type": "messageBasicGroupChatCreate", "member_user_ids": ids_there}
        elif kind == "supergroup":
            opening = {"@type": "messageChatUpgradeFrom", "basic_group_id": peer + 1}
        if opening is not None:
            opening["title"] = title
        dates = self._dates(place, None if kind == "basic" else count)
        series = self._series(place, count, members, dates, kind=kind, opening=opening)
        return Chat(kind, peer, title, series, photo=kind == "basic", members=tuple(ids))

    def _series(
        self,
        place: int,
        count: int,
        others: Sequence[User],
        date: Callable[[int], int],
        *,
        kind: Kind = "private",
        album: bool = False,
        opening: Json | None = None,
    ) -> Series:
        is_own = kind in ("supergroup", "channel")
        senders = [self.me.id, *(user.id for user in others)]
        if kind == "channel":
            # It posts as itself.
            senders = [Chat.id_of(kind, self._peer(place))]
        key = f"{self.key}/{place}"
        return Series(key, count, place, is_own, date, senders, album=album, opening=opening)

    def _dates(self, place: int, count: int | None = None) -> Callable[[int], int]:
        """When the messages of a chat were sent, four hours apart.

        Args:
            place: The chat's.
            count: How many it has to itself; None where it shares the account's items.
        """
        turns = [0] if count is not None else [n for n, at in enumerate(_SPREAD) if at == place]
        every = len(_SPREAD) if count is None else 1
        total = self._items if count is None else count

        def date(number: int) -> int:
            turn = number // len(turns) * every + turns[number % len(turns)]
            dice = hashlib.blake2b(f"{self.key}/{turn}".encode(), digest_size=2).digest()
            spread = int.from_bytes(dice, "big") % (_GAP - 2 * _MARGIN + 3600)
            return self.newest - _MARGIN - (total - 1 - turn) * _GAP - spread

        return date

    def _never(self, _: int) -> int:
        return self.newest

    def _peer(self, place: int) -> int:
        """The id of a group; another one in each account, and even, so that the next is free."""
        return 1_200_000_000 + self._account * _PEERS + place * 2
