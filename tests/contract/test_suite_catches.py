"""The suite itself: a handler with a mistake does not pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from connectors.sdk import registry
from tests.contract import broken, checks_resumed, checks_whole
from tests.contract.applies import Check, Subject, applies
from tests.contract.bench import Bench
from tests.contract.conftest import Make, chosen


@dataclass(frozen=True)
class Mistake:
    """One mistake that a connector's author can make.

    Args:
        name: Of a class of `tests.contract.broken`.
        check: Which check must catch it.
        words: What the author reads.
    """

    name: str
    check: Check
    words: str


CAUGHT = (
    Mistake("EarlyPosition", checks_resumed.killed, "items are lost"),
    Mistake("SkippedPage", checks_whole.full_sync, "items are lost"),
    Mistake("Restarting", checks_resumed.stopped, "fetches again|never comes"),
    Mistake("LostDeletion", checks_resumed.changed_between, "no longer lists"),
    Mistake("ChangingRecord", checks_whole.read_again, "must follow from the item alone"),
    Mistake("SharedSource", checks_whole.full_sync, "not what the API sent"),
    Mistake("NoZone", checks_whole.full_sync, "quarantined|no zone|items are lost"),
)


#: Handlers that compare all they list with all they keep: what the mistake loses, the same or the
#: next sync finds, so that nothing is lost in the end and there is nothing to catch.
HEAL = {
    ("EarlyPosition", "google/youtube-following"),
    ("EarlyPosition", "google/calendar-event"),
    ("EarlyPosition", "discord/following"),
    ("EarlyPosition", "facebook/following"),
    ("EarlyPosition", "facebook/post"),
    ("SkippedPage", "google/calendar-event"),
    # Each chat's progress is kept with its own record, not in the position.
    ("EarlyPosition", "telegram/chat-message"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each handler with each mistake: those that heal to one test, all others to the other."""
    if "mistake" in metafunc.fixturenames:
        heals = metafunc.function is test_a_mistake_that_heals_loses_nothing
        pairs = [
            (subject, mistake)
            for subject in _examples(metafunc.config)
            for mistake in CAUGHT
            if ((mistake.name, subject.name) in HEAL) == heals and applies(mistake.check, subject)
        ]
        ids = [f"{subject.name}-{mistake.name}" for subject, mistake in pairs]
        metafunc.parametrize(("subject", "mistake"), pairs, ids=ids)


def _examples(config: pytest.Config) -> Iterator[Subject]:
    """The handlers that make the mistakes: those that the command names, else one a provider.

    The suite is what is tested here, and handlers of one provider meet it in much the same way.
    """
    seen: set[str] = set()
    for subject in chosen(config):
        if config.getoption("--provider") or subject.provider not in seen:
            seen.add(subject.provider)
            yield subject


@pytest.fixture
def _made(make: Make, mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler makes the mistake, in the processes of its own too."""
    handlers = broken.broken_handlers(mistake.name, make.provider, make.handler_id)
    monkeypatch.setattr(registry.provider_class(make.provider), "handlers", handlers)
    monkeypatch.setattr(Bench, "mistake", mistake.name)


@pytest.mark.usefixtures("_made")
def test_a_mistake_is_caught(make: Make, mistake: Mistake) -> None:
    with pytest.raises(AssertionError, match=mistake.words):
        mistake.check(make)


@pytest.mark.usefixtures("_made")
def test_a_mistake_that_heals_loses_nothing(make: Make, mistake: Mistake) -> None:
    mistake.check(make)
