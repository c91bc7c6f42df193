"""`dcs up`: everything a server of one's own needs, with one command."""

from __future__ import annotations

import contextlib
import time

import click

from cli.children import Children
from cli.output import Output, json_option
from cli.runtime import Needs, Runtime, running
from config.settings import load

EPILOG = """\b
Examples:
  dcs up
  DCS_WEB__PORT=8080 dcs up
  DCS_HOME=~/my-vault dcs up
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """Run the server: web, worker, beat and the embedded Redis.

    Prints the dashboard's address with a link that signs you in once. Ctrl-C stops everything.
    Logs are in the data directory.
    """
    out = Output(as_json=as_json)
    settings = load()
    with contextlib.suppress(KeyboardInterrupt):
        needs = Needs(web=True, worker=True, own=True, stays=True)
        with running(settings, needs, command="up", tell=out.note) as runtime:
            announce(runtime, out)
            stay(out, runtime.children)
    out.note("stopped")


def announce(runtime: Runtime, out: Output) -> None:
    """Print where the dashboard is, and a link that signs the person in."""
    from web.signin import make_sign_in_link

    with runtime.services() as services:
        link = make_sign_in_link(services)
    data = {
        "web_url": runtime.web_url,
        "sign_in_link": link,
        "home": str(runtime.settings.home),
    }

    def human() -> None:
        click.echo(f"Dashboard:  {runtime.web_url}")
        click.echo(f"Sign in:    {link}  (works once)")
        click.echo(f"Data:       {runtime.settings.home}")
        click.echo("Ctrl-C stops the server.")

    out.result(data, human)


def stay(out: Output, *groups: Children) -> None:
    """Keep the processes alive until the person stops us."""
    while True:
        for child in [child for group in groups for child in group.keep()]:
            out.note(f"{child.name} has stopped and is started again; see {child.log}")
        time.sleep(0.5)
