from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.faults import ERROR_KINDS, Fault

if TYPE_CHECKING:
    from conftest import Party


def test_a_list_is_paged_by_cursors_and_ends_without_next(party: Party) -> None:
    pages = party.walk("me/posts", limit=5, fields="id,created_time")
    assert [len(page) for page in pages] == [5, 5, 2]
    ids = [post["id"] for page in pages for post in page]
    assert ids == [post.id for post in party.timeline.all("posts")]
    times = [post["created_time"] for page in pages for post in page]
    assert times == sorted(times, reverse=True)
    assert times[0] == "2026-09-21T14:13:20+0000"
    last = party.get("me/posts", limit=100)
    assert "after" in last["paging"]["cursors"]


def test_the_next_address_carries_the_token(party: Party) -> None:
    following = party.get("me/likes", limit=5)["paging"]["next"]
    assert party.token in following
    assert following.startswith("https://graph.facebook.com/v26.0/")


def test_privacy_makes_pages_short_and_empty(party: Party) -> None:
    for _ in range(7):
        party.timeline.add("likes", hidden=True)
    assert [len(page) for page in party.walk("me/likes", limit=5)] == [0, 3, 5, 4]


def test_a_range_of_times_bounds_the_posts_and_goes_along_with_the_next_page(party: Party) -> None:
    third = party.timeline.all("posts")[2]
    answer = party.get("me/posts", limit=5, until=third.created, since=third.created - 7 * 3600)
    assert answer["data"][0]["id"] == third.id
    assert f"until={third.created}" in answer["paging"]["next"]
    assert party.refusal("me/likes", until=third.created)[0] == 100


def test_an_empty_list_has_no_paging(party: Party) -> None:
    party.timeline.all("likes").clear()
    assert party.get("me/likes") == {"data": []}


def test_fields_are_those_that_are_asked_for(party: Party) -> None:
    assert set(party.get("me/likes")["data"][0]) == {"id", "name", "created_time"}
    posts = party.get("me/posts", fields="attachments{media_type,target{id}}", limit=100)["data"]
    attached = [post["attachments"]["data"][0] for post in posts if "attachments" in post]
    assert all(set(found) == {"media_type", "target"} for found in attached)
    assert all(set(found["target"]) == {"id"} for found in attached)
    assert party.get("me", fields="name")["id"] == party.side.account_id(party.account)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("me/posts", {"fields": "type"}, (12, None)),
        ("me/posts", {"fields": "id,link"}, (12, None)),
        ("me/posts", {"fields": "nope"}, (100, None)),
        ("me/likes", {"fields": "id,location,shoe_size"}, (100, None)),
        ("me/likes", {"fields": "id{"}, (2500, None)),
        ("me/likes", {"limit": "101"}, (100, None)),
        ("me/likes", {"after": "QVFI"}, (100, None)),
        ("me/posts", {"target_id": "1"}, (100, None)),
        ("me/friends", {}, (2500, None)),
        ("123_456", {}, (100, 33)),
        ("me", {"access_token": None}, (2500, None)),
        ("me", {"access_token": "EAAother"}, (190, None)),
        ("me", {"appsecret_proof": None}, (100, None)),
        ("me", {"appsecret_proof": "00"}, (100, None)),
    ],
)
def test_what_is_wrong_is_refused(
    party: Party, path: str, params: dict[str, str | None], code: tuple[int, int | None]
) -> None:
    assert party.refusal(path, **params) == code


def test_a_cursor_ends_with_its_item_and_at_will(party: Party) -> None:
    after = party.get("me/posts", limit=5)["paging"]["cursors"]["after"]
    assert len(party.get("me/posts", after=after)["data"]) == 7
    party.timeline.remove("posts", party.timeline.all("posts")[4].id)
    assert party.refusal("me/posts", after=after) == (100, None)
    party.timeline.reach = 3
    after = party.get("me/posts", limit=5)["paging"]["cursors"]["after"]
    assert party.refusal("me/posts", after=after) == (100, None)


def test_without_its_permission_a_list_is_empty(party: Party) -> None:
    party.token = party.sandbox.world.tokens.mint(party.account, ["public_profile", "user_likes"])[
        "access_token"
    ]
    assert party.get("me/posts") == {"data": []}
    assert party.get("me/likes")["data"]
    statuses = {p["permission"]: p["status"] for p in party.get("me/permissions")["data"]}
    assert statuses == {
        "public_profile": "granted",
        "user_likes": "granted",
        "user_posts": "declined",
    }
    party.timeline.data_access_ended = True
    assert party.get("me/permissions")["data"][1]["status"] == "expired"


def test_an_ended_token_says_so(party: Party) -> None:
    party.sandbox.world.tokens.expire_access(party.account)
    assert party.refusal("me") == (190, 463)


def test_an_item_is_read_by_its_id_and_a_like_by_its_target(party: Party) -> None:
    post, page = party.timeline.all("posts")[3], party.timeline.all("likes")[3]
    assert party.get(post.id, fields="id") == {"id": post.id}
    assert party.get("me/likes", target_id=page.id, fields="id")["data"] == [{"id": page.id}]
    assert party.get("me/likes", target_id="1", fields="id")["data"] == []


def test_every_fault_is_in_facebooks_form(party: Party) -> None:
    codes = {}
    for kind in sorted(ERROR_KINDS):
        party.sandbox.world.faults.add(Fault(kind, path="/me$"))
        codes[kind], _ = party.refusal("me")
    assert codes == {
        "401": 190, "403-daily": 4, "403-quota": 613, "403-scope": 200, "429": 613,
        "429-date": 613, "429-seconds": 613, "500": 1, "503": 2,
    }  # fmt: skip


def test_a_list_can_have_an_order_that_is_not_by_time_and_a_cap(party: Party) -> None:
    party.timeline.ranked = True
    posts = [p for page in party.walk("me/posts", limit=5, fields="id,created_time") for p in page]
    assert {p["id"] for p in posts} == {p.id for p in party.timeline.all("posts")}
    times = [post["created_time"] for post in posts]
    assert times not in (sorted(times), sorted(times, reverse=True))
    party.timeline.cap = 3
    assert len(party.get("me/posts", limit=100)["data"]) == 3
    assert party.get(party.timeline.all("posts")[-1].id, fields="id")


def test_a_list_can_lead_round_in_a_circle_of_empty_pages(party: Party) -> None:
    party.timeline.circling = True
    answer = party.get("me/likes", limit=100)
    assert len(answer["data"]) == 12
    seen = []
    for _ in range(4):
        seen.append(answer["paging"]["cursors"]["after"])
        answer = party.get("me/likes", limit=100, after=seen[-1])
        assert answer["data"] == []
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_fields_can_be_refused_for_one_item_alone(party: Party) -> None:
    posts = party.timeline.all("posts")
    party.timeline.odd[posts[3].id] = (frozenset({"attachments"}), 12)
    assert party.refusal("me/posts", fields="id,attachments", limit=5) == (12, None)
    assert len(party.get("me/posts", fields="id,attachments", limit=3)["data"]) == 3
    assert len(party.get("me/posts", fields="id", limit=5)["data"]) == 5


def test_access_to_the_data_can_end_between_two_pages(party: Party) -> None:
    party.timeline.pages_left = 1
    after = party.get("me/posts", limit=5)["paging"]["cursors"]["after"]
    assert party.get("me/posts", limit=5, after=after) == {"data": []}
    assert party.get("me/permissions")["data"][2]["status"] == "expired"


def test_the_likes_need_not_take_a_target(party: Party) -> None:
    party.timeline.takes_target = False
    assert party.refusal("me/likes", target_id="1") == (100, None)


def test_an_albums_parts_have_a_paging_of_their_own_which_carries_the_token(party: Party) -> None:
    while not (albums := [p for p in party.timeline.all("posts") if p.kind == "album"]):
        party.timeline.add("posts")
    asked = "attachments{media_type,subattachments{type}}"
    attachments = party.get(albums[0].id, fields=asked)["attachments"]
    for part in (attachments, attachments["data"][0]["subattachments"]):
        assert party.token in part["paging"]["next"]
