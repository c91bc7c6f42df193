"""The servers: how one is mapped, and how the list is followed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from connectors.discord.fields import default_avatar, made_at, picture, snowflake
from connectors.discord.following import JoinedServers
from connectors.discord.provider import Discord
from connectors.sdk.handler import Context
from connectors.sdk.records import Account, Record
from connectors.sdk.schemas.following import Following
from tests.connectors.discord.conftest import Start

#: The fields and the example's id of
#: https://docs.discord.com/developers/resources/user#get-current-user-guilds
GUILD: dict[str, Any] = {
    "id": "80351110224678912",
    "name": "Tea drinkers",
    "icon": "a_8342729096ea3675442027381ff50dfe",
    "banner": None,
    "owner": True,
    "permissions": "36953089",
    "features": ["COMMUNITY", "NEWS"],
}


@pytest.fixture
def handler() -> JoinedServers:
    context = Context(
        provider=Discord.configured({}),
        account=Account("1"),
        api=cast(Any, None),
        options={},
        kept=cast(Any, None),
        text_limit=0,
        now=cast(Any, None),
    )
    return JoinedServers(context)


def record(handler: JoinedServers, **changed: Any) -> Record:
    made = handler.record({**GUILD, **changed})
    Following().load(made)
    return made


def test_a_server_becomes_a_record(handler: JoinedServers) -> None:
    assert record(handler) == {
        "_id": "discord:1:80351110224678912",
        "schema": Following.uri,
        "name": "Tea drinkers",
        "sourceApplication": "https://discord.com",
        "sourceAccountId": "1",
        "sourceId": "80351110224678912",
        "sourceData": GUILD,
        # When the server was made: its id tells.
        "insertedAt": "2015-08-10T17:26:37.529Z",
        "uri": "https://discord.com/channels/80351110224678912",
        "icon": "https://cdn.discordapp.com/icons/80351110224678912/"
        "a_8342729096ea3675442027381ff50dfe.png",
    }


def test_a_server_without_a_picture_has_no_icon(handler: JoinedServers) -> None:
    assert "icon" not in record(handler, icon=None)


@pytest.mark.parametrize(
    "changed", [{"id": 7}, {"id": "seven"}, {"id": str(2**70)}, {"name": None}, {"name": 7}]
)
def test_a_server_that_makes_no_sense_is_not_mapped(
    handler: JoinedServers, changed: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        record(handler, **changed)


def test_features_in_another_order_are_no_change(handler: JoinedServers) -> None:
    one, other = record(handler), record(handler, features=["NEWS", "COMMUNITY"])
    assert handler.same(one, other)
    assert not handler.same(one, record(handler, permissions="0"))
    assert not handler.same(one, record(handler, features=None))


def test_an_id_is_a_number_of_64_bits_sent_as_text() -> None:
    assert snowflake(str(2**64 - 1)) == 2**64 - 1
    for other in (str(2**64), "9" * 10_000, "-1", "1.5", "\u0664", "", 1, None):
        assert snowflake(other) is None
    # The example of https://docs.discord.com/developers/reference#snowflakes
    assert made_at("175928847299117063") == "2016-04-30T11:18:25.796Z"


def test_a_picture_is_on_the_public_address_whatever_its_name() -> None:
    assert (
        picture("icons", "1", "a/../b?c") == "https://cdn.discordapp.com/icons/1/a%2F..%2Fb%3Fc.png"
    )
    # https://docs.discord.com/developers/reference#image-formatting
    assert default_avatar("1", 1337).endswith("/embed/avatars/2.png")
    assert default_avatar("80351110224678912", 0).endswith("/embed/avatars/5.png")


def test_what_is_joined_renamed_and_left_is_followed(start: Start) -> None:
    bench = start()
    job, holding = bench.connect(), bench.holding()
    assert bench.sync(job).handler == "enabled"
    assert set(bench.kept(job)) == set(holding.expected({}))
    first, second, *_ = holding.expected({})
    holding.add(7)
    holding.edit(first)
    holding.remove(second)
    bench.sync(job)
    kept = bench.kept(job)
    assert set(kept) == set(holding.expected({}))
    assert holding.reflects(kept[first])
    bench.requests()
    bench.sync(job)
    assert bench.requests() == {"discord": 1}


def test_a_server_that_one_answer_leaves_out_is_looked_for_before_it_is_marked(
    start: Start,
) -> None:
    bench = start()
    job, holding = bench.connect(), bench.holding()
    bench.sync(job)
    missing = holding.expected({})[3]
    holding.fall_out(missing, 1)
    bench.sync(job)
    assert missing in bench.kept(job)
    # Of a longer outage Discord tells nothing: it is taken for left, and comes back.
    holding.fall_out(missing, 2)
    bench.sync(job)
    assert missing not in bench.kept(job)
    bench.sync(job)
    assert set(bench.kept(job)) == set(holding.expected({}))


def test_an_empty_answer_is_asked_for_again_before_it_is_believed(start: Start) -> None:
    bench = start(items=3)
    job, holding = bench.connect(), bench.holding()
    bench.sync(job)
    for key in holding.expected({}):
        holding.fall_out(key, 1)
    bench.sync(job)
    assert len(bench.kept(job)) == 3
    holding.clear()
    bench.sync(job)
    assert not bench.kept(job)


@pytest.mark.parametrize("items", [10, 11])
def test_a_list_of_full_pages_is_read_to_its_end(start: Start, items: int) -> None:
    bench = start({"page_size": 5}, items=items)
    job = bench.connect()
    while bench.sync(job).next == "continue":
        pass
    assert len(bench.kept(job)) == items
