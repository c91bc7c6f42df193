"""Sign-ins under way, used by several requests at once and left behind."""

from __future__ import annotations

import threading
import time

import pytest

from web import sign_ins
from web.sign_ins import SignIns

PEOPLE = ("ada", "bob")


class Open:
    """A sign-in that counts how often it was closed, and may fail at it."""

    def __init__(self, *, fails=False):
        self.closed, self.fails = 0, fails

    def close(self):
        self.closed += 1
        if self.fails:
            raise RuntimeError("cannot be closed")


@pytest.fixture
def held():
    made = SignIns()
    yield made
    made.close()


def add(held, person="ada", **how):
    one = Open(**how)
    return one, held.add(person, "acme", one)


def test_the_idlest_of_too_many_are_let_go(held):
    begun = [add(held, f"person{n}")[0] for n in range(23)]
    assert [one.closed for one in begun] == [1] * 3 + [0] * 20


@pytest.mark.parametrize("limit", ["_IDLE_SECONDS", "_LONGEST_SECONDS"])
def test_what_is_left_behind_is_let_go(held, monkeypatch, limit):
    one, number = add(held)
    monkeypatch.setattr(sign_ins, limit, -1.0)
    held.sweep()
    assert one.closed == 1
    with held.use(number, "ada", "acme") as found:
        assert found is None


def test_nobody_need_come_back_for_that(held, monkeypatch):
    monkeypatch.setattr(sign_ins, "_IDLE_SECONDS", 0.1)
    one, _ = add(held)
    until = time.monotonic() + 5
    while not one.closed and time.monotonic() < until:
        time.sleep(0.02)
    assert one.closed == 1


def test_a_page_that_asks_by_itself_keeps_no_sign_in_alive(held, monkeypatch):
    one, number = add(held)
    monkeypatch.setattr(sign_ins, "_IDLE_SECONDS", 0.05)
    for _ in range(3):
        time.sleep(0.03)
        with held.use(number, "ada", "acme", looks=True):
            pass
    held.sweep()
    assert one.closed == 1


def test_nobody_waits_for_another_persons_slow_provider(held, monkeypatch):
    (slow, number), (other, _) = add(held, "ada"), add(held, "bob")
    inside, leave = threading.Event(), threading.Event()

    def use():
        with held.use(number, "ada", "acme"):
            inside.set()
            leave.wait(10)

    user = threading.Thread(target=use)
    user.start()
    assert inside.wait(5)
    monkeypatch.setattr(sign_ins, "_IDLE_SECONDS", -1.0)
    began = time.monotonic()
    held.sweep()
    assert time.monotonic() - began < 1
    assert (slow.closed, other.closed) == (0, 1)
    leave.set()
    user.join(5)
    assert slow.closed == 1


def test_one_that_cannot_be_closed_keeps_no_other_open(held):
    begun = [add(held, person, fails=person == "ada")[0] for person in PEOPLE]
    held.close()
    assert [one.closed for one in begun] == [1, 1]


def test_one_that_ends_while_it_is_used_is_closed_once_and_gone(held):
    one, number = add(held)
    with held.use(number, "ada", "acme") as found:
        assert found is one
        held.end(number)
        assert not one.closed
    assert one.closed == 1
    with held.use(number, "ada", "acme") as found:
        assert found is None
