from __future__ import annotations

from connectors.facebook.lookups import Lookups


def test_what_is_not_looked_up_is_taken_to_be_there() -> None:
    asked: list[str] = []
    lookups = Lookups(lambda ident: bool(asked.append(ident)))
    ids = [str(number) for number in range(150)]
    assert lookups.there(ids) == set(ids[100:])
    assert lookups.there(["more"]) == {"more"}
    assert asked == ids[:100]
