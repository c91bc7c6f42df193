"""The sandbox's YouTube, by Google's own client and against its discovery document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from jsonschema import Draft202012Validator

from sandbox.holding import Holding
from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running
from tests.sandbox.conftest import NEWEST, strict_schema

Check = Callable[[str, object], None]
PARTS = "snippet,contentDetails"
ACCOUNTS = 24


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return dict(json.loads((folder / "youtube.v3.json").read_text()))


@pytest.fixture(scope="module")
def check(document: dict[str, Any]) -> Check:
    defs = {name: strict_schema(schema) for name, schema in document["schemas"].items()}

    def validate(schema: str, answer: object) -> None:
        Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": defs}).validate(answer)

    return validate


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    options = SandboxOptions(newest=NEWEST, messages=0, items=23, accounts=ACCOUNTS)
    with running(options) as served:
        yield served


class Party:
    """One account, by Google's client."""

    def __init__(
        self,
        sandbox: RunningSandbox,
        document: dict[str, Any],
        account: int,
        token: str | None = None,
    ) -> None:
        side: Any = sandbox.world.sides["google"]
        self.studio = side.youtube.studios[account]
        self.project = side.youtube.project
        self.holdings: dict[str, Holding] = dict(side.holdings(account))
        token = token or sandbox.world.mint(account)["access_token"]
        made = {**document, "rootUrl": f"{sandbox.url}/", "mtlsRootUrl": ""}
        self.client: Any = build_from_document(made, credentials=Credentials(token))

    def subscriptions(self, **values: Any) -> Any:
        return self.client.subscriptions().list(**{"part": PARTS, **values}).execute()

    def videos(self, **values: Any) -> Any:
        return self.client.videos().list(**{"part": PARTS, **values}).execute()

    def uploads(self, **values: Any) -> Any:
        values = {"part": f"{PARTS},status", "playlistId": self.studio.playlist, **values}
        return self.client.playlistItems().list(**values).execute()


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(ACCOUNTS))


@pytest.fixture
def party(
    sandbox: RunningSandbox, document: dict[str, Any], numbers: Iterator[int]
) -> Iterator[Party]:
    """An account that no other test has touched."""
    made = Party(sandbox, document, next(numbers))
    yield made
    made.client.close()


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(HttpError) as error:
        call()
    (entry,) = json.loads(error.value.content)["error"]["errors"]
    return error.value.resp.status, entry["reason"]


def all_ids(call: Callable[..., Any], **values: Any) -> list[str]:
    ids: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = call(**values, **token)
        ids += [item["id"] for item in answer["items"]]
        if "nextPageToken" not in answer:
            return ids
        token = {"pageToken": answer["nextPageToken"]}


def test_answers_are_as_the_discovery_document_says(party: Party, check: Check) -> None:
    check("SubscriptionListResponse", party.subscriptions(mine=True, maxResults=50))
    check("VideoListResponse", party.videos(myRating="like", maxResults=50))
    check("PlaylistItemListResponse", party.uploads(maxResults=50))
    channels = party.client.channels().list(part="contentDetails", mine=True).execute()
    check("ChannelListResponse", channels)
    ids = party.holdings["youtube-favourite"].expected({})[:2]
    check("VideoGetRatingResponse", party.client.videos().getRating(id=",".join(ids)).execute())
    check("VideoListResponse", party.videos(id=ids, part="id"))


def test_pages_lead_through_the_whole_list(party: Party) -> None:
    for size in (1, 4, 50):
        found = all_ids(
            party.subscriptions, mine=True, order="alphabetical", maxResults=size, part="snippet"
        )
        assert found == party.holdings["youtube-following"].expected({})
    assert all_ids(party.videos, myRating="like", maxResults=7) == party.holdings[
        "youtube-favourite"
    ].expected({})


def test_a_page_tells_the_lists_length_and_leads_back(party: Party) -> None:
    first = party.videos(myRating="like", maxResults=10)
    assert first["pageInfo"] == {"totalResults": 23, "resultsPerPage": 10}
    assert "prevPageToken" not in first
    second = party.videos(myRating="like", maxResults=10, pageToken=first["nextPageToken"])
    back = party.videos(myRating="like", maxResults=10, pageToken=second["prevPageToken"])
    assert back["items"] == first["items"]


def test_without_a_size_a_page_has_five_items(party: Party) -> None:
    assert len(party.subscriptions(mine=True)["items"]) == 5
    assert party.subscriptions(mine=True, maxResults=0)["items"] == []


@pytest.mark.parametrize("order", ["relevance", "unread", "alphabetical", None])
def test_every_order_has_all_subscriptions(party: Party, order: str | None) -> None:
    values = {"order": order} if order else {}
    found = all_ids(party.subscriptions, mine=True, maxResults=50, **values)
    assert sorted(found) == sorted(party.holdings["youtube-following"].expected({}))


def test_subscriptions_are_found_by_channel_and_by_id(party: Party) -> None:
    wanted = party.studio.subscriptions[3:6]
    channels = ",".join(item.channel for item in wanted)
    found = party.subscriptions(mine=True, forChannelId=channels + ",UCnobody", maxResults=50)
    assert {item["id"] for item in found["items"]} == {item.id for item in wanted}
    assert [i["id"] for i in party.subscriptions(id=wanted[0].id)["items"]] == [wanted[0].id]


def test_uploads_hold_placeholders_that_are_not_expected(party: Party) -> None:
    items = party.uploads(maxResults=50)["items"]
    gone = [i for i in items if i["snippet"]["title"] in ("Private video", "Deleted video")]
    assert len(gone) == 2
    assert all("videoPublishedAt" not in i["contentDetails"] for i in gone)
    assert all(i["snippet"]["thumbnails"] == {} for i in gone)
    shown = [i["contentDetails"]["videoId"] for i in items if i not in gone]
    assert shown == party.holdings["youtube-post"].expected({})
    assert [item["snippet"]["position"] for item in items] == list(range(25))


def test_uploads_are_found_by_video(party: Party) -> None:
    video = party.studio.uploads[5]
    (item,) = party.uploads(videoId=video.id)["items"]
    assert item["snippet"]["resourceId"]["videoId"] == video.id


def test_videos_that_are_gone_are_not_found_by_id(party: Party) -> None:
    there = party.holdings["youtube-post"].expected({})[0]
    gone = next(video.id for video in party.studio.uploads if video.gone)
    assert [item["id"] for item in party.videos(id=f"{there},{gone}")["items"]] == [there]


def test_ratings_tell_likes_from_the_rest(party: Party) -> None:
    liked, other = party.holdings["youtube-favourite"].expected({})[:2]
    party.studio.unlike(other)
    items = party.client.videos().getRating(id=f"{liked},{other}").execute()["items"]
    assert {item["videoId"]: item["rating"] for item in items} == {liked: "like", other: "none"}
    assert party.videos(id=other)["items"]


def test_an_account_without_a_channel_gets_no_items(party: Party) -> None:
    party.studio.has_channel = False
    answer = party.client.channels().list(part="contentDetails", mine=True).execute()
    assert "items" not in answer


def test_what_is_not_right_or_not_played_is_refused(party: Party) -> None:
    subscriptions = party.client.subscriptions()
    bare = subscriptions.list(part="snippet", mine=True)
    bare.uri = bare.uri.replace("part=snippet&", "")
    assert refusal(bare.execute) == (400, "missingRequiredParameter")
    assert refusal(party.subscriptions) == (400, "missingRequiredParameter")
    for values, reason in (
        ({"mine": True, "id": "x"}, "incompatibleParameters"),
        ({"mine": True, "maxResults": 51}, "invalidParameter"),
        ({"mine": True, "mySubscribers": True}, "unexpectedParameter"),
        ({"mine": True, "part": "subscriberSnippet"}, "unknownPart"),
        ({"mine": True, "pageToken": "AAAA"}, "invalidPageToken"),
        ({"mine": True, "pageToken": "nonsense!"}, "invalidPageToken"),
        ({"mine": True, "order": "subscriptionOrderUnspecified"}, "invalidParameter"),
        ({"id": [f"id{n}" for n in range(51)]}, "invalidFilters"),
    ):
        assert refusal(lambda v=values: party.subscriptions(**v)) == (400, reason)  # type: ignore[misc]
    assert refusal(lambda: party.videos(myRating="like", maxResults=0))[0] == 400
    assert refusal(lambda: party.videos(myRating="dislike"))[0] == 400
    assert refusal(lambda: party.videos(id="a", maxResults=5)) == (400, "incompatibleParameters")
    assert refusal(lambda: party.uploads(playlistId="UUx")) == (404, "playlistNotFound")


def test_lost_page_tokens_are_refused_and_other_lists_keep_theirs(party: Party) -> None:
    likes = party.videos(myRating="like")["nextPageToken"]
    uploads = party.uploads()["nextPageToken"]
    party.holdings["youtube-favourite"].lose_feed()
    lost = refusal(lambda: party.videos(myRating="like", pageToken=likes))
    assert lost == (400, "invalidPageToken")
    assert party.uploads(pageToken=uploads)["items"]
    assert refusal(lambda: party.uploads(pageToken=likes)) == (400, "invalidPageToken")


def test_the_projects_day_is_spent_by_refused_requests_too(party: Party) -> None:
    party.project.spent, party.project.daily_units = 0, 2
    try:
        party.subscriptions(mine=True)
        refusal(party.subscriptions)
        assert refusal(lambda: party.subscriptions(mine=True)) == (403, "quotaExceeded")
    finally:
        party.project.daily_units = None


def test_the_scope_is_needed(sandbox: RunningSandbox, document: dict[str, Any]) -> None:
    mail = ["https://www.googleapis.com/auth/gmail.readonly"]
    party = Party(sandbox, document, 0, sandbox.world.mint(0, mail)["access_token"])
    assert refusal(lambda: party.videos(myRating="like")) == (403, "insufficientPermissions")
    party.client.close()


def test_etags_change_with_what_they_stand_for(party: Party) -> None:
    before = party.videos(myRating="like", maxResults=50)
    assert party.videos(myRating="like", maxResults=50) == before
    holding = party.holdings["youtube-favourite"]
    holding.edit(holding.expected({})[0])
    after = party.videos(myRating="like", maxResults=50)
    assert after["etag"] != before["etag"]
    assert after["items"][0]["etag"] != before["items"][0]["etag"]
    assert after["items"][1]["etag"] == before["items"][1]["etag"]


def test_titles_come_in_several_scripts(party: Party) -> None:
    titles = "".join(video.title for video in party.studio.likes)
    assert any(ord(letter) > 0x400 for letter in titles)


def test_changes_from_several_threads_lose_nothing(party: Party) -> None:
    holding = party.holdings["youtube-following"]
    before = len(holding.expected({}))
    with ThreadPoolExecutor(4) as pool:
        made = [key for keys in pool.map(lambda _: holding.add(5), range(8)) for key in keys]
    assert len(set(made)) == 40
    assert len(holding.expected({})) == before + 40


def test_every_other_upload_removed_from_the_first_page_leaves_a_placeholder(party: Party) -> None:
    holding = party.holdings["youtube-post"]
    before = party.uploads(maxResults=5)["pageInfo"]["totalResults"]
    first, second, *_, last = holding.expected({})
    holding.remove(first)
    assert party.uploads(videoId=first)["items"][0]["snippet"]["title"] == "Deleted video"
    assert party.uploads(maxResults=5)["pageInfo"]["totalResults"] == before
    holding.remove(second)
    holding.remove(last)
    assert not party.uploads(videoId=second)["items"]
    assert not party.uploads(videoId=last)["items"]
    assert not {first, second, last} & set(holding.expected({}))
    assert not party.videos(id=first)["items"]
