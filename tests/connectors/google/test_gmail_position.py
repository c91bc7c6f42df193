from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.google.gmail_history import changes
from connectors.google.gmail_position import Backfill, State, months_before

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("months", "day"),
    [("1", "2026-02-28"), ("3", "2025-12-31"), ("6", "2025-09-30"), ("12", "2025-03-31")],
)
def test_months_are_calendar_months(months: str, day: str) -> None:
    since = months_before(NOW, months)
    assert since is not None
    assert datetime.fromtimestamp(since, UTC).date().isoformat() == day


def test_a_position_survives_json() -> None:
    state = State("12", "3", Backfill(page="t", since=5, shifted=True), 9)
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert State.from_json({}) == State()


def test_widening_lists_the_older_part_only() -> None:
    done = Backfill(since=1_000_000, done=True)
    assert done.reaching(None) == Backfill(before=1_000_000 + 86_400)
    assert done.reaching(500_000).query == f"after:500000 before:{1_000_000 + 86_400}"


def test_narrowing_a_finished_backfill_changes_nothing() -> None:
    everything = Backfill(done=True)
    assert everything.reaching(1_000_000) == everything


def test_narrowing_an_unfinished_backfill_stops_it_earlier() -> None:
    assert Backfill(page="t").reaching(1_000_000) == Backfill(since=1_000_000)


def test_the_same_choice_on_a_later_day_changes_nothing() -> None:
    state = State()
    state.choose("1", NOW)
    state.backfill = state.backfill.turned("t")
    before = state.to_json()
    state.choose("1", NOW.replace(month=4, day=1))
    assert state.to_json() == before


def record(number: int, **kinds: list[dict[str, object]]) -> dict[str, object]:
    return {"id": str(number), **kinds}


def test_a_message_that_came_and_went_is_gone() -> None:
    found = changes(
        [
            record(1, messagesAdded=[{"message": {"id": "a", "labelIds": ["INBOX"]}}]),
            record(2, messagesDeleted=[{"message": {"id": "a"}}]),
        ]
    )
    assert found["a"].absent
    assert found["a"].last == 2


def test_spam_is_absent_until_it_is_taken_out() -> None:
    spam = record(1, messagesAdded=[{"message": {"id": "a", "labelIds": ["SPAM"]}}])
    out = record(2, labelsRemoved=[{"message": {"id": "a"}, "labelIds": ["SPAM"]}])
    assert changes([spam])["a"].absent
    assert not changes([spam, out])["a"].absent
    assert changes([out])["a"].shown
