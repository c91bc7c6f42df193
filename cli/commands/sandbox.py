"""`dcs sandbox`: the providers' side, on this machine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from cli.guard import watch_parent
from cli.output import Output, json_option
from cli.runtime import check_port
from cli.twins import environment_of, played
from config.settings import load
from sandbox.faults import MEANINGS, Fault
from sandbox.options import Quota, SandboxOptions

EPILOG = """\b
Examples:
  dcs sandbox
  dcs sandbox --mail ~/Mail/archive --latency-ms 20
  dcs sandbox --messages 2000 --quota 6000/60
  dcs sandbox --fault 503:3 --fault 429:1:batch-part

\b
A fault is KIND[:COUNT[:PATH]]: what goes wrong, how many times (0: always), and where.
Kinds:
""" + "\n".join(f"  {kind:19}{meaning}" for kind, meaning in MEANINGS.items())


@click.command(epilog=EPILOG)
@click.option("--host", help="Address to listen on; default: the setting sandbox.host.")
@click.option("--port", type=int, help="Port to listen on; default: the setting sandbox.port.")
@click.option(
    "--mail",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of .eml files, or an mbox: the first account's mailbox.",
)
@click.option(
    "--messages",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Size of a synthetic mailbox.",
)
@click.option("--seed", default=1, show_default=True, help="Decides what synthetic mail says.")
@click.option(
    "--latency-ms",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Least time of each request.",
)
@click.option("--quota", type=Quota.parse, help="UNITS/SECONDS for each user, such as 6000/60.")
@click.option("--accounts", default=1, show_default=True, help="Number of accounts.")
@click.option("--fault", "faults", multiple=True, type=Fault.parse, help="What goes wrong.")
@json_option
def command(host: str | None, port: int | None, as_json: bool, **options: Any) -> None:
    """Play the providers' side on this machine.

    It has sign-in and APIs, over local data. Prints the variables that point the server at it. Nothing is ever sent anywhere.
    """
    watch_parent()
    from sandbox.server import serve

    settings = load().sandbox
    host, port = host or settings.host, port or settings.port
    check_port(host, port, "DCS_SANDBOX__PORT")
    chosen = SandboxOptions(**options)
    url = f"http://{host}:{port}"
    variables = environment_of(url, chosen)

    def human() -> None:
        click.echo(f"# Sandbox on {url} (Ctrl-C stops it). Point the server at it with:")
        for name, value in variables.items():
            click.echo(f"export {name}={value}")

    Output(as_json=as_json).result(
        {"url": url, "providers": played(), "environment": variables}, human
    )
    with contextlib.suppress(KeyboardInterrupt):
        serve(chosen, host, port)
