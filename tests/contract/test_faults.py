"""Every handler, with a provider that refuses, fails or talks nonsense."""

from __future__ import annotations

from typing import get_args

import pytest

from sandbox.holding import Oddity
from tests.contract import checks_faults as checks
from tests.contract.applies import Check
from tests.contract.conftest import Make

CHECKS = (
    checks.lasting,
    checks.long_wait,
    checks.daily_quota,
    checks.token_rejected,
    checks.token_expires,
    checks.refresh_refused,
    checks.scope_not_granted,
    checks.access_denied,
    checks.retried,
)


@pytest.mark.parametrize("kind", checks.PASSING)
def test_a_passing_fault_costs_nothing_but_time(make: Make, kind: str) -> None:
    checks.passing(make, kind)


def test_a_handler_ends_in_the_state_that_the_error_deserves(make: Make, check: Check) -> None:
    check(make)


@pytest.mark.parametrize("oddity", get_args(Oddity))
def test_an_odd_item_harms_no_other(make: Make, oddity: Oddity) -> None:
    checks.odd_item(make, oddity)
