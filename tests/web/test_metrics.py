"""`/metrics`: what it says, and to whom."""

from __future__ import annotations

import contextlib
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from config.settings import OWNER
from connectors.sdk import registry
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.stats import Stats
from vault.model import Committed
from web.app import create_app
from web.server import make_server
from worker import metrics
from worker.keys import Job
from worker.metrics import SliceCounts
from worker.progress import ProgressView

TOKEN = "a-token-of-twenty-letters"


@pytest.fixture
def counted(services):
    """Two batches, some requests and the end of a run."""
    job = Job(OWNER, "google:1234567", "gmail")
    counts = SliceCounts(job)
    counts.committed(Committed(1, inserted=25), 0.02)
    counts.committed(Committed(2, inserted=24, quarantined=1), 0.3)
    stats = Stats()
    stats.ended(None)
    stats.held(7.5)
    counts.spent(stats)
    counts.ended("rest", "done")
    services.progress.publish(job, ProgressView(job.connection, job.handler, "r", "done"), counts)
    metrics.count(services.redis, metrics.REFRESHES, "google", "ok")
    services.queue.send(job, "r")
    return services


def parsed(answer):
    """Each sample's value by its name and labels, as Prometheus reads them."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_was_counted_is_shown_in_prometheuss_form(stranger, counted):
    found = parsed(stranger.get("/metrics"))
    of = (("handler", "gmail"), ("provider", "google"))
    provider = (("provider", "google"),)
    assert found["dcs_batches_total", *of] == 2
    assert found["dcs_records_total", *of, ("result", "inserted")] == 49
    assert found["dcs_records_total", *of, ("result", "quarantined")] == 1
    assert found["dcs_requests_total", *provider, ("result", "ok")] == 1
    assert found["dcs_quota_waits_total", *provider] == 1
    assert found["dcs_quota_wait_seconds_total", *provider] == 7.5
    assert found["dcs_token_refreshes_total", *provider, ("result", "ok")] == 1
    assert found["dcs_runs_total", of[0], ("outcome", "done"), of[1]] == 1
    assert found["dcs_queue_length", ("queue", "google")] == 1
    assert found["dcs_queue_age_seconds", ("queue", "google")] < 60
    assert found["dcs_parts_alive", ("part", "worker")] == 0
    assert found["dcs_redis_up",] == 1


def test_what_has_not_happened_yet_is_shown_as_none(stranger, services):
    """Prometheus's `rate` and `increase` see the first event only when there was a 0 before it."""
    found = parsed(stranger.get("/metrics"))
    of = (("handler", "gmail"), ("provider", "google"))
    provider = (("provider", "google"),)
    assert found["dcs_batches_total", *of] == 0
    assert found["dcs_runs_total", of[0], ("outcome", "error"), of[1]] == 0
    assert found["dcs_leases_lost_total", *provider] == 0
    assert found["dcs_token_refreshes_total", *provider, ("result", "refused")] == 0
    assert found["dcs_commit_seconds_count", *provider] == 0
    for metric in metrics.ALL:
        shown = {name[1:] for name in found if name[0].startswith(metric.name)}
        assert shown, metric.name


def test_a_broken_provider_hides_no_other(stranger, services, monkeypatch):
    found = [*registry.providers(), registry.Broken("aaa", "SyntaxError")]
    monkeypatch.setattr(registry, "providers", lambda: found)
    shown = parsed(stranger.get("/metrics"))
    assert shown["dcs_leases_lost_total", ("provider", "google")] == 0
    assert ("dcs_leases_lost_total", ("provider", "aaa")) not in shown


def test_a_histograms_buckets_add_up(stranger, counted):
    found = parsed(stranger.get("/metrics"))
    bucket = {
        dict(labels)["le"]: value
        for (name, *labels), value in found.items()
        if name == "dcs_commit_seconds_bucket" and ("provider", "google") in labels
    }
    assert (bucket["0.01"], bucket["0.025"], bucket["0.25"], bucket["0.5"]) == (0, 1, 1, 2)
    assert bucket["+Inf"] == found["dcs_commit_seconds_count", ("provider", "google")] == 2
    assert found["dcs_commit_seconds_sum", ("provider", "google")] == pytest.approx(0.32)


def test_nothing_of_a_person_or_a_connection_is_shown(stranger, counted):
    text = stranger.get("/metrics").text
    assert OWNER not in text
    assert "1234567" not in text


def test_without_redis_it_says_that_alone(services):
    gone = redis.Redis.from_url("unix:///nowhere/redis.sock?db=0")
    stranger = create_app(replace(services, redis=gone)).test_client()
    assert parsed(stranger.get("/metrics")) == {("dcs_redis_up",): 0}


def guarded(services, **web):
    changed = services.settings.web.model_copy(update=web)
    settings = services.settings.model_copy(update={"web": changed})
    settings.__dict__.pop("public_url", None)
    return create_app(replace(services, settings=settings)).test_client()


def test_another_machine_is_refused_without_a_token(stranger, counted):
    answer = stranger.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert answer.status_code == 403
    assert "dcs_" not in answer.text


def test_a_page_elsewhere_that_points_its_name_here_is_refused(stranger, counted):
    answer = stranger.get("/metrics", headers={"Host": "evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("forwarded", [{}, {"X-Forwarded-For": "127.0.0.1"}])
def test_behind_a_proxy_nobody_passes_for_this_machine(services, forwarded):
    """The proxy is on this machine, so that each of its requests comes from loopback."""
    browser = guarded(services, public_url="https://data.example.org")
    for host in ("data.example.org", "127.0.0.1:5021"):
        assert browser.get("/metrics", headers={"Host": host, **forwarded}).status_code == 403


PROXYS = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=203.0.113.9"},
    {"Via": "1.1 proxy"},
]


@pytest.mark.parametrize("added", PROXYS)
def test_what_a_proxy_on_this_machine_passes_on_needs_the_token(services, added):
    """No public URL is set: the proxy may have been put in front without a word to us."""
    answer = guarded(services).get("/metrics", headers=added)
    assert answer.status_code == 403
    assert "web.metrics_token" in answer.text
    browser = guarded(services, metrics_token=SecretStr(TOKEN))
    allowed = added | {"Authorization": f"Bearer {TOKEN}"}
    assert browser.get("/metrics", headers=added).status_code == 401
    assert browser.get("/metrics", headers=allowed).status_code == 200


@pytest.fixture
def real_server(services):
    """The root of the real server's URLs: it must let the app see what a proxy has added."""
    web = services.settings.web.model_copy(update={"port": 0})
    settings = services.settings.model_copy(update={"web": web})
    server = make_server(replace(services, settings=settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # The server's thread may run the call, and close the trigger, before it is pulled.
    with contextlib.suppress(OSError):
        server.trigger.pull_trigger(server.close)
    thread.join(10)
    server.task_dispatcher.shutdown(timeout=5)


def test_the_real_server_tells_a_proxy_from_a_program_on_this_machine(real_server):
    with requests.Session() as session:
        session.headers["Connection"] = "close"
        alone = session.get(f"{real_server}/metrics", timeout=10)
        passed_on = [session.get(f"{real_server}/metrics", headers=a, timeout=10) for a in PROXYS]
    assert alone.status_code == 200
    assert {answer.status_code for answer in passed_on} == {403}


@pytest.mark.parametrize("name", ["web:5021", "127.0.0.1:5021", "data.example.org"])
def test_with_the_token_prometheus_may_read_from_anywhere(services, name):
    browser = guarded(
        services, public_url="https://data.example.org", metrics_token=SecretStr(TOKEN)
    )
    headers = {"Host": name, "Authorization": f"Bearer {TOKEN}"}
    answer = browser.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert parsed(answer)[("dcs_redis_up",)] == 1


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer nonsense", f"Basic {TOKEN}", TOKEN, "Bearer ü"]
)
def test_where_a_token_is_set_nothing_else_will_do(services, given):
    browser = guarded(services, metrics_token=SecretStr(TOKEN))
    answer = browser.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_token_may_be_in_a_file(services, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    browser = guarded(services, metrics_token_file=file)
    assert browser.get("/metrics").status_code == 401
    headers = {"Authorization": f"bearer {TOKEN}"}
    assert browser.get("/metrics", headers=headers).status_code == 200


def test_a_token_that_is_easily_guessed_or_missing_stops_the_server(services, tmp_path):
    with pytest.raises(ConfigurationError, match="too short"):
        guarded(services, metrics_token=SecretStr("short"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        guarded(services, metrics_token_file=tmp_path / "nothing")


def test_every_metric_is_in_the_page_about_deploying(stranger, counted):
    page = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text("utf-8")
    shown = set(re.findall(r"(?m)^# TYPE (\w+)", stranger.get("/metrics").text))
    assert shown >= {metric.name for metric in metrics.ALL}
    assert all(f"`{name}`" in page for name in shown)
