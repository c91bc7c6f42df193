"""Every handler, and the tokens that pass through its hands."""

from __future__ import annotations

from tests.contract import checks_secrets as checks
from tests.contract.applies import Check
from tests.contract.conftest import Make

CHECKS = (checks.secrets,)


def test_tokens_are_in_the_vault_alone(make: Make, check: Check) -> None:
    check(make)
