"""What the workers count, kept in one Redis hash: many processes add, the web tier reads.

A field is the metric's name and its labels, `dcs_records_total|example|mail|updated`. Labels are
ids of providers and handlers and words of ours, never a person's or a connection's id: what a
person holds must not be told to those who may read metrics. A wiped Redis makes counters begin
anew, which Prometheus takes for a restart.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import redis

from worker import keys

if TYPE_CHECKING:
    from redis.client import Pipeline

    from connectors.sdk.stats import Stats
    from vault.model import Committed
    from worker.keys import Job

#: Label values of a histogram's field: a bucket's upper bound, or the sum.
LE, SUM = "le:", "sum"


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is counted.

    Args:
        name: As Prometheus shows it.
        meaning: Its help text.
        labels: Names of its labels.
        words: All values of its last label, where that is a word of ours.
        buckets: Upper bounds in seconds, for a histogram; empty for a counter.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    words: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def series(self, handlers: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
        """The values of labels that there may be, those of what has not happened yet as well.

        Args:
            handlers: Ids of the handlers, by their provider's.
        """
        for provider, ids in handlers.items():
            places = [(provider, one) for one in ids] if "handler" in self.labels else [(provider,)]
            for place in places:
                yield from [(*place, word) for word in self.words] if self.words else [place]


BATCHES = Metric("dcs_batches_total", "Batches committed.", ("provider", "handler"))
RECORDS = Metric(
    "dcs_records_total",
    "Records by what became of them: inserted, updated, unchanged, deleted, quarantined.",
    ("provider", "handler", "result"),
    ("inserted", "updated", "unchanged", "deleted", "quarantined"),
)
REQUESTS = Metric(
    "dcs_requests_total",
    "HTTP requests: ok, refused (quota), fault (no or a broken answer, 5xx), denied (403),"
    " unauthorized (401), failed (any other refusal, such as of an item or a cursor that is gone).",
    ("provider", "result"),
    ("ok", "refused", "fault", "denied", "unauthorized", "failed"),
)
QUOTA_WAITS = Metric("dcs_quota_waits_total", "Waits that a quota imposed.", ("provider",))
QUOTA_SECONDS = Metric("dcs_quota_wait_seconds_total", "How long these were.", ("provider",))
REFRESHES = Metric(
    "dcs_token_refreshes_total",
    "Access tokens asked for: ok, refused (connect again), failed (no usable answer; tried later).",
    ("provider", "result"),
    ("ok", "refused", "failed"),
)
LEASES_LOST = Metric(
    "dcs_leases_lost_total", "Leases that ended under a running sync.", ("provider",)
)
RUNS = Metric(
    "dcs_runs_total",
    "Runs that came to rest: done, error, paused.",
    ("provider", "handler", "outcome"),
    ("done", "error", "paused"),
)
SLICES = Metric(
    "dcs_slices_total",
    "Time slices by what follows: rest, continue, wait, off.",
    ("provider", "handler", "next"),
    ("rest", "continue", "wait", "off"),
)
COMMIT_SECONDS = Metric(
    "dcs_commit_seconds",
    "Time of a batch's transaction in the vault.",
    ("provider",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
ALL = (
    BATCHES, RECORDS, REQUESTS, QUOTA_WAITS, QUOTA_SECONDS, REFRESHES, LEASES_LOST, RUNS, SLICES,
    COMMIT_SECONDS,
)  # fmt: skip


class Counts:
    """Increments that wait for the next round trip to Redis. For one thread."""

    def __init__(self) -> None:
        self._held: dict[str, float] = defaultdict(int)

    def add(self, metric: Metric, value: float, *labels: str) -> None:
        """Count `value` more; whole numbers for what is counted, floats for seconds."""
        if value:
            self._held[_field(metric, *labels)] += value

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Count one more in the histogram's bucket, and its seconds."""
        bound = next((bound for bound in metric.buckets if seconds <= bound), float("inf"))
        self.add(metric, 1, *labels, f"{LE}{bound}")
        self.add(metric, float(seconds), *labels, SUM)

    @contextlib.contextmanager
    def sent_by(self, pipe: Pipeline) -> Iterator[None]:
        """Put all into the pipeline that is executed inside; should that fail, keep them."""
        sent, self._held = self._held, defaultdict(int)
        for name, value in sent.items():
            if isinstance(value, int):
                pipe.hincrby(keys.METRICS, name, value)
            else:
                pipe.hincrbyfloat(keys.METRICS, name, value)
        try:
            yield
        except redis.RedisError:
            # Redis was most likely not reached; counted twice is the lesser evil.
            for name, value in sent.items():
                self._held[name] += value
            raise


class SliceCounts(Counts):
    """What one time slice counts.

    Args:
        job: Whose slice.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._of = (job.provider, job.handler)
        self._results: dict[str, int] = {}
        self._waits = 0
        self._wait_seconds = 0.0

    def committed(self, done: Committed, seconds: float) -> None:
        """Count a batch that the vault has kept within so many seconds."""
        self.add(BATCHES, 1, *self._of)
        for result in RECORDS.words:
            self.add(RECORDS, getattr(done, result), *self._of, result)
        self.observe(COMMIT_SECONDS, seconds, self._of[0])

    def spent(self, stats: Stats) -> None:
        """Count what the slice's calls have cost since this was last told."""
        provider = self._of[0]
        # A copy: calls go on in another thread.
        for result, count in dict(stats.results).items():
            self.add(REQUESTS, count - self._results.get(result, 0), provider, result)
            self._results[result] = count
        waits, seconds = stats.quota_waits, stats.quota_seconds
        self.add(QUOTA_WAITS, waits - self._waits, provider)
        self.add(QUOTA_SECONDS, float(seconds - self._wait_seconds), provider)
        self._waits, self._wait_seconds = waits, seconds

    def ended(self, following: str, outcome: str) -> None:
        """Count the slice's end.

        Args:
            following: What follows: `rest`, `continue`, `wait` or `off`.
            outcome: How the run stands: `done`, `error`, `paused` where it is over.
        """
        self.add(SLICES, 1, *self._of, following)
        if following in ("rest", "off"):
            self.add(RUNS, 1, *self._of, outcome)


def count(client: redis.Redis, metric: Metric, *labels: str) -> None:
    """Count one more at once, for what is rare. Redis being away loses the count, no more."""
    with contextlib.suppress(redis.RedisError):
        client.hincrby(keys.METRICS, _field(metric, *labels), 1)


def read(client: redis.Redis) -> dict[Metric, dict[tuple[str, ...], float]]:
    """All that was counted, by metric and values of labels."""
    found: dict[Metric, dict[tuple[str, ...], float]] = {metric: {} for metric in ALL}
    by_name = {metric.name: metric for metric in ALL}
    held = cast("dict[bytes, bytes]", client.hgetall(keys.METRICS))
    for field, value in held.items():
        name, *labels = field.decode().split("|")
        # An older version may have left fields that this one does not know.
        metric = by_name.get(name)
        if metric and len(labels) == len(metric.labels) + bool(metric.buckets):
            found[metric][tuple(labels)] = float(value)
    return found


def _field(metric: Metric, *labels: str) -> str:
    return "|".join((metric.name, *labels))
