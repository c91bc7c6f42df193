"""`/events`: progress as it happens, by server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import count

from flask import Flask, Response, current_app, stream_with_context

from vault.errors import NotFoundError
from web import context, dashboard, present
from web.api.blueprint import Blueprint
from worker.progress import ProgressView

#: A stream ends after so long, so that its thread is free again; browsers come back by themselves.
STREAM_SECONDS = 60.0
#: Time without news after which the whole state is sent again, in seconds.
QUIET_SECONDS = 15.0
#: Between two events of one handler, unless its state changes, in seconds.
PACE_SECONDS = 0.25
#: How often a stream without news sends a comment, in seconds: only then does the server notice
#: that the page was closed, and a thread is free again.
LOOK_SECONDS = 1.0
_SLOTS = "dcs-event-slots"
_STOPPING = "dcs-event-stopping"

blueprint = Blueprint("events", "Progress as it happens.")


def init_app(app: Flask) -> None:
    """Count open streams: they may hold half of the threads at most, the rest answers requests."""
    threads = context.services_of(app).settings.web.threads
    app.extensions[_SLOTS] = threading.BoundedSemaphore(max(1, threads // 2))
    app.extensions[_STOPPING] = threading.Event()


def stopping(app: Flask) -> threading.Event:
    """When set, all streams of the app end: a server that stops must not wait for them."""
    event: threading.Event = app.extensions[_STOPPING]
    return event


@blueprint.get("/events")
@blueprint.response(200, content_type="text/event-stream")
@blueprint.alt_response(503, description="Too many streams are open; ask `/connections/status`.")
def events() -> Response:
    """Events named `progress`; `data` is a handler's state as the dashboard shows it."""
    slots: threading.BoundedSemaphore = current_app.extensions[_SLOTS]
    if not slots.acquire(blocking=False):
        return Response(status=503, headers={"Retry-After": "5"})
    response = Response(stream_with_context(_stream()), mimetype="text/event-stream")
    response.call_on_close(slots.release)
    # A proxy that gathers the answer would turn progress into one lump.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _stream() -> Iterator[str]:
    numbers = count(1)
    stop = stopping(current_app)
    begun = spoke = time.monotonic()
    yield "retry: 1000\n\n"
    yield from _everything(numbers)
    sent: dict[tuple[str, str], tuple[str, float]] = {}
    for view in context.services().progress.events(context.person(), LOOK_SECONDS):
        now = time.monotonic()
        if view is not None and _is_news(view, sent):
            yield from _one(view, numbers)
            spoke = now
        elif now - spoke >= QUIET_SECONDS:
            yield from _everything(numbers)
            spoke = now
        else:
            yield ": still here\n\n"
        if now - begun >= STREAM_SECONDS or stop.is_set():
            return


def _is_news(view: ProgressView, sent: dict[tuple[str, str], tuple[str, float]]) -> bool:
    key, now = (view.connection_id, view.handler_id), time.monotonic()
    status, at = sent.get(key, ("", 0.0))
    if view.status == status and now - at < PACE_SECONDS:
        return False
    sent[key] = (view.status, now)
    return True


def _everything(numbers: Iterator[int]) -> Iterator[str]:
    for connection in context.vault().connections():
        for view in dashboard.handler_views(connection):
            yield _event(view, numbers)


def _one(progress: ProgressView, numbers: Iterator[int]) -> Iterator[str]:
    vault = context.vault()
    try:
        connection = vault.connection(progress.connection_id)
        state = vault.handler(progress.connection_id, progress.handler_id)
    except NotFoundError:
        # Disconnected meanwhile.
        return
    yield _event(present.handler_view(connection, state, progress), numbers)


def _event(view: present.HandlerView, numbers: Iterator[int]) -> str:
    data = json.dumps(view.to_json(), separators=(",", ":"))
    return f"id: {next(numbers)}\nevent: progress\ndata: {data}\n\n"
