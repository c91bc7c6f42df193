"""Options that a person may set."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk.options import BACKDATE, Choice, resolve

COLOUR = Choice("colour", "Colour", {"red": "Red", "blue": "Blue"}, "red")


def test_a_default_stands_where_nothing_was_chosen() -> None:
    assert resolve([COLOUR, BACKDATE], {}) == {"colour": "red", "backdate": "all"}


def test_a_choice_wins_over_the_default() -> None:
    assert resolve([COLOUR], {"colour": "blue"}) == {"colour": "blue"}


@pytest.mark.parametrize("value", ["green", "", None, 1, True, [], {}, ["red"], {"red": 1}])
def test_a_value_that_is_not_allowed_is_refused_with_those_that_are(value: Any) -> None:
    """Whatever JSON a person's browser sends."""
    with pytest.raises(ValueError, match="red, blue"):
        resolve([COLOUR], {"colour": value})


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="unknown option: shape, size"):
        resolve([COLOUR], {"size": "1", "shape": "2"})


def test_every_default_is_a_value() -> None:
    assert BACKDATE.check(BACKDATE.default) == "all"
