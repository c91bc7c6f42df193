"""`dcs worker`: a Celery worker alone.

https://docs.celeryq.dev/en/stable/reference/cli.html#celery-worker
"""

from __future__ import annotations

import click

from cli.output import json_option
from cli.tier import begin

EPILOG = """\b
Examples:
  DCS_REDIS_URL=redis://localhost:6379/0 dcs worker
  dcs worker --concurrency 4
"""


@click.command(epilog=EPILOG)
@click.option("--concurrency", type=click.IntRange(1), help="Processes that sync.")
@click.option("--name", default="worker@%h", show_default=True, help="Name among the workers.")
@json_option
def command(concurrency: int | None, name: str, as_json: bool) -> None:  # noqa: ARG001
    """Run a worker alone, in the foreground.

    SIGTERM lets running jobs come to the end of their batch.
    """
    settings, redis_url = begin("worker")
    from worker.app import create_celery
    from worker.head import Head
    from worker.heartbeats import beat_with_worker

    app = create_celery(settings, redis_url)
    beat_with_worker(app, redis_url)
    # Celery makes its worker class when it is first asked for, and then keeps it here.
    vars(app)["Worker"] = app.subclass_with_self(Head)
    app.worker_main(
        [
            # Its banner is no JSON.
            *(["--quiet"] if settings.log_format == "json" else []),
            "worker",
            f"--concurrency={concurrency or settings.worker.concurrency}",
            f"--loglevel={settings.log_level}",
            f"--hostname={name}",
            # Workers need not know of each other: leases keep them apart.
            "--without-gossip",
            "--without-mingle",
        ]
    )
