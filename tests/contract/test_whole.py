"""Every handler, from start to end."""

from __future__ import annotations

from tests.contract import checks_whole as checks
from tests.contract.applies import Check
from tests.contract.conftest import Make

CHECKS = (
    checks.full_sync,
    checks.second_sync,
    checks.read_again,
    checks.reset_position,
    checks.empty_account,
    checks.page_sizes,
    checks.noise_first,
    checks.positions,
    checks.two_accounts,
    checks.options,
    checks.widening,
)


def test_a_handler_keeps_what_the_provider_holds(make: Make, check: Check) -> None:
    check(make)
