"""ItemsRangeTracker, case by case."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.ranges import ItemsRange, ItemsRangeTracker

IDS = st.text(st.characters() | st.sampled_from(':,"[]\\\0\ud800'), min_size=1, max_size=6)


def numbered(first: int, last: int) -> list[str]:
    """Ids, newest first: the higher the newer."""
    return [str(n) for n in range(last, first - 1, -1)]


def test_empty_tracker_asks_for_the_whole_list() -> None:
    assert ItemsRangeTracker().next_range() == ItemsRange(None, None)
    assert ItemsRangeTracker().export() == "[]"


@pytest.mark.parametrize("saved", [None, "", "[]"])
def test_nothing_saved_means_nothing_known(saved: str | None) -> None:
    assert ItemsRangeTracker(saved).next_range() == ItemsRange()


def test_a_run_cut_at_the_head_goes_on_below_it_and_then_joins_what_was_known() -> None:
    tracker = ItemsRangeTracker('[["40","45"]]')
    assert tracker.next_range() == ItemsRange(None, "40")
    tracker.completed_range(ItemsRange("30", "35"), False)
    assert tracker.export() == '[["30","35"],["40","45"]]'
    assert tracker.next_range() == ItemsRange("35", "40")
    tracker.completed_range(ItemsRange("36", "39"), True)
    assert tracker.export() == '[["30","45"]]'
    assert tracker.next_range() == ItemsRange("45", None)


def test_order_is_head_then_gaps_then_backfill_then_finished() -> None:
    tracker = ItemsRangeTracker('[["30","35"],["40","45"]]')
    assert tracker.next_range() == ItemsRange(None, "30")
    tracker.completed_range(ItemsRange("20", "29"), True)
    assert tracker.next_range() == ItemsRange("35", "40")
    tracker.completed_range(ItemsRange("35", "40"), True)
    assert tracker.next_range() == ItemsRange("45", None)
    tracker.completed_range(ItemsRange("46", "49"), True)
    assert tracker.next_range() is None
    assert tracker.export() == '[["20",null]]'


def test_a_finished_list_is_only_looked_at_from_its_head() -> None:
    tracker = ItemsRangeTracker('[["20",null]]')
    assert tracker.next_range() == ItemsRange(None, "20")
    tracker.completed_range(ItemsRange(), True)
    assert tracker.next_range() is None
    assert tracker.export() == '[["20",null]]'


def test_progress_is_kept_inside_every_kind_of_gap() -> None:
    tracker = ItemsRangeTracker('[["40","45"]]')
    tracker.update_range(ItemsRange("30", "32"))
    assert tracker.next_range() == ItemsRange("32", "40")
    tracker.update_range(ItemsRange("33", "35"))
    assert tracker.export() == '[["30","35"],["40","45"]]'
    tracker.completed_range(ItemsRange(), True)
    tracker.update_range(ItemsRange("46", "47"))
    assert tracker.export() == '[["30","47"]]'
    assert tracker.next_range() == ItemsRange("47", None)


def test_a_gap_without_progress_is_left_to_the_next_sync() -> None:
    saved = '[["30","35"],["40","45"]]'
    tracker = ItemsRangeTracker(saved)
    for gap in (ItemsRange(None, "30"), ItemsRange("35", "40"), ItemsRange("45", None)):
        assert tracker.next_range() == gap
        tracker.completed_range(ItemsRange(), False)
    assert tracker.next_range() is None
    assert tracker.export() == saved


def test_the_end_of_the_list_met_instead_of_a_known_item_leaves_nothing_below() -> None:
    tracker = ItemsRangeTracker('[["30","35"],["40","45"]]')
    tracker.completed_range(ItemsRange("20", "25"), False, list_ended=True)
    assert tracker.next_range() is None
    assert tracker.export() == '[["20",null]]'


def test_a_list_found_empty_forgets_everything() -> None:
    tracker = ItemsRangeTracker('[["30",null]]')
    tracker.completed_range(ItemsRange(), True, list_ended=True)
    assert tracker.next_range() is None
    assert tracker.export() == "[]"


def test_meeting_a_later_run_joins_all_runs_down_to_it() -> None:
    tracker = ItemsRangeTracker('[["30","35"],["40","45"],["50","55"]]')
    assert tracker.is_known("40")
    tracker.completed_range(ItemsRange("20", "38"), True, met="40")
    assert tracker.export() == '[["20","45"],["50","55"]]'
    assert tracker.next_range() == ItemsRange("45", "50")


def test_ids_given_are_kept_outermost_first_to_stand_in_for_the_ends() -> None:
    tracker = ItemsRangeTracker('[["30","33",["31"],["32"]]]')
    tracker.completed_range(ItemsRange("28", "29"), True, ids=["28", "29"])
    tracker.completed_range(ItemsRange("34", "35"), False, ids=["34", "35"])
    kept = '["28","35",["29","30","31","34","35"],["34","33","32"]]'
    assert tracker.export() == f"[{kept}]"


def test_of_many_ids_the_outermost_and_some_spread_over_the_rest_are_kept() -> None:
    tracker = ItemsRangeTracker()
    ids = numbered(1, 100)
    tracker.completed_range(ItemsRange("100", "1"), False, ids=ids)
    [[start, end, newest, oldest]] = json.loads(tracker.export())
    assert [start, *newest] == ["100", "99", "98", "97", "73", "49", "25", "1"]
    assert [end, *oldest] == ["1", "2", "3", "4", "28", "52", "76", "100"]


def test_ids_newer_than_the_one_met_are_forgotten() -> None:
    saved = '[["30","39",["31","32"],["38","37"]],["50",null]]'
    tracker = ItemsRangeTracker(saved)
    tracker.completed_range(ItemsRange(), True, met="32")
    assert tracker.export() == '[["32","39",[],["38","37"]],["50",null]]'
    tracker = ItemsRangeTracker(saved)
    tracker.completed_range(ItemsRange("28", "35"), True, met="38")
    assert tracker.export() == '[["28","39",[],["38"]],["50",null]]'


def test_ids_above_the_gap_do_not_end_it() -> None:
    tracker = ItemsRangeTracker('[["30","35"],["40","45"]]')
    tracker.completed_range(ItemsRange(), True)
    assert not tracker.is_known("35")
    assert tracker.is_known("40")
    assert tracker.is_known("45")
    with pytest.raises(ValueError, match="not known"):
        tracker.completed_range(ItemsRange(), True, met="30")


def test_a_lost_start_falls_back_to_ids_further_up_and_at_last_to_the_head() -> None:
    tracker = ItemsRangeTracker('[["20","25"],["30","35",["31"],["34"]],["40","45"]]')
    tracker.completed_range(ItemsRange(), True)
    tracker.completed_range(ItemsRange(), False)
    assert tracker.next_range() == ItemsRange("35", "40")
    starts = []
    while (gap := tracker.next_range()) and gap.start_id:
        tracker.start_lost()
        starts.append(tracker.next_range())
    assert starts == [ItemsRange("34", "40"), ItemsRange("25", "40"), ItemsRange(None, "40")]
    with pytest.raises(ValueError, match="no start"):
        tracker.start_lost()


def test_reports_that_make_no_sense_are_refused() -> None:
    tracker = ItemsRangeTracker('[["30","35"]]')
    with pytest.raises(ValueError, match="newest"):
        tracker.update_range(ItemsRange(None, "28"))
    done = ItemsRangeTracker()
    done.completed_range(ItemsRange("1", "1"), True)
    with pytest.raises(ValueError, match="no gap"):
        done.completed_range(ItemsRange(), True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("30:35,40:45", '[["30","35"],["40","45"]]'),
        ("30:35", '[["30","35"]]'),
        ("30:", '[["30",null]]'),
        ("30:,40:45", '[["40","45"]]'),
        (":35,nonsense,a:b:c,40:45", '[["40","45"]]'),
    ],
)
def test_the_older_form_is_read(old: str, new: str) -> None:
    assert ItemsRangeTracker(old).export() == new


@pytest.mark.parametrize(
    "saved",
    [
        '[["private","pri',
        "[[1,2]]",
        '[["private"]]',
        '[["private",null],["40","45"]]',
        '[["private","b",["c"]]]',
        '[["private","b",["c"],[4]]]',
        '[["private","b"],"c"]',
        "[[" * 100_000,
    ],
)
def test_a_damaged_position_is_refused_without_quoting_it(saved: str) -> None:
    with pytest.raises(ValueError, match="saved range") as caught:
        ItemsRangeTracker(saved)
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(
    st.lists(st.tuples(IDS, IDS, st.lists(IDS, max_size=9), st.lists(IDS, max_size=9)), max_size=5)
)
def test_export_and_import_round_trip(runs: list[tuple[str, str, list[str], list[str]]]) -> None:
    tidy = [[s, e, n, o] if n or o else [s, e] for s, e, n, o in runs]
    saved = json.dumps(tidy, separators=(",", ":"))
    assert ItemsRangeTracker(saved).export() == saved


@given(st.text() | IDS.map(lambda i: f"{i}:{i}"))
def test_any_text_is_read_or_refused(saved: str) -> None:
    try:
        tracker = ItemsRangeTracker(saved)
    except ValueError:
        return
    assert tracker.next_range() is not None
