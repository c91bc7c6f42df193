"""Ids and times of records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.records import connection_id, iso, record_id

ACCOUNTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
PROVIDERS = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)


@given(st.tuples(PROVIDERS, ACCOUNTS, ACCOUNTS), st.tuples(PROVIDERS, ACCOUNTS, ACCOUNTS))
def test_different_items_never_share_an_id(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (record_id(*one) == record_id(*other)) == (one == other)


@given(PROVIDERS, ACCOUNTS)
def test_a_connection_id_has_no_separator_of_ours_besides_its_colon(
    provider: str, account: str
) -> None:
    identity = connection_id(provider, account)
    assert identity.count(":") == 1
    assert not set(identity) & set("|/? \n")


def test_ids_can_be_read() -> None:
    assert connection_id("acme", "ada+x@example.com") == "acme:ada+x@example.com"
    assert record_id("acme", "1:2", "a:b") == "acme:1%3A2:a:b"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00.000Z"),
        (
            datetime(2024, 5, 1, 1, 30, 0, 999_999, timezone(timedelta(hours=5, minutes=30))),
            "2024-04-30T20:00:00.999Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_to_the_millisecond(moment: datetime, text: str) -> None:
    assert iso(moment) == text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        iso(datetime(2024, 5, 1))  # noqa: DTZ001 - the mistake in question


def test_times_sort_as_text() -> None:
    moments = [datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=7 * n) for n in range(50)]
    assert sorted(map(iso, moments)) == [iso(moment) for moment in moments]
