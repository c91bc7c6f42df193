from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytest
import requests

from config.settings import OWNER
from web.api import events
from web.server import make_server
from web.signin import make_sign_in_link, sign_in_request
from worker.keys import Job
from worker.progress import ProgressView


@dataclass
class Served:
    session: requests.Session
    url: str
    dispatcher: Any

    def open(self):
        return self.session.get(self.url, stream=True, timeout=10)


@pytest.fixture
def server(services, monkeypatch):
    """The real server on a free port, and a session that is signed in to it."""
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.05)
    web = services.settings.web.model_copy(update={"port": 0, "threads": 4})
    settings = services.settings.model_copy(update={"web": web})
    server = make_server(replace(services, settings=settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    root = f"http://127.0.0.1:{server.effective_port}"
    with requests.Session() as session:
        _, form = sign_in_request(make_sign_in_link(services))
        session.post(f"{root}/sign-in", data=form, timeout=10).raise_for_status()
        yield Served(session, f"{root}/api/rest/v1/events", server.task_dispatcher)
    # The server's thread may run the call, and close the trigger, before it is pulled.
    with contextlib.suppress(OSError):
        server.trigger.pull_trigger(lambda: close(server))
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)


def close(server):
    for channel in list(server.active_channels.values()):
        channel.close()
    server.close()


def stream(server):
    with server.open() as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
            elif line.startswith(":"):
                yield line


def states(news):
    """The events of the mailbox whose state differs from the one before."""
    last = None
    for event in news:
        if isinstance(event, dict) and event["handler_id"] == "gmail" and event["state"] != last:
            last = event["state"]
            yield event


def test_the_state_comes_first_and_then_news_at_once(server, services, connection, mailbox):
    mailbox.keep(mailbox.email(1))
    news = states(stream(server))
    first = next(news)
    assert (first["state"], first["kept"]) == ("Queued", 1)

    # By then the stream has subscribed.
    time.sleep(0.2)
    started = time.monotonic()
    view = ProgressView(connection.id, "gmail", "r", "syncing", kept=1, total=10)
    services.progress.publish(Job(OWNER, connection.id, "gmail"), view)

    shown = next(news)
    assert (shown["state"], shown["counts"]) == ("Syncing", "1 of 10")
    assert time.monotonic() - started < 2
    news.close()


def test_quiet_streams_are_kept_alive_and_end_in_time(server, connection, monkeypatch):
    monkeypatch.setattr(events, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(events, "STREAM_SECONDS", 0.5)
    started = time.monotonic()

    seen = list(stream(server))

    assert ": still here" in seen
    assert len([event for event in seen if isinstance(event, dict)]) > 1
    assert 0.4 < time.monotonic() - started < 5


def test_fast_news_is_thinned_but_a_new_state_is_not_lost(server, services, connection):
    news = states(stream(server))
    next(news)
    time.sleep(0.2)
    job = Job(OWNER, connection.id, "gmail")
    view = ProgressView(connection.id, "gmail", "r", "syncing", total=100)
    for kept in range(50):
        services.progress.publish(job, replace(view, kept=kept))
    services.progress.publish(job, replace(view, status="waiting", message="Quota."))

    seen = [event["state"] for event in islice(news, 2)]

    assert seen == ["Syncing", "Waiting"]
    news.close()


def test_streams_never_take_all_threads(server):
    open_streams = [server.open() for _ in range(3)]

    assert [answer.status_code for answer in open_streams] == [200, 200, 503]
    other = server.session.get(server.url.replace("events", "session"), timeout=5)
    assert other.status_code == 200
    for answer in open_streams:
        answer.close()


def test_a_stopping_server_does_not_wait_for_streams(server, connection):
    with server.open() as answer:
        lines = answer.iter_lines(chunk_size=1)
        next(lines)
        started = time.monotonic()

        server.dispatcher.shutdown(timeout=5)

        assert time.monotonic() - started < 2


def test_a_closed_page_frees_its_stream_at_once(server):
    for _ in range(6):
        with server.open() as answer:
            assert answer.status_code == 200
        time.sleep(0.3)


def test_a_stranger_gets_no_events(stranger):
    assert stranger.get("/api/rest/v1/events").status_code == 401
