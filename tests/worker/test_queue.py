"""Syncs on their provider's queue, on the real embedded server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis

from worker.keys import Job
from worker.queue import LATER, SEPARATOR, SYNC
from worker.services import Services

JOB = Job("owner", "google:1", "gmail")


def queued(services: Services, queue: str = "google") -> list[dict[str, Any]]:
    return [json.loads(text) for text in services.redis.lrange(queue, 0, -1)]


def test_a_sync_is_sent_by_name_to_its_providers_queue_with_ids_alone(services: Services) -> None:
    run = services.queue.sync("owner", "google:1", "gmail")
    [message] = queued(services)
    assert message["headers"]["task"] == SYNC
    assert "owner" in message["headers"]["argsrepr"]
    import base64

    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert args == ["owner", "google:1", "gmail", run]
    assert kwargs == {"ticket": 1}


def test_force_is_passed_on_only_when_asked_for(services: Services) -> None:
    services.queue.sync("owner", "google:1", "gmail", force=True)
    assert "force" in queued(services)[0]["headers"]["kwargsrepr"]


def test_a_second_sync_joins_the_run_under_way(services: Services) -> None:
    first = services.queue.sync("owner", "google:1", "gmail")
    assert services.queue.sync("owner", "google:1", "gmail") == first
    assert services.queue.sync("owner", "google:2", "gmail") != first


def test_a_queued_sync_shows_and_comes_due_again_only_if_it_gets_lost(services: Services) -> None:
    run = services.queue.sync("owner", "google:1", "gmail")
    view = services.progress.view(JOB)
    assert view is not None
    assert (view.status, view.run_id) == ("queued", run)
    due = services.schedule.due_at(JOB)
    assert due is not None
    assert abs(due - time.time() - services.settings.worker.queued_seconds) < 5


def test_joining_a_run_does_not_hide_how_far_it_is(services: Services) -> None:
    from dataclasses import replace

    services.queue.sync("owner", "google:1", "gmail")
    view = services.progress.view(JOB)
    assert view is not None
    services.progress.publish(JOB, replace(view, status="syncing", kept=40))
    services.queue.sync("owner", "google:1", "gmail")
    seen = services.progress.view(JOB)
    assert seen is not None
    assert (seen.status, seen.kept) == ("syncing", 40)


def test_whoever_asks_over_and_over_fills_no_queue(services: Services) -> None:
    for _ in range(50):
        services.queue.sync("owner", "google:1", "gmail")
    assert len(queued(services)) == 1
    # Once it has begun, the next request brings another.
    assert services.schedule.in_run(JOB, services.schedule.run_of(JOB))
    services.queue.sync("owner", "google:1", "gmail")
    assert len(queued(services)) == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_request_that_could_not_be_sent_is_due_at_once(
    services: Services, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(services.queue._celery, "send_task", refuse)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            services.queue.sync("owner", "google:1", "gmail", force=force)
    assert services.schedule.pop(10) == [JOB]


def refuse(*_: Any, **__: Any) -> Any:
    raise redis.exceptions.OutOfMemoryError("OOM")


def test_the_next_slice_is_sent_unless_a_message_waits(services: Services) -> None:
    run = services.schedule.run_of(JOB)
    services.queue.go_on(JOB, run)
    assert services.queue.lengths()["google"] == 1
    assert queued(services, f"google{SEPARATOR}{LATER}")
    services.queue.go_on(JOB, run)
    assert services.queue.lengths()["google"] == 1


def test_a_next_slice_that_could_not_be_sent_is_due_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = services.schedule.run_of(JOB)
    services.schedule.put(JOB, 0.0)  # as the slice's end does
    with monkeypatch.context() as patch:
        # Redis goes away for good: nothing can be put back either.
        patch.setattr(type(services.schedule), "tickets", refuse)
        patch.setattr(type(services.schedule), "put_back", refuse)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            services.queue.go_on(JOB, run)
    assert services.schedule.pop(10) == [JOB]


def test_what_has_just_begun_goes_before_what_goes_on(services: Services) -> None:
    services.queue.send(JOB, "run", later=True)
    services.queue.send(Job("owner", "google:2", "gmail"), "run")
    with services.queue._celery.connection() as connection:
        taken = [connection.default_channel._get("google") for _ in range(2)]
    args = [message["headers"]["argsrepr"] for message in taken]
    assert ["google:2" in text for text in args] == [True, False]


def test_the_queues_are_counted_with_all_their_priorities(services: Services) -> None:
    services.queue.send(JOB, "run")
    services.queue.send(JOB, "run", later=True)
    assert services.queue.lengths()["google"] == 2
    assert services.queue.room() == services.settings.worker.queue_limit - 2
