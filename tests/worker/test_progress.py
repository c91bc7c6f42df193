"""Progress over the real embedded server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from worker.keys import Job
from worker.progress import Progress, ProgressView

JOB = Job("owner", "acme:1", "mail")


@pytest.fixture
def progress(redis_server: Any) -> Iterator[Progress]:
    client = redis_server.client()
    client.flushall()
    yield Progress(client)
    client.close()


def view(kept: int = 0, **fields: Any) -> ProgressView:
    return ProgressView("acme:1", "mail", "run", "syncing", kept=kept, **fields)


def test_the_last_view_stays(progress: Progress) -> None:
    assert progress.view(JOB) is None
    progress.publish(JOB, view(1))
    progress.publish(JOB, view(2, total=9, message="half", not_before=1.5, stats={"requests": 3}))
    seen = progress.view(JOB)
    assert seen is not None
    assert abs(seen.updated_at - time.time()) < 5
    assert (seen.kept, seen.total, seen.message, seen.not_before) == (2, 9, "half", 1.5)
    assert seen.stats == {"requests": 3}


def test_a_snapshot_holds_one_persons_handlers(progress: Progress) -> None:
    progress.publish(JOB, view(1))
    progress.publish(Job("owner", "acme:1", "files"), view(2))
    progress.publish(Job("other", "acme:1", "mail"), view(3))
    assert sorted(seen.kept for seen in progress.snapshot("owner")) == [1, 2]


def test_a_forgotten_view_is_gone(progress: Progress) -> None:
    progress.publish(JOB, view(1))
    progress.forget(JOB)
    assert progress.view(JOB) is None
    assert progress.snapshot("owner") == []


def test_a_view_survives_the_way_to_json_and_back() -> None:
    import json

    made = view(3, deleted=1, quarantined=2)
    assert ProgressView.from_json(json.dumps(made.to_json())) == made


def test_events_come_in_order_and_to_their_person_alone(progress: Progress) -> None:
    events = progress.events("owner", timeout=0.05)
    assert next(events) is None
    progress.publish(Job("other", "acme:1", "mail"), view(9))
    for kept in (1, 2, 3):
        progress.publish(JOB, view(kept))
    seen = [next(events) for _ in range(4)]
    assert [item and item.kept for item in seen] == [1, 2, 3, None]


def test_a_silence_is_told_after_its_time_and_not_sooner(progress: Progress) -> None:
    events = progress.events("owner", timeout=0.15)
    begun = time.monotonic()
    assert next(events) is None
    assert 0.14 <= time.monotonic() - begun < 1.0


def test_an_event_does_not_wait_for_the_timeout(progress: Progress) -> None:
    events = progress.events("owner", timeout=0.02)
    assert next(events) is None
    patient = progress.events("owner", timeout=30)
    timer = threading.Timer(0.2, lambda: progress.publish(JOB, view(1)))
    timer.start()
    begun = time.monotonic()
    assert next(patient) is not None
    assert time.monotonic() - begun < 5
    timer.join()


def test_a_listener_that_leaves_closes_its_channel(progress: Progress, redis_server: Any) -> None:
    events: Any = progress.events("owner", timeout=0.02)
    next(events)
    client = redis_server.client()
    assert client.pubsub_numsub("dcs:events:owner")[0][1] == 1
    events.close()
    for _ in range(50):
        if not client.pubsub_numsub("dcs:events:owner")[0][1]:
            break
        time.sleep(0.01)
    assert client.pubsub_numsub("dcs:events:owner")[0][1] == 0
    client.close()
