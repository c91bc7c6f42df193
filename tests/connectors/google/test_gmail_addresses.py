from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.google.gmail_addresses import addresses

CASES = {
    "a@x.org": [("", "a@x.org")],
    'Bob <b@x.org>, "Doe, Jane" <j@x.org>': [("Bob", "b@x.org"), ("Doe, Jane", "j@x.org")],
    "Müller, Hans <h@x.de>, c@x.de": [("Müller, Hans", "h@x.de"), ("", "c@x.de")],
    "Smith, Jr., Bob <b@x>": [("Smith, Jr., Bob", "b@x")],
    "undisclosed-recipients:;": [],
    "undisclosed-recipients:": [],
    "Friends: a@x, Bob <b@x>;, c@x": [("", "a@x"), ("Bob", "b@x"), ("", "c@x")],
    "Ticket: 12 <t@x>": [("Ticket: 12", "t@x")],
    "root": [("", "root")],
    "root, bob@x": [("", "root"), ("", "bob@x")],
    "root (Cron Daemon)": [("Cron Daemon", "root")],
    "a@x (Alice)": [("Alice", "a@x")],
    "Bob (Sales, EU) <b@x>": [("Bob (Sales, EU)", "b@x")],
    '5" disk <a@x>, 6" disk <b@x>': [('5" disk', "a@x"), ('6" disk', "b@x")],
    '"John \\"J\\" Doe" <j@x>': [('John "J" Doe', "j@x")],
    'John "Johnny <j@x>': [('John "Johnny', "j@x")],
    "<@relay,@other:a@x>": [("", "a@x")],
    "<>": [],
    "": [],
    "a@x; b@y; C <c@z>": [("", "a@x"), ("", "b@y"), ("C", "c@z")],
    "=?utf-8?q?J=C3=B6rg?= <j@x>": [("Jörg", "j@x")],
    "=?nonsense?q?x?= <a@x>": [("=?nonsense?q?x?=", "a@x")],
    '"a@b" <c@d>': [("a@b", "c@d")],
    "Bob <b@x": [("Bob", "b@x")],
}


@pytest.mark.parametrize("value", CASES)
def test_a_header_value_is_read_for_sense(value: str) -> None:
    assert [(found.name, found.email) for found in addresses(value)] == CASES[value]


@given(st.text(alphabet='a@x<>"(),;:\\ =?\ud800\x00', max_size=60))
def test_no_value_raises_and_no_address_is_empty(value: str) -> None:
    for found in addresses(value):
        assert found.email
        assert "\n" not in found.name


@pytest.mark.parametrize("character", ['"', "(", "<", ":", "a:b;", "a,"])
def test_a_hostile_value_takes_no_long_time(character: str) -> None:
    started = time.perf_counter()
    addresses(character * 20_000)
    assert time.perf_counter() - started < 2


def test_fifty_recipients_are_all_found() -> None:
    value = ", ".join(f"Person {n} <p{n}@example.org>" for n in range(50))
    assert [found.email for found in addresses(value)] == [f"p{n}@example.org" for n in range(50)]
