"""`dcs quarantine`: items that were listed but could not be kept as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import FAILED, Fail
from cli.output import Output, json_option
from cli.runtime import Needs, running
from config.settings import OWNER, load

if TYPE_CHECKING:
    from vault.model import QuarantineItem
    from worker.services import Services

EPILOG = """\b
Examples:
  dcs quarantine list
  dcs quarantine retry
  dcs quarantine retry 12 13
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """List items that could not be kept, or try them again.

    Each is kept with the provider's raw answer and the reason; none is lost.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  dcs quarantine list
  dcs quarantine list --json
""",
)
@json_option
def list_items(as_json: bool) -> None:
    """List the items and why each could not be kept."""
    from cli.accounts import own_vault
    from vault.vaults import Vaults

    out = Output(as_json=as_json)
    vaults = Vaults(load())
    try:
        found = [_described(item) for item in own_vault(vaults).quarantine()]
    finally:
        vaults.close()
    out.result(
        found,
        lambda: out.table(
            ("item", "connection", "handler", "id at the provider", "tries", "reason"),
            (
                (
                    str(i["item"]),
                    i["connection"],
                    i["handler"],
                    i["sourceId"],
                    str(i["tries"]),
                    i["reason"],
                )
                for i in found
            ),
            empty="nothing is in quarantine",
        ),
    )


@command.command(
    "retry",
    epilog="""\b
Examples:
  dcs quarantine retry
  dcs quarantine retry 12 13

\b
Exit codes: 0 each of them is kept now; 1 some are not.
""",
)
@click.argument("items", nargs=-1, type=int, metavar="[ITEM]...")
@json_option
def retry_items(items: tuple[int, ...], as_json: bool) -> None:
    """Try items again, all of them when none is named."""
    out = Output(as_json=as_json)
    with (
        running(load(), Needs(), command="quarantine", tell=out.note) as runtime,
        runtime.services() as services,
    ):
        results = [_retried(services, item) for item in _chosen(services, items)]
    kept = sum(result["kept"] for result in results)

    def human() -> None:
        click.echo(f"{kept} of {len(results)} are kept now")
        for result in results:
            if not result["kept"]:
                click.echo(f"{result['item']}: {result['reason']}")

    out.result(results, human)
    if kept < len(results):
        raise click.exceptions.Exit(FAILED)


def _chosen(services: Services, wanted: tuple[int, ...]) -> list[QuarantineItem]:
    from cli.accounts import own_vault

    held = {item.id: item for item in own_vault(services.vaults).quarantine()}
    unknown = [str(item) for item in wanted if item not in held]
    if unknown:
        raise Fail(
            f"not in quarantine: {', '.join(unknown)}; `dcs quarantine list` lists the items"
        )
    return [held[item] for item in wanted] if wanted else list(held.values())


def _retried(services: Services, item: QuarantineItem) -> dict[str, Any]:
    from connectors.sdk.errors import ConnectorError
    from worker.quarantine import retry

    try:
        reason = retry(services, OWNER, item.id)
    except ConnectorError as error:
        reason = str(error)
    return {
        "item": item.id,
        "sourceId": item.source_id,
        "kept": reason is None,
        "reason": reason,
    }


def _described(item: QuarantineItem) -> dict[str, Any]:
    return {
        "item": item.id,
        "connection": item.connection_id,
        "handler": item.handler_id,
        "sourceId": item.source_id,
        "reason": item.reason,
        "tries": item.tries,
        "at": item.at.isoformat(),
    }
