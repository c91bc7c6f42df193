from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.facebook.post import _FULL, _PLAIN, Posts
from connectors.facebook.provider import Facebook
from connectors.sdk.handler import Context
from connectors.sdk.records import Account, Record
from connectors.sdk.schemas.post import Post

SOURCE: dict[str, Any] = {
    "id": "101_202",
    "created_time": "2018-01-26T20:57:22+0000",
    "message": "  First line\nand more",
    "permalink_url": "https://www.facebook.com/101/posts/202",
    "status_type": "mobile_status_update",
}
GONE = {"caption", "description", "link", "name", "object_id", "source", "type"}


def record(**fields: Any) -> Record:
    source = {k: v for k, v in {**SOURCE, **fields}.items() if v is not None}
    context: Any = Context(
        provider=Facebook.configured({}),
        account=Account("101"),
        api=None,  # type: ignore[arg-type]
        options={},
        kept=None,  # type: ignore[arg-type]
        text_limit=0,
        now=datetime.now(UTC),
    )
    made = Posts(context).record(source)
    assert not Post().validate(made)
    assert made["sourceData"] is source
    return made


def attached(**fields: Any) -> dict[str, Any]:
    return {"attachments": {"data": [fields]}}


def test_a_post_becomes_a_record() -> None:
    made = record()
    assert made["_id"] == "facebook:101:101_202"
    assert made["name"] == "First line"
    assert made["content"] == "  First line\nand more"
    assert made["insertedAt"] == "2018-01-26T20:57:22.000Z"
    assert made["uri"] == SOURCE["permalink_url"]
    assert made["sourceApplication"] == "https://facebook.com"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"message": None, "story": "went out."}, "went out."),
        ({"message": " ", **attached(title="A talk")}, "A talk"),
        ({"message": None}, "(no text)"),
        ({"message": "x" * 101}, "x" * 99 + "…"),
    ],
)
def test_a_post_without_words_is_called_something(fields: dict[str, Any], name: str) -> None:
    assert record(**fields)["name"] == name


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "status"),
        ({"status_type": "added_video"}, "video"),
        ({"status_type": "something_new"}, "status"),
        ({"status_type": None}, "status"),
        (attached(media_type="album"), "album"),
        (attached(media_type="link"), "link"),
        ({"status_type": "added_photos", **attached(media_type="new")}, "photo"),
        ({"attachments": {"data": []}}, "status"),
        ({"attachments": {"data": 7}}, "status"),
        ({"attachments": "odd"}, "status"),
    ],
)
def test_the_type_is_that_of_what_is_attached(fields: dict[str, Any], kind: str) -> None:
    assert record(**fields)["type"] == kind


def test_a_post_without_an_address_gets_the_one_that_leads_to_it() -> None:
    assert record(permalink_url=None)["uri"] == "https://facebook.com/101_202"


@pytest.mark.parametrize("time", [7, None, "yesterday", "2018-01-26T20:57:22"])
def test_a_post_without_a_sensible_time_is_not_mapped(time: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        record(created_time=time)


def test_no_field_is_asked_for_that_is_gone() -> None:
    top = _FULL.partition("attachments")[0]
    assert not GONE & {*top.split(","), *_PLAIN.split(",")}
