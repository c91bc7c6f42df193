"""`dcs connections`: connected accounts, their state and their handlers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.output import Output, json_option
from config.settings import load

if TYPE_CHECKING:
    from vault.model import Connection, HandlerState
    from vault.vault import Vault

EPILOG = """\b
Examples:
  dcs connections
  dcs connections --json
  dcs connections --show-tokens
"""


@click.command(epilog=EPILOG)
@click.option("--show-tokens", is_flag=True, help="Show tokens in full; they open the account.")
@json_option
def command(show_tokens: bool, as_json: bool) -> None:
    """List connected accounts and their handlers."""
    from cli.accounts import own_vault
    from vault.vaults import Vaults

    out = Output(as_json=as_json)
    vaults = Vaults(load())
    try:
        vault = own_vault(vaults)
        found = [_described(vault, c, show_tokens=show_tokens) for c in vault.connections()]
    finally:
        vaults.close()
    if show_tokens:
        out.note("warning: whoever sees these tokens can read the accounts")
    out.result(found, lambda: _print(out, found, show_tokens=show_tokens))


def _described(vault: Vault, connection: Connection, *, show_tokens: bool) -> dict[str, Any]:
    return {
        "id": connection.id,
        "provider": connection.provider,
        "account": connection.account_id,
        "name": connection.profile.get("name"),
        "readableId": connection.profile.get("readableId") or connection.profile.get("email"),
        "status": connection.status,
        "message": connection.message,
        "tokens": _tokens(vault, connection.id, show=show_tokens),
        "handlers": [_handler(state) for state in vault.handlers(connection.id)],
    }


def _tokens(vault: Vault, connection_id: str, *, show: bool) -> dict[str, Any] | None:
    tokens = vault.tokens(connection_id)
    if tokens is None:
        return None
    held = tokens.to_json()
    if not show:
        for key in ("access_token", "refresh_token"):
            held[key] = "(hidden)" if held[key] else None
    return held


def _handler(state: HandlerState) -> dict[str, Any]:
    return {
        "id": state.handler_id,
        "status": state.status,
        "message": state.message,
        "kept": state.kept,
        "quarantined": state.quarantined,
        "total": state.total,
        "lastRunId": state.last_run_id,
        "lastSyncAt": state.last_sync_at.isoformat() if state.last_sync_at else None,
        "options": dict(state.options),
        "frequency": state.frequency,
    }


def _print(out: Output, found: list[dict[str, Any]], *, show_tokens: bool) -> None:
    out.table(
        ("connection", "account", "status", "handler", "state", "kept", "quarantined", "last sync"),
        (
            (
                c["id"],
                c["readableId"] or c["account"],
                c["status"],
                h["id"],
                h["status"],
                str(h["kept"]),
                str(h["quarantined"]),
                _when(h["lastSyncAt"]),
            )
            for c in found
            for h in c["handlers"] or [_NO_HANDLER]
        ),
        empty="nothing is connected yet; `dcs connect PROVIDER` does it",
    )
    for item in found:
        if item["message"]:
            click.echo(f"{item['id']}: {item['message']}")
        for part in item["handlers"]:
            if part["message"]:
                # The run leads to the log's lines and to the report of an error.
                run = f" (run {part['lastRunId']})" if part["status"] == "error" else ""
                click.echo(f"{item['id']} {part['id']}: {part['message']}{run}")
        if show_tokens and item["tokens"]:
            for key, value in item["tokens"].items():
                click.echo(f"{item['id']} {key}: {value}")


_NO_HANDLER = {"id": "-", "status": "-", "kept": "-", "quarantined": "-", "lastSyncAt": None}


def _when(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else "never"
