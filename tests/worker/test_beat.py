"""Beat's scheduler on the real embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from worker.app import create_celery
from worker.beat import MOST_WAITING, Scheduler
from worker.queue import SCHEDULE_QUEUE
from worker.services import Services


@pytest.fixture
def scheduler(services: Services, tmp_path: Path) -> Any:
    url = services.settings.redis_url
    app = services.queue._celery if url is None else create_celery(services.settings, str(url))
    made = Scheduler(app=app, schedule_filename=str(tmp_path / "beat"))
    yield made
    made.close()


def test_ticks_that_nobody_takes_do_not_pile_up(scheduler: Any, services: Services) -> None:
    entry = scheduler.schedule["tick"]
    for _ in range(50):
        scheduler.apply_entry(entry, producer=scheduler.producer)
    assert services.redis.llen(SCHEDULE_QUEUE) == MOST_WAITING
    services.redis.lpop(SCHEDULE_QUEUE)
    scheduler.apply_entry(entry, producer=scheduler.producer)
    assert services.redis.llen(SCHEDULE_QUEUE) == MOST_WAITING


def test_beat_runs_this_scheduler(services: Services) -> None:
    assert services.queue._celery.conf.beat_scheduler == "worker.beat:Scheduler"
