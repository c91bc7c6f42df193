"""`dcs flower`: Celery's monitor.

https://flower.readthedocs.io/en/latest/config.html
"""

from __future__ import annotations

import click

from cli.output import json_option
from cli.tier import begin

EPILOG = """\b
Examples:
  dcs flower
  dcs flower --address 0.0.0.0 --port 5555
"""


@click.command(epilog=EPILOG)
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5555, show_default=True, help="Port to listen on.")
@json_option
def command(address: str, port: int, as_json: bool) -> None:  # noqa: ARG001
    """Run Celery's monitor alone, in the foreground.

    It shows ids and times of jobs, no content; it has no sign-in, so keep it to this machine.
    """
    settings, redis_url = begin("flower")
    from worker.app import create_celery

    create_celery(settings, redis_url).start(
        ["flower", f"--address={address}", f"--port={port}", f"--loglevel={settings.log_level}"]
    )
