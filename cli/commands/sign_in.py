"""`dcs sign-in`: a new link for a server that is running."""

from __future__ import annotations

import click

from cli.errors import Fail
from cli.output import Output, json_option
from cli.runtime import shared
from config.settings import load

EPILOG = """\b
Examples:
  dcs sign-in
  docker compose exec web dcs sign-in
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """Print a link that signs you in at the running server.

    It works once, for a quarter of an hour.
    """
    from web.signin import make_sign_in_link
    from worker.services import open_services

    out = Output(as_json=as_json)
    settings = load()
    runtime = shared(settings)
    if runtime is not None:
        with runtime.services() as services:
            link = make_sign_in_link(services)
    elif settings.redis_url is not None:
        services = open_services(settings, settings.redis_url.get_secret_value())
        try:
            link = make_sign_in_link(services)
        finally:
            services.close()
    else:
        raise Fail("no server is running; start one with `dcs up`, which prints a link too")
    out.result({"sign_in_link": link}, lambda: click.echo(link))
