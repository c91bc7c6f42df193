"""fakeredis for the logic of leases, checkpoints, schedule and budget."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from worker.keys import Job


@pytest.fixture
def fake() -> Iterator[fakeredis.FakeRedis]:
    """An empty fake server; its time can be moved by tests that wait."""
    client = fakeredis.FakeRedis()
    yield client
    client.close()


@pytest.fixture
def job() -> Job:
    """A job like any other."""
    return Job("owner", "google:1234", "gmail")
