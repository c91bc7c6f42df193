"""`dcs reset-provider`: make handlers start again from the beginning."""

from __future__ import annotations

import sys

import click

from cli.output import Output, json_option
from cli.runtime import Needs, running
from config.settings import OWNER, load

EPILOG = """\b
Examples:
  dcs reset-provider PROVIDER
  dcs reset-provider PROVIDER --account me@example.org --delete-data --yes
  dcs reset-provider PROVIDER --clear-connection --yes
"""


@click.command(epilog=EPILOG)
@click.argument("provider")
@click.option("--account", metavar="ID", help="Only this account: its id, connection or address.")
@click.option("--delete-data", is_flag=True, help="Delete these accounts' records too.")
@click.option("--clear-connection", is_flag=True, help="Forget the connection and its tokens too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(
    provider: str,
    account: str | None,
    delete_data: bool,
    clear_connection: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make a provider's handlers start again from the beginning.

    The next sync fetches everything anew; records that are kept already are recognised. Only
    that account's records are ever deleted.
    """
    from cli.accounts import chosen
    from worker import connections

    out = Output(as_json=as_json)
    with (
        running(load(), Needs(), command="reset-provider", tell=out.note) as runtime,
        runtime.services() as services,
    ):
        _, found = chosen(services.vaults, provider, account)
        names = [connection.id for connection in found]
        if (delete_data or clear_connection) and not yes:
            _confirm(names, delete_data=delete_data, clear=clear_connection, as_json=as_json)
        deleted = sum(
            connections.reset(
                services,
                OWNER,
                provider,
                account=connection.account_id,
                delete_data=delete_data,
                clear_connection=clear_connection,
            )
            for connection in found
        )
    data = {
        "connections": names,
        "deleted": deleted if delete_data else 0,
        "cleared": clear_connection,
    }

    def human() -> None:
        click.echo(f"reset: {', '.join(names)}")
        if delete_data:
            click.echo(f"deleted records: {deleted}")
        if clear_connection:
            click.echo(f"`dcs connect {provider}` connects again")

    out.result(data, human)


def _confirm(names: list[str], *, delete_data: bool, clear: bool, as_json: bool) -> None:
    what = " and ".join(
        words
        for words, wanted in (("delete all its records", delete_data), ("forget its tokens", clear))
        if wanted
    )
    if as_json or not sys.stdin.isatty():
        raise click.UsageError(f"this would {what}; say --yes")
    click.confirm(f"{', '.join(names)}: {what}?", abort=True, err=True)
