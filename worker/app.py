"""The Celery application: how jobs are carried, and nothing of what they do.

https://docs.celeryq.dev/en/stable/userguide/configuration.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from celery import Celery
from celery.signals import setup_logging
from kombu import Queue

from config.settings import Settings
from connectors.sdk import registry
from worker.queue import FIRST, PRIORITIES, SCHEDULE_QUEUE, TICK


def create_celery(settings: Settings, redis_url: str) -> Celery:
    """The application for a Redis.

    Args:
        settings: All settings.
        redis_url: As redis-py writes it.
    """
    worker = settings.worker
    app = Celery("data-connector-server", broker=broker_url(redis_url), include=["worker.tasks"])
    app.conf.update(
        # A job is acknowledged when done and put back when its process dies. The lease makes a
        # second delivery harmless.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_track_started=False,
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
        # No task outlives its slice and the calls that it may still wait for; Redis must not
        # hand a running one to another worker.
        broker_transport_options={
            "visibility_timeout": visibility_seconds(settings),
            "priority_steps": list(PRIORITIES),
        },
        task_default_priority=FIRST,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_default_queue=SCHEDULE_QUEUE,
        task_queues=[Queue(SCHEDULE_QUEUE), *(Queue(name) for name in registry.provider_ids())],
        task_create_missing_queues=True,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_proc_alive_timeout=30.0,
        beat_schedule={
            "tick": {
                "task": TICK,
                "schedule": worker.tick_seconds,
                # A tick that waited is worth nothing: the next one does the same.
                "options": {"queue": SCHEDULE_QUEUE, "expires": max(worker.tick_seconds * 5, 5.0)},
            }
        },
        beat_scheduler="worker.beat:Scheduler",
        beat_max_loop_interval=max(1.0, worker.tick_seconds),
    )
    app.set_current()
    return app


def visibility_seconds(settings: Settings) -> int:
    """How long Redis waits for a task's end before it delivers it again, in seconds.

    Longer than any task: its slice, one batch begun in it with every wait and try that a call may
    make, and a good margin.
    """
    http, worker = settings.http, settings.worker
    call = (http.retries + 1) * (http.connect_timeout + http.read_timeout)
    return int(worker.slice_seconds + 4 * call + 3600)


def broker_url(redis_url: str) -> str:
    """The URL as Celery writes it.

    It says `redis+socket://` where redis-py says `unix://`, and knows neither the database nor
    the password as a query parameter.
    """
    parts = urlsplit(redis_url)
    query = dict(parse_qsl(parts.query))
    database = query.pop("db", None)
    login = _login(parts, query)
    if parts.scheme == "unix":
        host = f"?virtual_host={database}" if database else ""
        return f"redis+socket://{login}{parts.path}{host}"
    path = f"/{database}" if database else parts.path
    place = login + parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, path, urlencode(query), ""))


def _login(parts: SplitResult, query: dict[str, str]) -> str:
    """`user:password@`, as far as they are given; taken out of the query."""
    user, password = query.pop("username", None), query.pop("password", None)
    if "@" in parts.netloc:
        return parts.netloc.rpartition("@")[0] + "@"
    return f"{quote(user or '', safe='')}:{quote(password, safe='')}@" if password else ""


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery sets up no logging of its own where somebody listens to this signal."""
