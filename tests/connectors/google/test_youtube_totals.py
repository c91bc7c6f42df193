"""Lengths that YouTube only estimates, and uploads that leave a placeholder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from connectors.sdk.records import Batch
from sandbox.google import youtube
from tests.connectors.google.youtube_bench import Bench, Start, benches

DAY = timedelta(days=1)
HANDLERS = ("youtube-following", "youtube-favourite", "youtube-post")


@pytest.fixture(scope="module")
def make() -> Iterator[Start]:
    with benches(40) as begin:
        yield begin


@pytest.fixture(params=HANDLERS)
def start(request: pytest.FixtureRequest, make: Start) -> Callable[[], Bench]:
    return lambda: make(request.param)


@pytest.fixture
def post(make: Start) -> Bench:
    return make("youtube-post")


@pytest.fixture
def following(make: Start) -> Bench:
    return make("youtube-following")


@pytest.fixture
def wavering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], int]], None]:
    """Let each list tell a wrong length: by so much, for the number of the answer."""

    def begin(wrong: Callable[[int], int]) -> None:
        exact, numbers = youtube._listed, itertools.count()

        def listed(resource: str, items: Sequence[Any], total: int, size: int | None = None) -> Any:
            return exact(resource, items, total + wrong(next(numbers)), size)

        monkeypatch.setattr(youtube, "_listed", listed)

    return begin


Wavering = Callable[[Callable[[int], int]], None]


def _costs(bench: Bench, count: int) -> list[int]:
    found = []
    for _ in range(count):
        bench.sync()
        found.append(bench.requests())
    return found


# Lengths


@pytest.mark.parametrize("items", [22, 27])
def test_a_length_that_wavers_is_looked_into_once_a_day(
    start: Callable[[], Bench], wavering: Wavering, items: int
) -> None:
    bench = start()
    bench.holding.add(items - 22)
    wavering(lambda number: number % 2)
    bench.sync()
    idle = bench.holding.idle_requests()
    pages = -(-(items + 2) // 5)
    for _ in range(2):
        costs = _costs(bench, 5)
        # The daily reading of uploads may come to it as well.
        assert sum(cost > idle for cost in costs) <= 2, costs
        assert sum(costs) <= 5 * idle + 2 * pages + 1, costs
        assert costs[2:] == [idle] * 3, costs
        bench.now += DAY
    bench.expect_in_sync()


def test_a_length_that_is_always_too_great_costs_nothing(
    start: Callable[[], Bench], wavering: Wavering
) -> None:
    bench = start()
    wavering(lambda _: 3)
    bench.sync()
    assert _costs(bench, 3) == [bench.holding.idle_requests()] * 3


def test_what_goes_while_the_length_wavers_is_seen_within_a_day(
    start: Callable[[], Bench], wavering: Wavering
) -> None:
    bench = start()
    wavering(lambda number: number % 2)
    for _ in range(3):
        bench.sync()
    bench.holding.remove(bench.holding.expected({})[13])
    for _ in range(2):
        bench.now += DAY
        bench.sync()
        bench.sync()
    bench.expect_in_sync()


def test_many_gone_at_once_are_seen_at_once_though_the_length_wavers(
    start: Callable[[], Bench], wavering: Wavering
) -> None:
    bench = start()
    wavering(lambda number: number % 2)
    for _ in range(3):
        bench.sync()
    for key in bench.holding.expected({})[10:15]:
        bench.holding.remove(key)
    bench.sync()
    bench.expect_in_sync()


def test_new_placeholders_do_not_make_an_exact_length_doubtful(post: Bench) -> None:
    post.sync()
    post.holding.add_noise(3)
    post.sync()
    post.studio.delete(post.holding.expected({})[13])
    post.sync()
    post.expect_in_sync()


# Placeholders


@pytest.mark.parametrize("place", [0, 2])
def test_an_upload_that_leaves_a_placeholder_at_the_head_is_gone_at_once(
    post: Bench, place: int
) -> None:
    post.sync()
    gone = post.holding.expected({})[place]
    post.studio.blank(gone)
    post.sync()
    assert post.kept.deleted == [gone]
    post.expect_in_sync()
    assert post.requests() == 2  # the page, and the look-up
    assert post.sync() == []
    assert post.requests() == 1


def test_a_placeholder_below_new_uploads_is_seen_at_once(post: Bench) -> None:
    post.sync()
    gone = post.holding.expected({})[0]
    post.studio.blank(gone)
    post.holding.add(7)
    post.sync()
    assert post.kept.deleted == [gone]
    post.expect_in_sync()


def test_a_placeholder_further_down_is_seen_within_a_day(post: Bench) -> None:
    post.sync()
    gone = post.holding.expected({})[17]
    post.studio.blank(gone)
    post.now += DAY
    post.sync()
    assert post.kept.deleted == [gone]
    post.expect_in_sync()


def test_a_placeholder_that_comes_during_the_backfill_is_seen(post: Bench) -> None:
    def change(number: int) -> None:
        if number == 2:
            post.studio.blank(post.holding.expected({})[1])

    post.sync(meanwhile=change)
    post.expect_in_sync()


def test_a_placeholder_of_a_video_that_is_there_ends_nothing_and_is_asked_for_once(
    post: Bench,
) -> None:
    post.sync()
    video = next(v for v in post.studio.uploads if not v.gone)
    video.gone = "Private video"
    post.studio.catalogue[video.id] = video
    post.sync()
    assert post.requests() == 2
    assert not post.kept.deleted
    assert post.sync() == []
    assert post.requests() == 1


def test_an_upload_that_comes_back_in_the_run_that_ended_it_is_kept(post: Bench) -> None:
    post.sync()
    video = next(v for v in post.studio.uploads if not v.gone)
    video.gone = "Deleted video"
    # Another length leads to a whole reading in the same run.
    post.studio.delete(post.holding.expected({})[-1])
    handler = post.handler()
    batches: list[Batch] = []
    for batch in handler.batches(post.position):
        video.gone = None
        batches.append(batch)
    for batch in batches:
        post.keep(batch)
    post.expect_in_sync()
    assert video.id in post.kept.records


# What is read but not kept yet


def test_a_subscription_that_is_not_kept_yet_is_not_taken_for_gone(following: Bench) -> None:
    """A whole reading may skip one that the reading before it found."""
    new = following.studio.subscriptions[0]
    handler = following.handler()
    batches = list(handler.batches({}))
    assert not following.kept.records
    assert any(new.id == record["sourceId"] for batch in batches for record in batch.records)
    assert handler.still_there([new.id]) == {new.id}
    following.holding.remove(new.id)
    assert handler.still_there([new.id]) == set()
