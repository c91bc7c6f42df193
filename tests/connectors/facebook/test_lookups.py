from __future__ import annotations

from collections.abc import Collection

import pytest

from connectors.facebook.lookups import Lookups
from connectors.sdk.errors import AccessDeniedError

IDS = [f"{number:03}" for number in range(250)]


class Asked:
    """What a run asks for, of which some is gone."""

    def __init__(self, gone: Collection[str] = ()) -> None:
        self.ids: list[str] = []
        self.permissions = 0
        self._gone = gone

    def exists(self, ident: str) -> bool:
        self.ids.append(ident)
        return ident not in self._gone

    def permitted(self) -> None:
        self.permissions += 1

    def run(self, notes: dict[str, str], ids: list[str]) -> set[str]:
        self.ids.clear()
        return Lookups(self.exists, self.permitted).there(ids, notes)


def test_what_is_not_looked_up_is_taken_to_be_there() -> None:
    asked = Asked(gone=IDS)
    lookups = Lookups(asked.exists, asked.permitted)
    notes: dict[str, str] = {}
    assert lookups.there(IDS, notes) == set(IDS[100:])
    assert lookups.there(["more"], notes) == {"more"}
    assert asked.ids == IDS[:100]


def test_each_ones_turn_comes_round_and_round_and_less_often_once_all_are_there() -> None:
    asked, notes = Asked(), dict[str, str]()
    seen = []
    for _ in range(4):
        assert asked.run(notes, IDS) == set(IDS)
        seen.append(list(asked.ids))
    round_one = [ident for ids in seen[:3] for ident in ids]
    assert round_one == [*IDS, *IDS[:50]]
    assert seen[3] == IDS[50:70]


def test_what_was_found_gone_makes_the_next_run_look_up_more_again() -> None:
    asked, notes = Asked(), dict[str, str]()
    for _ in range(3):
        asked.run(notes, IDS)
    asked = Asked(gone={IDS[60]})
    assert asked.run(notes, IDS) == set(IDS) - {IDS[60]}
    asked.run(notes, [ident for ident in IDS if ident != IDS[60]])
    assert len(asked.ids) == 100


def test_what_is_missing_besides_makes_the_next_run_look_up_more_again() -> None:
    asked, notes = Asked(), dict[str, str]()
    for _ in range(6):
        asked.run(notes, IDS[:200])
    assert len(asked.ids) == 20
    asked.run(notes, IDS)
    assert len(asked.ids) == 100


def test_nothing_is_gone_where_the_permission_went_meanwhile() -> None:
    def went() -> None:
        raise AccessDeniedError("access to the data has ended")

    notes: dict[str, str] = {}
    with pytest.raises(AccessDeniedError):
        Lookups(lambda _: False, went).there(IDS, notes)
    assert notes == {}
    asked = Asked()
    asked.run(notes, IDS)
    assert asked.permissions == 0
