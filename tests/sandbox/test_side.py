"""Which provider a path belongs to, and what sides share."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.options import SandboxOptions
from sandbox.side import retry_after, side_classes
from sandbox.world import World


def test_a_path_is_of_the_side_with_the_longest_prefix_of_whole_words() -> None:
    world = World(SandboxOptions(messages=0, items=0))
    made: Any = {name: SimpleNamespace(prefix=name) for name in ("", "/ab", "/ab/c")}
    world.sides = made
    for path, prefix in (
        ("/ab", "/ab"), ("/ab/x", "/ab"), ("/ab/c/x", "/ab/c"), ("/abc/x", ""), ("/x/ab", ""),
    ):  # fmt: skip
        assert world.side_of(path).prefix == prefix


def test_every_side_has_an_id_of_its_own_and_a_prefix_of_its_own() -> None:
    found = side_classes()
    assert all(kind.id == name for name, kind in found.items())
    assert len({kind.prefix for kind in found.values()}) == len(found)


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        (Fault("429-seconds", retry_after=7), "7"),
        (Fault("429-seconds"), "1"),
        (Fault("429", retry_after=7), "7"),
        (Fault("429"), None),
        (Fault("503", retry_after=7), None),
    ],
)
def test_a_wait_is_named_where_the_fault_names_one(fault: Fault, value: str | None) -> None:
    assert dict(retry_after(fault, 1000.0)).get("Retry-After") == value


def test_a_wait_by_date_lies_in_the_future() -> None:
    value = dict(retry_after(Fault("429-date", retry_after=5), 1000.9))["Retry-After"]
    assert 5 <= parsedate_to_datetime(value).timestamp() - 1000.9 <= 6
