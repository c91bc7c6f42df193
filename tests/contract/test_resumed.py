"""Every handler, cut and resumed, while the provider changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract import checks_resumed as checks
from tests.contract.conftest import Make

CHECKS = (
    checks.killed,
    checks.stopped,
    checks.changed_meanwhile,
    checks.changed_between,
    checks.one_for_one,
    checks.all_gone,
    checks.feed_lost,
    checks.feed_lost_meanwhile,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_handler_loses_nothing(make: Make, check: Callable[[Make], None]) -> None:
    check(make)
