"""`dcs beat`: Celery's scheduler alone; its only job is the tick of our own schedule.

https://docs.celeryq.dev/en/stable/reference/cli.html#celery-beat
"""

from __future__ import annotations

import socket
import tempfile

import click

from cli.output import json_option
from cli.tier import begin

EPILOG = """\b
Examples:
  DCS_REDIS_URL=redis://localhost:6379/0 dcs beat
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:  # noqa: ARG001 - it prints nothing but its log
    """Run the scheduler alone, in the foreground.

    A second one does no harm: what is due is given to one taker alone.
    """
    settings, redis_url = begin("beat")
    from worker.app import create_celery
    from worker.heartbeats import beating

    # Its own notes are of no use to the next one: the schedule is in Redis.
    with (
        tempfile.TemporaryDirectory(prefix="dcs-beat-") as folder,
        beating(redis_url, f"beat@{socket.gethostname()}"),
    ):
        create_celery(settings, redis_url).start(
            [
                # Its banner is no JSON.
                *(["--quiet"] if settings.log_format == "json" else []),
                "beat",
                f"--loglevel={settings.log_level}",
                f"--schedule={folder}/beat",
                "--pidfile=",
            ]
        )
