"""What Facebook may do in the middle of a list, by the real engine over the sandbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.facebook.edge import Edge
from connectors.sdk.oauth import Tokens
from worker import connections

if TYPE_CHECKING:
    from conftest import Bench, Start

BOTH = pytest.mark.parametrize("handler", ["following", "post"])


def connect_again(bench: Bench) -> None:
    bench.timeline.pages_left, bench.timeline.data_access_ended = None, False
    minted = bench.side.tokens(bench.sandbox.world.tokens.mint(0, bench.side.scopes))
    connections.connect(bench.services, "owner", "facebook", Tokens.from_json(minted))


@BOTH
@pytest.mark.parametrize("pages", [1, 2, 4])
def test_a_permission_that_goes_in_mid_list_deletes_nothing(
    start: Start, handler: str, pages: int
) -> None:
    bench = start(handler, items=22)
    bench.sync()
    before = bench.kept()
    bench.timeline.pages_left = pages
    assert bench.sync().handler == "invalid-auth"
    assert bench.kept() == before
    connect_again(bench)
    bench.sync()
    bench.expect_in_sync()


@BOTH
def test_a_permission_that_goes_during_the_look_ups_deletes_nothing(
    start: Start, handler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = start(handler, items=22)
    bench.sync()
    before = bench.kept()
    # Some are listed no more and still there; access ends once the list has been read.
    bench.timeline.cap = 17
    name = "contains" if handler == "following" else "exists"
    real = getattr(Edge, name)

    def late(self: Edge, ident: str) -> bool:
        bench.timeline.data_access_ended = True
        return bool(real(self, ident))

    monkeypatch.setattr(Edge, name, late)
    assert bench.sync().handler == "invalid-auth"
    assert bench.kept() == before


@BOTH
def test_a_backfill_whose_permission_goes_is_taken_up_where_it_was(
    start: Start, handler: str
) -> None:
    bench = start(handler, items=22)
    bench.slice(batches=1)
    bench.slice(batches=1)
    bench.timeline.data_access_ended = True
    assert bench.sync().handler == "invalid-auth"
    assert bench.state().position["phase"] == "walk"
    connect_again(bench)
    bench.sync()
    bench.expect_in_sync()


@pytest.mark.parametrize("whole", [False, True])
def test_a_list_that_is_not_by_time_ends_where_its_cursors_do(start: Start, whole: bool) -> None:
    bench = start("post", items=22)
    bench.timeline.ranked = True
    if whole:
        bench.sync()
    bench.timeline.reach = 10
    bench.requests()
    assert bench.sync().handler == "enabled"
    assert sum(bench.requests().values()) < 60
    if whole:
        bench.expect_in_sync()
    else:
        assert len(bench.kept()) >= 10


def test_more_posts_of_one_second_than_are_handed_out_end_the_list(start: Start) -> None:
    bench = start("post", items=22)
    bench.timeline.reach = 10
    posts = bench.timeline.all("posts")
    for post in posts[4:18]:
        post.created = posts[4].created
    assert bench.sync().handler == "enabled"
    assert len(bench.kept()) >= 10


@BOTH
@pytest.mark.parametrize("whole", [False, True])
def test_empty_pages_that_lead_to_each_other_end_the_run_and_lose_nothing(
    start: Start, handler: str, whole: bool
) -> None:
    bench = start(handler)
    if whole:
        bench.sync()
    bench.timeline.circling = True
    bench.requests()
    outcome = bench.slice()
    while outcome.next == "continue":
        outcome = bench.slice()
    assert outcome.next == "wait"
    assert sum(bench.requests().values()) < 40
    bench.expect_in_sync()
    bench.timeline.circling = False
    assert bench.sync().handler == "enabled"
    bench.expect_in_sync()


def test_the_token_in_the_pages_of_an_albums_parts_is_not_kept(start: Start) -> None:
    bench = start("post", items=60)
    vault = bench.services.vaults.open("owner")
    tokens = vault.tokens(bench.job.connection)
    assert tokens is not None
    raw: list[Any] = []
    select = bench.timeline.oddities["posts"].send

    def send(ident: str, item: dict[str, Any]) -> dict[str, Any]:
        raw.append(select(ident, item))
        return dict(raw[-1])

    bench.timeline.oddities["posts"].send = send  # type: ignore[method-assign]
    broken = next(p for p in bench.timeline.all("posts") if p.kind == "album").id
    bench.holding.spoil(broken, "broken")
    bench.sync()
    assert tokens.access_token in json.dumps(raw)
    (odd,) = vault.quarantine()
    assert odd.source_id == broken
    held = json.dumps([*bench.kept().values(), odd.source])
    assert tokens.access_token not in held
    albums = [r for r in bench.kept().values() if r["type"] == "album"]
    assert albums
    for album in albums:
        assert len(album["sourceData"]["attachments"]["data"][0]["subattachments"]["data"]) == 2


@BOTH
def test_what_a_cap_hides_is_looked_up_in_turn_so_that_a_deletion_shows(
    start: Start, handler: str
) -> None:
    bench = start(handler, items=140, size=100)
    bench.sync()
    hidden = sorted(bench.holding.expected({})[10:])
    bench.timeline.cap = 10
    bench.holding.remove(hidden[-1])
    bench.sync()
    assert hidden[-1] in bench.kept()
    bench.sync()
    bench.expect_in_sync()
    for _ in range(2):
        bench.sync()
    bench.requests()
    bench.sync()
    assert sum(bench.requests().values()) == 1 + 20


@pytest.mark.parametrize(
    ("handler", "field", "code"),
    [("post", "attachments", 12), ("following", "about", 10), ("following", "about", 100)],
)
def test_one_odd_item_costs_its_own_fields_alone(
    start: Start, handler: str, field: str, code: int
) -> None:
    bench = start(handler, items=60, size=50)
    odd = bench.timeline.all(bench.kind)[23].id
    bench.timeline.odd[odd] = (frozenset({field}), code)
    bench.sync()
    bench.expect_in_sync()
    told = "privacy" if handler == "post" else "category"
    assert [key for key, r in bench.kept().items() if told not in r["sourceData"]] == [odd]
    bench.requests()
    bench.sync()
    assert sum(bench.requests().values()) < 20


@BOTH
def test_a_poor_reading_changes_what_it_tells_and_leaves_the_rest(
    start: Start, handler: str
) -> None:
    bench = start(handler)
    bench.sync()
    field = "attachments" if handler == "post" else "about"
    key, was = next((k, r) for k, r in bench.kept().items() if field in r["sourceData"])
    bench.timeline.withheld[bench.kind] = (frozenset({field}), 12)
    bench.holding.edit(key)
    bench.sync()
    bench.expect_in_sync()
    now = bench.kept()[key]
    assert now["sourceData"][field] == was["sourceData"][field]
    assert now["sourceData"].keys() == was["sourceData"].keys()
    assert now["name"] != was["name"]
    assert now.get("type") == was.get("type")


def test_a_like_that_cannot_be_asked_for_by_itself_stays(start: Start) -> None:
    bench = start("following")
    bench.sync()
    bench.timeline.cap = 5
    bench.timeline.takes_target = False
    bench.sync()
    bench.expect_in_sync()
