"""How far a chat has been read, against histories that are made up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.telegram.progress import Progress


def messages(*ids: int) -> list[dict[str, Any]]:
    """Messages, newest first; each was sent at ten times its id."""
    return [{"id": i, "date": i * 10} for i in sorted(ids, reverse=True)]


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [message["id"] for message in found]


def test_it_comes_back_from_a_record_as_it_was() -> None:
    for made in (
        Progress(),
        Progress(9, 3, 30, 0),
        Progress(9, 3, 30, 17, (20, 15)),
        Progress(below=0),
    ):
        said = made.dump()
        assert Progress.parse(said.get("newestId"), said["syncData"]) == made


@pytest.mark.parametrize("data", [None, "", "[]", "{", '{"oldest": "x"}', '{"oldest":1}', 7])
def test_what_cannot_be_read_begins_anew(data: Any) -> None:
    assert Progress.parse("12", data) == Progress()


def test_a_message_that_does_not_say_when_it_was_sent_is_read_like_any_other() -> None:
    progress = Progress()
    undated: dict[str, Any] = {"id": 2, "date": None}
    assert ids(progress.read_older([*messages(3), undated], 0)) == [3, 2]
    assert (progress.oldest, progress.since) == (2, 30)
    assert ids(progress.read_older([undated | {"id": 1}], 5)) == [1]
    assert (progress.oldest, progress.since, progress.below) == (1, 30, None)


def test_the_first_page_begins_the_stretch() -> None:
    progress = Progress()
    assert ids(progress.read_head(messages(9, 8, 7), 0)) == [9, 8, 7]
    assert (progress.newest, progress.oldest, progress.since) == (9, 7, 70)
    assert not progress.is_done(0)
    assert ids(progress.read_older(messages(5, 4), 0)) == [5, 4]
    assert progress.read_older([], 0) == []
    assert progress.is_done(0)


def test_what_is_too_old_is_left_out_and_ends_it() -> None:
    progress = Progress()
    assert ids(progress.read_head(messages(9, 8, 3, 2), 50)) == [9, 8]
    assert progress.is_done(50)
    # The range ends later each day, and that brings nothing back.
    assert progress.is_done(60)
    assert not progress.is_done(30)
    assert not progress.is_done(0)
    assert ids(progress.read_older(messages(3, 2), 30)) == [3]
    assert progress.is_done(30)


def test_new_messages_that_reach_what_is_kept_make_no_gap() -> None:
    progress = Progress(9, 3, 30, 0)
    assert ids(progress.read_head(messages(12, 11, 9, 8), 0)) == [12, 11]
    assert progress == Progress(12, 3, 30, 0)


def test_new_messages_are_kept_however_narrow_the_range_has_become() -> None:
    progress = Progress(9, 3, 30, 0)
    assert ids(progress.read_head(messages(12, 11, 9), 10_000)) == [12, 11]


def test_many_new_messages_make_a_gap_that_is_closed_from_above() -> None:
    progress = Progress(9, 3, 30, 0)
    assert ids(progress.read_head(messages(30, 29), 0)) == [30, 29]
    assert progress.next_start == 29
    assert not progress.is_done(0)
    assert progress.holds(29)
    assert not progress.holds(20)
    # Still newer ones reach the upper part.
    assert ids(progress.read_head(messages(31, 30), 0)) == [31]
    assert ids(progress.read_gap(messages(28, 20))) == [28, 20]
    assert ids(progress.read_gap(messages(19, 10, 9, 8))) == [19, 10]
    assert progress == Progress(31, 3, 30, 0)


def test_a_page_that_does_not_reach_the_upper_part_is_not_noted() -> None:
    progress = Progress(9, 3, 30, 0, (30, 29))
    progress.read_head(messages(40, 39), 0)
    assert progress.head == (30, 29)


def test_a_newest_message_that_was_deleted_hands_on_its_place() -> None:
    progress = Progress(9, 3, 30, 0)
    assert progress.read_head(messages(7, 6), 0) == []
    assert progress.newest == 7


class Played:
    """A chat, and somebody who reads it."""

    def __init__(self, there: set[int], size: int, floor: int) -> None:
        self.history, self.size, self.floor = set(there), size, floor
        self.progress = Progress()
        self.kept: list[int] = []
        self.top = max(there)

    def come(self, number: int) -> None:
        self.top += 1 + number % 5
        self.history.add(self.top)

    def go(self, number: int) -> None:
        if self.history:
            self.history.discard(sorted(self.history)[number % len(self.history)])

    def look(self, _: int = 0) -> None:
        found = self._page(0)
        while self.progress.head and found and found[-1]["id"] > self.progress.head[0]:
            self.read()
        self.kept += ids(self.progress.read_head(found, self.floor))

    def read(self, _: int = 0) -> None:
        if self.progress.is_done(self.floor):
            return
        found = self._page(self.progress.next_start)
        if self.progress.head:
            self.kept += ids(self.progress.read_gap(found))
        else:
            self.kept += ids(self.progress.read_older(found, self.floor))

    def _page(self, start: int) -> list[dict[str, Any]]:
        return messages(*[i for i in self.history if not start or i < start])[: self.size]


@given(
    there=st.sets(st.integers(1, 60), min_size=1),
    size=st.integers(1, 7),
    floor=st.sampled_from([0, 100, 300, 10_000]),
    changes=st.lists(
        st.tuples(st.sampled_from(["come", "go", "look", "read"]), st.integers(1, 400)), max_size=60
    ),
)
def test_nothing_is_missed_and_nothing_is_read_twice(
    there: set[int], size: int, floor: int, changes: list[tuple[str, int]]
) -> None:
    """Whatever comes, goes and is read in between: all that stays is kept, each once."""
    played = Played(there, size, floor)
    for what, number in changes:
        getattr(played, what)(number)
    played.look()
    while not played.progress.is_done(floor):
        played.read()
    assert len(played.kept) == len(set(played.kept))
    wanted = {i for i in played.history if i * 10 >= floor}
    assert wanted <= set(played.kept)
    assert all(played.progress.holds(i) for i in wanted)
