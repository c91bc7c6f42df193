"""What is reported, and what is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from celery import Celery
from flask import Flask, request
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from config import logs, reporting, settings
from connectors.sdk.errors import TransientError

# Put together here, so that the source lines that a report shows do not hold them.
TOKEN = f"ya29.{'canary' * 2}"
MAIL = f"canary@{'example'}.org"
SUBJECT, COOKIE, QUERY = (f"canary-{word}" for word in ("subject", "cookie", "query"))
CANARIES = (TOKEN, MAIL, SUBJECT, COOKIE, QUERY)
DSN = "https://public@reports.invalid/1"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    def text(self) -> str:
        return b"\n".join(one.serialize() for one in self.envelopes).decode()

    def event(self) -> dict[str, Any]:
        (envelope,) = self.envelopes
        event = envelope.get_event()
        assert event is not None
        return dict(event)


@pytest.fixture
def sent() -> Iterator[Kept]:
    yield Kept()
    # Other tests report nothing.
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def start(sent: Kept, home: Path, tier: str, **values: Any) -> None:
    options = settings.load(home=home, sentry_dsn=DSN, **values)
    assert reporting.init(options, tier=tier, transport=sent)


def fail(subject: str) -> None:
    """Fails with a person's content in the message, the locals and the breadcrumbs."""
    token = TOKEN
    logging.getLogger("worker.x").info("about %s", subject)
    sentry_sdk.add_breadcrumb(category="http", message=f"GET /?q={subject}", data={"t": token})
    raise ValueError(f"{subject} of {MAIL} with {token}") from KeyError(token)


def assert_clean(sent: Kept) -> None:
    assert sent.envelopes
    for canary in CANARIES:
        assert canary not in sent.text()


def test_nothing_is_reported_without_a_dsn(sent: Kept, tmp_path: Path) -> None:
    assert not reporting.init(settings.load(home=tmp_path), tier="web", transport=sent)
    sentry_sdk.capture_message("hello")
    assert not sent.envelopes


def test_an_error_in_a_view_is_reported_without_content(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "web")
    app = Flask("web")

    @app.post("/fail/<word>")
    def view(word: str) -> str:
        fail(request.form["subject"] + word)
        return ""

    client = app.test_client()
    client.set_cookie("session", COOKIE)
    answer = client.post(
        f"/fail/{SUBJECT}?search={QUERY}",
        data={"subject": SUBJECT},
        headers={"Authorization": f"Bearer {TOKEN}", "Referer": f"http://x/?{QUERY}"},
    )
    assert answer.status_code == 500
    assert_clean(sent)
    event = sent.event()
    assert [one["type"] for one in event["exception"]["values"]] == ["KeyError", "ValueError"]
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["transaction"] == "view"
    assert event["request"] == {"method": "POST"}
    assert event["tags"] == {"tier": "web"}


def test_a_path_that_no_route_knows_is_not_reported(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "web")
    app = Flask("web")

    @app.before_request
    def broken() -> None:
        fail(SUBJECT)

    assert app.test_client().get(f"/{QUERY}").status_code == 500
    assert_clean(sent)


def test_an_error_in_a_task_is_reported_without_content(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker")
    app = Celery("x", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True

    # Not for other apps of this process.
    @app.task(name="sync.handler", shared=False)
    def task(subject: str) -> None:
        with logs.bind(connection="google:1", handler="gmail", run="4f2a"):
            fail(subject)

    task.delay(SUBJECT)
    assert_clean(sent)
    event = sent.event()
    assert event["extra"] == {"celery-job": {"task_name": "sync.handler"}}
    tags = event["tags"]
    assert (tags["connection"], tags["handler"], tags["run"]) == ("google:1", "gmail", "4f2a")
    assert tags["tier"] == "worker"


def test_a_connectors_message_is_reported_and_redacted(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker")
    sentry_sdk.capture_exception(TransientError(f"answered 503 to {TOKEN}"))
    assert_clean(sent)
    (value,) = sent.event()["exception"]["values"]
    assert value["value"] == "answered 503 to [...]"


def test_an_error_record_of_ours_is_reported_without_its_arguments(
    sent: Kept, tmp_path: Path
) -> None:
    start(sent, tmp_path, "worker")
    logging.getLogger("worker.engine").error("could not keep %s", SUBJECT)
    assert_clean(sent)
    assert sent.event()["logentry"] == {"message": "could not keep %s"}


def test_a_librarys_error_record_is_reported_without_its_text(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker")
    words = f"no way to read {SUBJECT}"
    logging.getLogger("library").error(words, extra={"q": QUERY})
    assert_clean(sent)
    assert sent.event()["logger"] == "library"


def test_a_trace_is_sent_without_what_it_is_about(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker")
    sentry_sdk.get_client().options["traces_sample_rate"] = 1.0
    with (
        sentry_sdk.start_transaction(name="sync.handler", op="task"),
        sentry_sdk.start_span(op="http", name=f"GET /?q={QUERY}") as span,
    ):
        span.set_data("subject", SUBJECT)
    assert_clean(sent)
    (envelope,) = sent.envelopes
    transaction = envelope.get_transaction_event()
    assert transaction is not None
    assert transaction["transaction"] == "sync.handler"
    assert transaction["spans"][0]["op"] == "http"


def test_the_servers_own_secrets_never_show(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker", vault={"master_key": f"{QUERY}-{QUERY}"})
    sentry_sdk.capture_exception(TransientError(f"key {QUERY}-{QUERY} is wrong"))
    assert_clean(sent)


def test_no_trace_headers_reach_providers(sent: Kept, tmp_path: Path) -> None:
    start(sent, tmp_path, "worker")
    assert sentry_sdk.get_client().options["trace_propagation_targets"] == []
    assert not sentry_sdk.get_client().options["traces_sample_rate"]
