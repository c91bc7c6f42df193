from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from connectors.facebook.following import LikedPages
from connectors.facebook.provider import Facebook
from connectors.sdk.handler import Context
from connectors.sdk.records import Account, Record
from connectors.sdk.schemas.following import Following

if TYPE_CHECKING:
    from conftest import Start

SOURCE: dict[str, Any] = {"id": "77", "name": "Choir", "created_time": "2017-06-18T18:21:04+0200"}


def record(**fields: Any) -> Record:
    context: Any = Context(
        provider=Facebook.configured({}),
        account=Account("101"),
        api=None,  # type: ignore[arg-type]
        options={},
        kept=None,  # type: ignore[arg-type]
        text_limit=0,
        now=datetime.now(UTC),
    )
    made = LikedPages(context).record({**SOURCE, **fields})
    assert not Following().validate(made)
    return made


def test_a_page_becomes_a_record() -> None:
    made = record(link="https://www.facebook.com/choir", about="We sing.")
    assert made["followedTimestamp"] == made["insertedAt"] == "2017-06-18T16:21:04.000Z"
    assert (made["name"], made["description"]) == ("Choir", "We sing.")
    assert made["uri"] == "https://www.facebook.com/choir"


def test_the_plain_fields_are_enough() -> None:
    made = record(name=None)
    assert made["name"] == "77"
    assert made["uri"] == "https://facebook.com/77"
    assert "description" not in made


@pytest.mark.parametrize("time", [7, "soon"])
def test_a_page_without_a_sensible_time_is_not_mapped(time: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        record(created_time=time)


def test_an_unlike_far_down_is_seen(start: Start) -> None:
    bench = start("following", items=22)
    bench.sync()
    bench.holding.remove(bench.holding.expected({})[-2])
    bench.sync()
    bench.expect_in_sync()
