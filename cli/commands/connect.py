"""`dcs connect`: connect an account at a provider."""

from __future__ import annotations

import contextlib
import json
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import Fail
from cli.output import Output, json_option
from cli.runtime import Needs, Runtime, running
from config.settings import OWNER, load

if TYPE_CHECKING:
    from connectors.sdk.oauth import Tokens
    from connectors.sdk.signin import Kind
    from vault.model import Connection
    from worker.services import Services

#: Seconds that the last page of the dance has to reach the browser.
_LAST_PAGE_SECONDS = 1.0

EPILOG = """\b
Examples:
  dcs connect PROVIDER
  dcs connect PROVIDER --no-browser
  dcs connect PROVIDER --token-file tokens.json
  dcs connect PROVIDER --way phone

\b
A provider without OAuth asks step by step, here in the terminal; --way chooses how.
A token file is JSON with access_token, refresh_token and expires_at (Unix seconds).
"""


@click.command(epilog=EPILOG)
@click.argument("provider")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Connect with these tokens, without a browser; - reads stdin.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--way",
    type=click.Choice(["scan", "phone"]),
    help="How to sign in where there is no OAuth: by a code to scan, or by phone number.",
)
@click.option(
    "--timeout", default=900, show_default=True, help="Seconds to wait for the provider's answer."
)
@json_option
def command(
    provider: str,
    token_file: Path | None,
    no_browser: bool,
    way: Kind | None,
    timeout: int,
    as_json: bool,
) -> None:
    """Connect an account at a provider.

    Prints the address to open, opens it, and waits until the provider has sent you back.
    """
    out = Output(as_json=as_json)
    settings = load()
    # Says what is missing before anything is started.
    steps = not _require_usable(provider, settings.providers, tokens=token_file is not None)
    tokens = _read_tokens(token_file) if token_file else None
    needs = Needs(web=tokens is None and not steps)
    with (
        running(settings, needs, command="connect", tell=out.note) as runtime,
        runtime.services() as services,
    ):
        abandon = None
        if tokens is None and steps:
            from cli.steps import sign_in

            begun = services.provider(provider).sign_in(services.transport)
            tokens, abandon = sign_in(begun, out, way, timeout), begun.abandon
        if tokens:
            from worker.connections import connect

            made = connect(services, OWNER, provider, tokens, abandon)
        else:
            made = _by_browser(runtime, services, provider, out, not no_browser, timeout)
        shared = runtime.shared

    def human() -> None:
        click.echo(f"connected: {made.id} ({made.profile.get('readableId') or made.account_id})")
        if not shared:
            click.echo(f"`dcs sync {provider}` fetches its data")

    out.result({"connection": made.id, "status": made.status, "profile": made.profile}, human)


def _require_usable(provider_id: str, configuration: dict[str, Any], *, tokens: bool) -> bool:
    """Whether the provider does OAuth.

    Raises:
        Fail: It is not set up.
    """
    from connectors.sdk import registry

    provider = registry.provider(provider_id, configuration)
    if not provider.config.client_id and not tokens:
        name = f"DCS_PROVIDERS__{provider_id.upper()}__CLIENT_ID"
        raise Fail(
            f"{provider.label} needs a client id and secret from its console; set {name} and "
            f"{name.removesuffix('ID')}SECRET, or the same in dcs.toml"
        )
    return provider.oauth is not None


def _read_tokens(path: Path) -> Tokens:
    """The tokens in the file; no error quotes it.

    Raises:
        Fail: It holds none.
    """
    from connectors.sdk.oauth import Tokens

    with click.open_file(str(path), encoding="utf-8") as file:
        text = file.read()
    try:
        data = json.loads(text)
    except ValueError:
        raise Fail(f"cannot read tokens from {path}: it is not JSON") from None
    if not isinstance(data, dict):
        raise Fail(f"cannot read tokens from {path}: it is not a JSON object")
    try:
        return Tokens.from_json(data, now=time.time())
    except (ValueError, TypeError) as error:
        raise Fail(f"cannot read tokens from {path}: {error}") from None


def _by_browser(
    runtime: Runtime,
    services: Services,
    provider: str,
    out: Output,
    browser: bool,
    timeout: float,
) -> Connection:
    from web.signin import make_sign_in_link
    from worker import connected

    before = connected.last(services.redis, OWNER, provider)
    link = make_sign_in_link(services, f"/connect/{provider}?from=terminal")
    out.note(f"Open this address to connect, within 15 minutes; it works once:\n\n  {link}\n")
    if browser:
        # A machine without a browser is no mistake: the address stands above.
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(link)
    out.note("waiting for the provider's answer (Ctrl-C gives up) ...")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        runtime.children.keep()
        now = connected.last(services.redis, OWNER, provider)
        if now is not None and now != before:
            made = services.vaults.open(OWNER).connection(now[1])
            if _admitted(services, made):
                # The page that ends the dance is still on its way to the browser.
                time.sleep(_LAST_PAGE_SECONDS)
                return made
        time.sleep(0.3)
    raise Fail(f"nothing came back from {provider} in {timeout:.0f} s; `dcs connect` again")


def _admitted(services: Services, connection: Connection) -> bool:
    """Whether the web server is done with the connection: each handler is queued, or stays off.

    It is stopped after this; what it has not queued by then would not be synced.
    """
    from worker.keys import Job

    vault = services.vaults.open(OWNER)
    states = {state.handler_id: state.status for state in vault.handlers(connection.id)}
    return all(
        handler.id in states
        and (
            states[handler.id] in ("disabled", "invalid-auth")
            or services.schedule.due_at(Job(OWNER, connection.id, handler.id)) is not None
        )
        for handler in services.provider(connection.provider).handlers
    )
