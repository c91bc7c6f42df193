"""The promise: fetched at least once, kept exactly once, whatever dies when."""

from __future__ import annotations

import random
from typing import Any

import pytest
import requests

#: The long run of the harness beside has hundreds.
MESSAGES = 2000
KILLS = 10


@pytest.mark.timeout(420)
def test_many_kills_of_the_worker_lose_and_double_nothing(
    stage: Any, chance: random.Random
) -> None:
    job = stage.connect()
    stage.start("beat")
    span = MESSAGES // (KILLS + 1)
    for number in range(KILLS):
        stage.start("worker")
        threshold = number * span + chance.randrange(1, span)
        kept = stage.until_kept(job, threshold)
        assert kept < MESSAGES, "the kill came too late to be one in the middle"
        # A head killed alone leaves its pool process behind, which must notice and end.
        stage.kill("worker", group=chance.random() < 0.7)
    stage.start("worker")
    stage.until_done(job)
    assert_exactly_the_providers(stage, job)
    calls = requests.get(f"{stage.sandbox.url}/_sandbox/stats", timeout=10).json()["calls"]
    # A kill costs the batch under way and the one ahead, and no finished work again.
    assert calls["gmail.users.messages.get"] <= MESSAGES + KILLS * 2 * 25 * 2


def assert_exactly_the_providers(stage: Any, job: Any) -> None:
    vault = stage.services.vaults.open("owner")
    ids = list(vault.kept(job.connection, job.handler).source_ids())
    assert len(ids) == len(set(ids)) == MESSAGES
    assert set(ids) == stage.listed()
    assert vault.count("email") == MESSAGES
    assert vault.quarantine() == []
    assert vault.check() == []
