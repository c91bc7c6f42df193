"""The suite itself: a handler with a mistake does not pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.sdk import registry
from tests.contract import broken, checks_resumed, checks_whole
from tests.contract.bench import Bench
from tests.contract.conftest import Make

#: Each mistake, the check that must catch it, and what the author reads.
CAUGHT: tuple[tuple[str, Callable[[Make], None], str], ...] = (
    ("EarlyPosition", checks_resumed.killed, "items are lost"),
    ("SkippedPage", checks_whole.full_sync, "items are lost"),
    ("Restarting", checks_resumed.stopped, "fetches again|never comes"),
    ("LostDeletion", checks_resumed.changed_between, "no longer lists"),
    ("ChangingRecord", checks_whole.read_again, "must follow from the item alone"),
    ("SharedSource", checks_whole.full_sync, "not what the API sent"),
    ("NoZone", checks_whole.full_sync, "quarantined|no zone|items are lost"),
)


#: Handlers that compare all they list with all they keep: what the mistake loses, the same or the
#: next sync finds, so that nothing is lost in the end and there is nothing to catch.
HEAL = {
    ("EarlyPosition", "youtube-following"),
    ("EarlyPosition", "calendar-event"),
    ("SkippedPage", "calendar-event"),
}


@pytest.mark.parametrize(("mistake", "check", "words"), CAUGHT, ids=[c[0] for c in CAUGHT])
def test_a_mistake_is_caught(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    mistake: str,
    check: Callable[[Make], None],
    words: str,
) -> None:
    handlers = broken.broken_handlers(mistake, make.provider, make.handler_id)
    monkeypatch.setattr(registry.provider_class(make.provider), "handlers", handlers)
    monkeypatch.setattr(Bench, "mistake", mistake)
    if (mistake, make.handler_id) in HEAL:
        check(make)
        return
    with pytest.raises(AssertionError, match=words):
        check(make)
