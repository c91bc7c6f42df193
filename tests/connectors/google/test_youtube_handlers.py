"""What is each YouTube handler's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.google.errors import classify
from connectors.sdk.errors import PositionLostError
from sandbox.google.errors import GoogleError
from tests.connectors.google.youtube_bench import Bench, Start, benches

WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def make() -> Iterator[Start]:
    with benches(40) as begin:
        yield begin


@pytest.fixture
def following(make: Start) -> Bench:
    return make("youtube-following")


@pytest.fixture
def favourite(make: Start) -> Bench:
    return make("youtube-favourite")


@pytest.fixture
def post(make: Start) -> Bench:
    return make("youtube-post")


# Subscriptions


def test_a_subscription_is_a_following(following: Bench) -> None:
    following.sync()
    shown = following.studio.subscriptions[0]
    record = following.kept.records[shown.id]
    assert record["name"] == shown.title
    assert record["uri"] == f"https://youtube.com/channel/{shown.channel}"
    assert record["followedTimestamp"] == record["insertedAt"]
    assert record.get("description", "") == shown.description
    assert record["icon"].startswith("https://")


def test_a_renamed_channel_is_seen_wherever_it_stands(following: Bench) -> None:
    following.sync()
    for place in (0, 12, -1):
        following.holding.edit(following.holding.expected({})[place])
    following.sync()
    following.expect_in_sync()


def test_counts_of_a_channels_videos_are_no_news(following: Bench) -> None:
    following.sync()
    for item in following.studio.subscriptions:
        item.uploads += 3
    assert following.sync() == []


def test_subscribing_again_makes_another_record_and_ends_the_old_one(following: Bench) -> None:
    following.sync()
    old = following.studio.subscriptions[4]
    following.holding.remove(old.id)
    (new,) = following.holding.add(1)
    following.studio.subscriptions[0].channel = old.channel
    following.sync()
    following.expect_in_sync()
    assert new in following.kept.records
    assert following.kept.deleted == [old.id]


def test_a_subscription_that_the_list_skips_is_not_taken_for_gone(following: Bench) -> None:
    following.sync()
    handler = following.handler()
    some = following.holding.expected({})[:3]
    following.holding.remove(some[0])
    assert handler.still_there(some) == set(some[1:])
    assert following.kept.records.keys() >= set(some)


def test_a_look_up_finds_none_of_those_that_are_gone(following: Bench) -> None:
    following.sync()
    following.holding.clear()
    handler = following.handler()
    assert handler.still_there(sorted(following.kept.records)) == set()
    assert handler.still_there(["unknown"]) == set()


# Likes


def test_a_liked_video_is_a_favourite(favourite: Bench) -> None:
    favourite.sync()
    video = favourite.studio.likes[0]
    record = favourite.kept.records[video.id]
    assert (record["favouriteType"], record["contentType"]) == ("like", "video")
    assert record["uri"] == f"https://youtube.com/watch?v={video.id}"
    assert record["name"] == video.title


def test_a_new_like_costs_one_request(favourite: Bench) -> None:
    favourite.sync()
    favourite.holding.add(2)
    favourite.sync()
    favourite.expect_in_sync()
    assert favourite.requests() == 2  # the second page has nothing new


def test_a_video_liked_again_is_the_same_record(favourite: Bench) -> None:
    favourite.sync()
    again = favourite.holding.expected({})[17]
    favourite.studio.like(again)
    favourite.sync()
    favourite.expect_in_sync()
    assert not favourite.kept.deleted
    assert favourite.requests() == 1
    assert favourite.sync() == []


def test_a_like_taken_back_and_given_again_later_is_kept_again(favourite: Bench) -> None:
    favourite.sync()
    again = favourite.holding.expected({})[17]
    favourite.studio.unlike(again)
    favourite.sync()
    assert favourite.kept.deleted == [again]
    favourite.studio.like(again)
    favourite.sync()
    favourite.expect_in_sync()


def test_a_like_given_again_hides_no_unlike(favourite: Bench) -> None:
    favourite.sync()
    ids = favourite.holding.expected({})
    favourite.studio.unlike(ids[9])
    favourite.sync()
    favourite.studio.unlike(ids[12])
    favourite.studio.like(ids[9])
    favourite.sync()
    favourite.expect_in_sync()


def test_what_the_length_hides_is_seen_within_a_week(favourite: Bench) -> None:
    favourite.sync()
    studio = favourite.studio
    # One goes and another comes in its place, far from the head.
    (new,) = favourite.holding.add(1)
    studio.likes.insert(15, studio.likes.pop(0))
    favourite.holding.remove(favourite.holding.expected({})[16])
    favourite.holding.edit(favourite.holding.expected({})[18])
    assert favourite.sync() == []
    favourite.now += WEEK
    favourite.sync()
    favourite.expect_in_sync()
    assert new in favourite.kept.records
    assert favourite.sync() == []


def test_an_edit_on_the_first_page_is_seen_at_once(favourite: Bench) -> None:
    favourite.sync()
    favourite.holding.edit(favourite.holding.expected({})[2])
    favourite.sync()
    favourite.expect_in_sync()
    assert favourite.requests() == 1


def test_a_like_that_the_list_leaves_out_is_not_taken_for_gone(favourite: Bench) -> None:
    favourite.sync()
    ids = favourite.holding.expected({})
    favourite.holding.remove(ids[0])
    assert favourite.handler().still_there(ids[:3]) == set(ids[1:3])


# Uploads


def test_an_upload_is_a_post(post: Bench) -> None:
    post.sync()
    video = next(v for v in post.studio.uploads if not v.gone and v.privacy == "public")
    record = post.kept.records[video.id]
    assert (record["type"], record["name"]) == ("video", video.title)
    assert record["uri"] == f"https://youtube.com/watch?v={video.id}"
    assert record.get("content", "") == video.description
    assert record["sourceData"]["contentDetails"]["videoId"] == video.id


def test_private_and_unlisted_uploads_are_the_persons_posts_too(post: Bench) -> None:
    post.sync()
    kept = set(post.kept.records)
    for privacy in ("private", "unlisted"):
        assert [v.id for v in post.studio.uploads if v.privacy == privacy and v.id in kept]


@pytest.mark.parametrize("count", [5, 13])
def test_a_first_page_of_placeholders_is_not_the_end(post: Bench, count: int) -> None:
    post.holding.add_noise(count)
    post.sync()
    post.expect_in_sync()
    assert post.sync() == []
    assert post.requests() == 1


def test_uploads_below_new_placeholders_are_found(post: Bench) -> None:
    post.sync()
    post.holding.add(2)
    post.holding.add_noise(7)
    post.sync()
    post.expect_in_sync()
    assert post.sync() == []
    assert post.requests() == 1


def test_an_upload_that_turns_into_a_placeholder_is_gone(post: Bench) -> None:
    post.sync()
    video = next(v for v in post.studio.uploads if not v.gone)
    video.gone = "Deleted video"
    post.holding.add(1)
    post.studio.uploads.pop(10)
    post.sync()
    post.expect_in_sync()
    assert video.id in post.kept.deleted


def test_a_public_video_may_be_called_as_a_placeholder_is(post: Bench) -> None:
    video = next(v for v in post.studio.uploads if v.privacy == "public" and not v.gone)
    video.title = "Private video"
    post.sync()
    assert post.kept.records[video.id]["name"] == "Private video"


def test_an_account_without_a_channel_has_no_posts(post: Bench) -> None:
    post.studio.has_channel = False
    post.sync()
    assert not post.kept.records
    assert post.sync() == []
    assert post.requests() == 1
    post.studio.has_channel = True
    post.sync()
    post.expect_in_sync()


def test_a_playlist_that_is_not_found_deletes_no_video_that_is_there(post: Bench) -> None:
    post.sync()
    post.studio.has_playlist = False
    post.sync()
    assert len(post.kept.records) == 22
    assert not post.kept.deleted
    post.studio.has_playlist = True
    post.holding.add(1)
    post.sync()
    post.expect_in_sync()


def test_a_page_answered_as_a_playlist_not_found_costs_no_item(post: Bench) -> None:
    post.sync(cut_after=2)
    post.studio.has_playlist = False
    post.sync()
    assert len(post.kept.records) == 10
    post.studio.has_playlist = True
    post.sync()
    post.expect_in_sync()


# Errors


def test_a_refused_page_token_is_a_lost_position() -> None:
    error = GoogleError(400, "Not said.", "invalidPageToken", domain="youtube.parameter")
    assert isinstance(classify(400, {}, error.body()), PositionLostError)


def test_the_project_has_units_for_a_day_by_pacific_time(make: Start) -> None:
    from connectors.google.provider import Google

    quota = Google.configured({"youtube_units": 7}).quota("youtube")
    assert quota is not None
    assert (quota.units, quota.daily) == (7, "America/Los_Angeles")
    assert quota.cost("subscriptions.list") == 1
    assert "YouTube's quota of the Google project" in quota.spent_message
    assert Google.configured({"quota": "none"}).quota("youtube") is None
