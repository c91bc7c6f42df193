"""The sliding window of the quota, and the slots for requests at once."""

from __future__ import annotations

import pytest

from sandbox.google.quota import Meter, Slots
from sandbox.options import Quota


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_window_slides():
    clock = Clock()
    meter = Meter(Quota(100, 10), clock)
    assert meter.spend(60)
    clock.now += 6
    assert meter.spend(40)
    assert not meter.spend(1)
    clock.now += 4  # the first 60 have left the window, the 40 have not
    assert meter.spend(60)
    assert not meter.spend(1)
    clock.now += 6
    assert meter.spend(40)


def test_a_refused_call_costs_nothing():
    clock = Clock()
    meter = Meter(Quota(10, 1), clock)
    assert not meter.spend(11)
    assert meter.spend(10)


def test_without_a_quota_all_is_allowed():
    assert Meter(None, Clock()).spend(10**9)


def test_slots_are_given_back():
    slots = Slots(3)
    with slots.take(2) as first, slots.take(5) as second:
        assert (first, second) == (2, 1)
    with slots.take(3) as all_of_them:
        assert all_of_them == 3


@pytest.mark.parametrize("text", ["", "100", "0/60", "100/0", "x/1"])
def test_a_malformed_quota_is_refused(text):
    with pytest.raises(ValueError):
        Quota.parse(text)


def test_a_quota_is_read_from_text():
    assert Quota.parse("24000/60") == Quota(24000, 60.0)
