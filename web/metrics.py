"""`/metrics` for Prometheus: what the workers have counted, and what waits now.

Workers are many processes on many machines; they count in Redis (`worker/metrics.py`), and this
reads it, so that each of several web servers tells the same.

https://prometheus.github.io/client_python/collector/custom/
"""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from connectors.sdk import registry
from web import context
from web.health import probe
from web.keys import metrics_token
from worker import metrics
from worker.heartbeats import BEAT, WORKER, fresh_seconds, seen
from worker.load import load
from worker.services import Services

_KEY = "data-connector-server-metrics-token"
#: What proxies add to a request that they pass on.
#: https://www.rfc-editor.org/rfc/rfc7239#section-4
_PROXYS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via")

blueprint = Blueprint("metrics", __name__)


def init_app(app: Flask, services: Services) -> None:
    """Add the address.

    Raises:
        ConfigurationError: The token's file cannot be read, or the token is too short.
    """
    app.extensions[_KEY] = metrics_token(services.settings)
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def show() -> Response:
    """All metrics, in Prometheus's text format; see `_refusal` for who may read them."""
    if refusal := _refusal():
        return refusal
    registry = CollectorRegistry()
    registry.register(ServerCollector(probe(), fresh_seconds(context.services().settings)))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class ServerCollector(Collector):
    """Reads the server's metrics from Redis.

    Args:
        client: Redis.
        fresh: Age in seconds up to which a heartbeat counts.
    """

    def __init__(self, client: Redis, fresh: float) -> None:
        self._client = client
        self._fresh = fresh

    def describe(self) -> Iterator[Family]:
        """Nothing: the registry need not ask Redis when this is registered."""
        yield from ()

    def collect(self) -> Iterator[Family]:
        """Every metric; without Redis, that alone."""
        up = "Whether Redis answers the web server."
        try:
            found = [*self._waiting(), *self._alive(), *self._counted()]
        except RedisError:
            yield GaugeMetricFamily("dcs_redis_up", up, value=0)
            return
        yield GaugeMetricFamily("dcs_redis_up", up, value=1)
        yield from found

    def _waiting(self) -> Iterator[Family]:
        now = load(self._client)
        yield GaugeMetricFamily("dcs_schedule_jobs", "Jobs in the schedule.", value=now.scheduled)
        yield GaugeMetricFamily(
            "dcs_schedule_lag_seconds",
            "How long the job at the schedule's head is overdue.",
            value=now.overdue,
        )
        length = GaugeMetricFamily(
            "dcs_queue_length", "Messages that no worker has taken.", labels=["queue"]
        )
        age = GaugeMetricFamily(
            "dcs_queue_age_seconds", "How long the oldest of them waits.", labels=["queue"]
        )
        for name, waiting in now.queues.items():
            length.add_metric([name], waiting.length)
            age.add_metric([name], waiting.age or 0.0)
        yield length
        yield age

    def _alive(self) -> Iterator[Family]:
        alive = Counter(one.part for one in seen(self._client) if one.age <= self._fresh)
        parts = GaugeMetricFamily(
            "dcs_parts_alive", "Parts with a fresh heartbeat.", labels=["part"]
        )
        for part in (WORKER, BEAT):
            parts.add_metric([part], alive[part])
        yield parts

    def _counted(self) -> Iterator[Family]:
        handlers = {
            found.id: [handler.id for handler in found.handlers]
            for found in registry.providers()
            if not isinstance(found, registry.Broken)
        }
        for metric, values in metrics.read(self._client).items():
            # `rate` and `increase` miss a series' first event unless it was there before, at 0.
            # https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
            possible = set(metric.series(handlers))
            make = _histogram if metric.buckets else _counter
            yield make(metric, values, possible)


def _counter(
    metric: metrics.Metric, values: Mapping[tuple[str, ...], float], possible: set[tuple[str, ...]]
) -> Family:
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels in sorted(possible | values.keys()):
        family.add_metric(labels, values.get(labels, 0.0))
    return family


def _histogram(
    metric: metrics.Metric, values: Mapping[tuple[str, ...], float], possible: set[tuple[str, ...]]
) -> Family:
    """Redis holds each bucket by itself; Prometheus wants all up to its bound."""
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for of in sorted(possible | {labels[:-1] for labels in values}):
        total, buckets = 0.0, []
        for bound in (*metric.buckets, float("inf")):
            total += values.get((*of, f"{metrics.LE}{bound}"), 0.0)
            buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
        family.add_metric(of, buckets, values.get((*of, metrics.SUM), 0.0))
    return family


def _refusal() -> Response | None:
    """The answer to those who may not read the metrics; None to those who may.

    How much a person's server fetches is nobody else's business. With a token set, it alone
    counts. Without one, only a program on this machine may ask, and only where nothing tells of a
    proxy: all that one passes on may seem to come from this machine. A public URL tells of one,
    and so does a header that proxies add.
    """
    token = current_app.extensions[_KEY]
    if token is not None:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return None
        return _plain("A bearer token is needed.\n", 401, {"WWW-Authenticate": "Bearer"})
    host = urlsplit(f"//{request.host}").hostname
    public = context.services().settings.web.public_url
    passed_on = public is not None or any(name in request.headers for name in _PROXYS)
    if not passed_on and _is_loopback(request.remote_addr) and _is_loopback(host):
        return None
    return _plain("Set web.metrics_token to read this from another machine.\n", 403, {})


def _is_loopback(address: str | None) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _plain(text: str, status: int, headers: dict[str, str]) -> Response:
    return Response(text, status=status, headers=headers, mimetype="text/plain")
