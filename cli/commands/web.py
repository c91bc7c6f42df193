"""`dcs web`: the web server alone."""

from __future__ import annotations

import contextlib

import click

from cli.output import json_option
from cli.tier import begin

EPILOG = """\b
Examples:
  DCS_REDIS_URL=redis://localhost:6379/0 dcs web
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:  # noqa: ARG001 - it prints nothing but its log
    """Run the web server alone, in the foreground."""
    settings, redis_url = begin("web")
    from web.server import serve
    from worker.services import open_services

    services = open_services(settings, redis_url)
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(services):
        serve(services)
