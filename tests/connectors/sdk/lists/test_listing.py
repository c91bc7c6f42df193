"""`Listing` over a list that tells no length, as most do; its use at a provider is tested there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.sdk.errors import TransientError
from connectors.sdk.lists.listing import Listing
from connectors.sdk.lists.onward import MOST_BARREN
from connectors.sdk.lists.page import Page
from connectors.sdk.records import Json, Position, Record

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SIZE = 3


class Vault:
    """What is kept: a record by its id."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def known(self, source_ids: Collection[str]) -> set[str]:
        return self.records.keys() & set(source_ids)

    def get(self, source_id: str) -> Record | None:
        return self.records.get(source_id)

    def source_ids(self) -> Iterator[str]:
        return iter(list(self.records))


class Shelf:
    """A handler over a list of (id, text), newest first, in pages of three."""

    newest_first = True
    age = timedelta(days=7)
    most_ids = 50

    def __init__(self, count: int) -> None:
        self.items = [(str(n), "as it was") for n in range(count, 0, -1)]
        self.kept = Vault()
        self.position: Position = {}
        self.asked: list[str | None] = []

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        self.asked.append(token)
        start = int(token or 0)
        shown = [{"id": key, "text": text} for key, text in self.items[start : start + SIZE]]
        more = start + SIZE < len(self.items)
        return Page(shown, next=str(start + SIZE) if more else None)

    def id_of(self, item: Json) -> str | None:
        return str(item["id"])

    def usable(self, item: Json) -> bool:
        return True

    def record(self, source: Json) -> Record:
        return {"sourceId": source["id"], "text": source["text"]}

    def same(self, old: Record, new: Record) -> bool:
        return old == new

    def still_there(self, ids: Sequence[str]) -> set[str]:
        return set()

    def sync(self, days: float = 0, most: int = 100) -> list[Any]:
        """Sync as it is so many days on, at most so many batches; those that were kept."""
        self.asked.clear()
        batches = []
        for batch in Listing(self, self.kept, NOW + timedelta(days=days)).batches(self.position):
            batches.append(batch)
            self.kept.records |= {record["sourceId"]: record for record in batch.records}
            for key in batch.deleted:
                del self.kept.records[key]
            self.position = batch.position
            if len(batches) == most:
                break
        return batches

    @property
    def holds_all(self) -> bool:
        return [*self.kept.records.items()] != [] and {
            key: record["text"] for key, record in self.kept.records.items()
        } == dict(self.items)


def test_all_pages_are_kept_and_an_idle_sync_asks_for_one() -> None:
    shelf = Shelf(8)
    shelf.sync()
    assert shelf.holds_all
    assert shelf.sync() == []
    assert shelf.asked == [None]


def test_a_backfill_that_is_cut_goes_on_where_it_was() -> None:
    shelf = Shelf(8)
    shelf.sync(most=2)
    shelf.sync()
    assert "3" not in shelf.asked
    assert shelf.holds_all


def test_new_items_are_read_as_far_as_there_are_any() -> None:
    shelf = Shelf(9)
    shelf.sync()
    shelf.items[:0] = [(str(n), "new") for n in range(14, 9, -1)]
    shelf.sync()
    assert shelf.holds_all
    assert "9" not in shelf.asked


def test_what_went_or_changed_far_down_is_seen_when_the_list_is_read_whole() -> None:
    shelf = Shelf(9)
    shelf.sync()
    del shelf.items[7]
    shelf.items[8 - 1] = ("1", "otherwise")
    shelf.sync(days=1)
    assert not shelf.holds_all
    shelf.sync(days=8)
    assert shelf.holds_all


def test_what_went_from_the_head_is_seen_at_once_in_a_list_of_one_page() -> None:
    shelf = Shelf(3)
    shelf.sync()
    del shelf.items[1]
    shelf.sync()
    assert shelf.holds_all


class Maze(Shelf):
    """A list whose last page leads on: round in a circle, or ever on to pages without news."""

    def __init__(self, count: int, beyond: str) -> None:
        super().__init__(count)
        self.beyond = beyond

    def page(self, token: str | None, notes: dict[str, str]) -> Page:
        if len(self.asked) > 1000:
            raise AssertionError("it does not end")
        if token and token.startswith("beyond"):
            self.asked.append(token)
            turn = int(token.removeprefix("beyond")) + 1
            items = [{"id": "1", "text": "as it was"}] if self.beyond == "seen" else []
            return Page(items, next=f"beyond{turn % 2 if self.beyond == 'circle' else turn}")
        page = super().page(token, notes)
        return page if page.next else Page(page.items, next="beyond0")


ENDLESS = pytest.mark.parametrize("beyond", ["circle", "empty", "seen"])


@ENDLESS
def test_a_backfill_that_is_led_on_for_ever_ends_with_all_that_there_is(beyond: str) -> None:
    maze = Maze(8, beyond)
    with pytest.raises(TransientError):
        maze.sync()
    assert maze.holds_all
    assert len(maze.asked) < 5 * (MOST_BARREN + 3)


@ENDLESS
def test_it_ends_as_well_where_each_run_is_cut_after_a_batch(beyond: str) -> None:
    maze = Maze(8, beyond)
    for _ in range(MOST_BARREN + 5):
        if maze.position.get("phase") != "sweep":
            maze.sync(most=1)
    with pytest.raises(TransientError):
        maze.sync(most=1)
    assert maze.holds_all


@ENDLESS
@pytest.mark.parametrize("days", [0, 8])
def test_a_list_that_begins_to_lead_on_for_ever_deletes_nothing(beyond: str, days: float) -> None:
    maze = Maze(8, beyond)
    maze.page = lambda token, notes: Shelf.page(maze, token, notes)  # type: ignore[method-assign]
    maze.sync()
    del maze.page  # type: ignore[attr-defined]
    del maze.items[-2]
    maze.items.insert(0, ("9", "new"))
    if days:
        with pytest.raises(TransientError):
            maze.sync(days=days)
    else:
        maze.sync(days=days)
    assert "9" in maze.kept.records
    assert "2" in maze.kept.records


@pytest.mark.parametrize("beyond", ["circle", "empty"])
def test_a_head_that_is_led_on_for_ever_is_left(beyond: str) -> None:
    maze = Maze(1, beyond)
    maze.page = lambda token, notes: Shelf.page(maze, token, notes)  # type: ignore[method-assign]
    maze.sync()
    del maze.page  # type: ignore[attr-defined]
    maze.items.clear()
    with pytest.raises(TransientError):
        maze.sync()
    assert "1" in maze.kept.records


def test_a_position_kept_by_an_earlier_version_goes_on() -> None:
    shelf = Shelf(8)
    shelf.sync(most=2)
    del shelf.position["barren"]
    shelf.sync()
    assert shelf.holds_all
