from __future__ import annotations

import pytest

from connectors.facebook.place import Place
from connectors.sdk.errors import PositionLostError

NOW = 1_790_000_000.0
NEXT = (
    "https://graph.facebook.com/v26.0/1/posts?access_token=EAAsecret&appsecret_proof=ab12&limit=25"
)


def test_only_what_leads_on_is_taken_out_of_the_next_address() -> None:
    paging = {"cursors": {"before": "b", "after": "QVFI"}, "next": f"{NEXT}&until=7&after=old"}
    place = Place(NOW).following(paging, NOW, 1_700_000_000)
    assert place is not None
    assert place.where == {"after": "QVFI", "until": "7"}
    assert "secret" not in place.token()
    assert "ab12" not in place.token()
    assert Place.read(place.token()) == place


def test_a_page_without_next_is_the_last_though_it_has_a_cursor() -> None:
    assert Place(NOW).following({"cursors": {"after": "QVFI"}}, NOW, 7) is None
    assert Place(NOW).following(None, NOW, 7) is None


def test_paging_by_time_has_no_cursors() -> None:
    place = Place(NOW).following({"next": f"{NEXT}&until=99&__paging_token=enc_A"}, NOW, 0)
    assert place is not None
    assert place.where == {"until": "99", "__paging_token": "enc_A"}


@pytest.mark.parametrize("following", [NEXT, "no address", 7, f"{NEXT}&after=QVFI"])
def test_a_next_page_that_nothing_leads_to_is_lost_and_not_read_for_ever(following: object) -> None:
    with pytest.raises(PositionLostError):
        Place(NOW, {"after": "QVFI"}).following({"next": following}, NOW, 7)


def test_a_cursor_gets_stale_within_the_hour_and_a_time_never_does() -> None:
    place = Place(NOW, {"after": "QVFI"}, 1_700_000_000)
    assert not place.stale(NOW + 3599)
    assert place.stale(NOW + 3600)
    assert place.stale(NOW - 1)
    by_time = place.by_time(NOW)
    assert by_time is not None
    assert by_time.where == {"until": "1700000001"}
    assert not by_time.stale(NOW + 1e9)
    assert Place(NOW, {"after": "QVFI"}).by_time(NOW) is None


@pytest.mark.parametrize("token", ["", "refused", "[]", '{"other": 1}'])
def test_a_token_that_is_none_is_lost(token: str) -> None:
    with pytest.raises(PositionLostError):
        Place.read(token)


def test_a_time_leads_on_only_where_the_list_has_come_further_down() -> None:
    first = Place(NOW, {"after": "QVFI"}, 1_700_000_000).by_time(NOW)
    assert first is not None
    paging = {"cursors": {"after": "QVFJ"}, "next": NEXT}
    for seen, further in ((1_700_000_001, False), (1_700_000_000, False), (1_699_999_999, True)):
        place = first.following(paging, NOW, seen)
        assert place is not None
        place = Place.read(place.token())
        assert (place.by_time(NOW) is not None) == further


def test_a_token_kept_by_an_earlier_version_is_still_read() -> None:
    assert Place.read('{"given":1.0,"where":{"after":"QVFI"},"seen":7}').by_time(NOW) is not None
