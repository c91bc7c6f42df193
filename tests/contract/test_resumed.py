"""Every handler, cut and resumed, while the provider changes."""

from __future__ import annotations

from tests.contract import checks_resumed as checks
from tests.contract.applies import Check
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


def test_a_handler_loses_nothing(make: Make, check: Check) -> None:
    check(make)
