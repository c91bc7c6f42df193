"""How jobs are carried."""

from __future__ import annotations

import pytest
import redis
from kombu import Connection

from config.settings import Settings, load
from connectors.sdk import registry
from worker.app import broker_url, create_celery, visibility_seconds
from worker.queue import SCHEDULE_QUEUE, TICK

#: As redis-py writes it.
URLS = [
    "redis://127.0.0.1:6379/0",
    "redis://127.0.0.1:6380/3",
    "redis://127.0.0.1:6379?db=2",
    "redis://:p%40ss@127.0.0.1:6379/1",
    "redis://me:p%40ss@127.0.0.1:6379?db=4",
    "unix:///tmp/redis.sock?db=0",
    "unix:///tmp/redis.sock?db=5",
    "unix:///tmp/redis.sock",
    "unix://:p%40ss@/tmp/redis.sock?db=1",
    "unix:///tmp/redis.sock?db=1&password=p%40ss",
    "unix:///tmp/a%20home/redis.sock?db=1",
]


def parameters(url: str) -> dict[str, object]:
    """What kombu makes of the URL, by redis-py's names."""
    with Connection(broker_url(url)) as connection:
        # The channel's own way to its parameters, without the connection that it would open.
        class Channel(connection.transport.Channel):  # type: ignore[misc,name-defined]  # a class found at run time
            def __init__(self) -> None:
                self.connection = connection.transport
                self.connection.client = connection

            def __del__(self) -> None:
                """Nothing was opened."""

        return dict(Channel()._connparams())


@pytest.mark.parametrize("url", URLS)
def test_celery_reaches_the_same_server_and_database_as_we_do(url: str) -> None:
    ours = redis.Redis.from_url(url).connection_pool.connection_kwargs
    theirs = parameters(url)
    for name in ("host", "port", "path", "password", "username"):
        assert (theirs.get(name) or None) == ours.get(name), name
    assert theirs["db"] == ours.get("db", 0)


def test_tls_stays() -> None:
    url = "rediss://:pw@redis.example:6380/0?ssl_cert_reqs=required"
    assert broker_url(url) == url


def test_no_task_is_delivered_again_while_it_may_still_run() -> None:
    for slice_seconds, retries, timeout in ((60, 3, 60), (7200, 3, 60), (60, 20, 600)):
        settings = load(
            worker={"slice_seconds": slice_seconds},
            http={"retries": retries, "read_timeout": timeout},
        )
        longest = slice_seconds + (retries + 1) * timeout
        assert visibility_seconds(settings) > 2 * longest or slice_seconds > longest / 2
        assert visibility_seconds(settings) > longest
        app = create_celery(settings, "redis://127.0.0.1:6379/0")
        options = app.conf.broker_transport_options
        assert options["visibility_timeout"] == visibility_seconds(settings)


def test_a_task_ends_its_delivery_when_done_and_one_at_a_time(settings: Settings) -> None:
    conf = create_celery(settings, "redis://127.0.0.1:6379/0").conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result
    assert conf.accept_content == ["json"]


def test_each_provider_has_a_queue(settings: Settings) -> None:
    conf = create_celery(settings, "redis://127.0.0.1:6379/0").conf
    assert {queue.name for queue in conf.task_queues} == {
        SCHEDULE_QUEUE, *registry.provider_ids(),
    }  # fmt: skip


def test_beat_ticks_as_often_as_set() -> None:
    settings = load(worker={"tick_seconds": 0.5})
    conf = create_celery(settings, "redis://127.0.0.1:6379/0").conf
    entry = conf.beat_schedule["tick"]
    assert (entry["task"], entry["schedule"]) == (TICK, 0.5)
    assert entry["options"]["queue"] == SCHEDULE_QUEUE
    assert entry["options"]["expires"] >= 5


def test_the_password_of_the_broker_is_not_shown(settings: Settings) -> None:
    app = create_celery(settings, "redis://:hush@127.0.0.1:6379/0")
    assert "hush" not in repr(app) + str(app.connection_for_write())
