"""`python -m sandbox`: the sandbox by itself."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.faults import MEANINGS, Fault
from sandbox.options import Quota, SandboxOptions
from sandbox.server import DEFAULT_PORT, serve


@click.command(
    epilog="\b\nKinds of faults:\n"
    + "\n".join(f"  {kind:19}{meaning}" for kind, meaning in MEANINGS.items())
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="Port to listen on.")
@click.option(
    "--mail", type=click.Path(exists=True, path_type=Path), help="Folder of .eml, or mbox."
)
@click.option("--messages", default=200, show_default=True, help="Synthetic messages an account.")
@click.option("--seed", default=1, show_default=True, help="Seed of synthetic mail.")
@click.option("--latency-ms", default=0, show_default=True, help="Least time of each request.")
@click.option("--quota", type=Quota.parse, help="UNITS/SECONDS for each user, such as 6000/60.")
@click.option("--accounts", default=1, show_default=True, help="Number of accounts.")
@click.option("--fault", multiple=True, type=Fault.parse, help="KIND[:COUNT[:PATH]], repeatable.")
def main(
    host: str,
    port: int,
    mail: Path | None,
    messages: int,
    seed: int,
    latency_ms: int,
    quota: Quota | None,
    accounts: int,
    fault: tuple[Fault, ...],
) -> None:
    """Play the providers' side on loopback."""
    options = SandboxOptions(
        mail=mail,
        messages=messages,
        seed=seed,
        latency_ms=latency_ms,
        quota=quota,
        accounts=accounts,
        faults=fault,
    )
    click.echo(f"sandbox on http://{host}:{port}")
    click.echo(f"client id {options.client_id}, secret {options.client_secret}")
    serve(options, host, port)


if __name__ == "__main__":
    main()
