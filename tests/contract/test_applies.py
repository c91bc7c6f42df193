"""The suite itself: no check without a handler, and no handler that escapes a check.

Of no one handler, so `dcs connectors check` neither runs nor counts these.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from connectors.sdk import registry
from connectors.sdk.provider import Provider
from sandbox.holding import Holding
from sandbox.side import side_classes
from tests.contract import (
    applies,
    checks_faults,
    checks_resumed,
    checks_secrets,
    checks_whole,
    test_faults,
    test_resumed,
    test_secrets,
    test_suite_catches,
    test_whole,
)
from tests.contract.applies import Check, Subject, made_side, subjects

SUITE: tuple[Check, ...] = (
    *test_whole.CHECKS,
    *test_resumed.CHECKS,
    *test_faults.CHECKS,
    *test_secrets.CHECKS,
)
SUBJECTS = pytest.mark.parametrize(
    "each", list(subjects()), ids=[subject.name for subject in subjects()]
)
PROVIDERS = pytest.mark.parametrize(
    "provider", [registry.provider_class(name) for name in registry.provider_ids()],
    ids=registry.provider_ids(),
)  # fmt: skip


def test_the_sandbox_plays_every_provider() -> None:
    assert set(registry.provider_ids()) <= set(side_classes())


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
def test_a_check_applies_to_a_handler(check: Check) -> None:
    assert any(applies.applies(check, subject) for subject in subjects())


def test_every_check_that_is_written_is_run() -> None:
    written = {
        made
        for module in (checks_whole, checks_resumed, checks_faults, checks_secrets)
        for name, made in vars(module).items()
        if not name.startswith("_")
        and getattr(made, "__module__", "") == module.__name__
        and getattr(made, "__annotations__", {}) == {"make": "Make", "return": "None"}
    }
    assert written == set(SUITE)


def test_a_check_that_asks_for_nothing_applies_to_all() -> None:
    anyone = next(subjects())
    bare = Subject(anyone.provider, _Bare, _Lacking())  # type: ignore[arg-type]
    left = {check.__name__ for check in SUITE if not applies.applies(check, bare)}
    assert left == {
        "feed_lost", "feed_lost_meanwhile", "noise_first", "options", "page_sizes",
        "scope_not_granted", "widening",
    }  # fmt: skip


class _Bare:
    """Declares nothing that can be left out."""

    scopes: frozenset[str] = frozenset()
    options = sizes = ()


class _Lacking:
    """Has nothing that a holding can lack."""

    has_noise = has_feed = False


# What a handler declares not to have it must not have: it would escape a check by a slip.


def holding(each: Subject) -> Holding:
    """What an account holds that nobody else looks at."""
    return made_side(each.provider).holdings(0)[each.handler.id]


@SUBJECTS
def test_lists_hold_noise_if_and_only_if_the_holding_says_so(each: Subject) -> None:
    held = holding(each)
    before = held.expected({})
    with nullcontext() if held.has_noise else pytest.raises(ValueError, match=r"\S"):
        held.add_noise(1)
    assert held.expected({}) == before


@SUBJECTS
def test_a_feed_can_be_lost_if_and_only_if_the_holding_says_so(each: Subject) -> None:
    held = holding(each)
    with nullcontext() if held.has_feed else pytest.raises(ValueError, match=r"\S"):
        held.lose_feed()


@PROVIDERS
def test_every_scope_that_the_side_grants_is_one_that_is_asked_for(
    provider: type[Provider],
) -> None:
    wanted = set(provider.oauth.scopes if provider.oauth else ()).union(
        *(made.scopes for made in provider.handlers)
    )
    assert set(applies.side(provider.id).scopes) <= wanted, "a handler does not name its scope"


@PROVIDERS
def test_every_setting_that_sizes_requests_is_named_by_a_handler(provider: type[Provider]) -> None:
    named = {field for made in provider.handlers for field in made.sizes}
    fields = provider.config_class.model_fields
    assert {field for field in fields if field.endswith("_size")} <= named


@pytest.mark.parametrize("healed", sorted(test_suite_catches.HEAL), ids="-".join)
def test_what_heals_is_a_mistake_of_a_handler_that_there_is(healed: tuple[str, str]) -> None:
    mistake, handler = healed
    assert mistake in {each.name for each in test_suite_catches.CAUGHT}
    assert handler in {subject.name for subject in subjects()}
