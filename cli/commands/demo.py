"""`dcs demo`: the whole product with a sandbox account, in a throwaway data directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.children import Children
from cli.errors import FAILED, Fail
from cli.output import Output, json_option
from cli.runtime import Needs, Runtime, free_port, running, wait_for_port
from config.settings import OWNER, Settings, load

if TYPE_CHECKING:
    import requests

    from cli.watch import Rested
    from vault.model import Connection
    from worker.services import Services

EPILOG = """\b
Examples:
  dcs demo
  dcs demo --once --messages 2000
  dcs demo --mail ~/Mail/archive
  dcs demo --once --messages 500 --quota 6000/60 --latency-ms 20

\b
Exit codes: 0 every item that the provider lists is in the vault; 1 some are not.
"""

_SANDBOX_SECONDS = 60.0


@click.command(epilog=EPILOG)
@click.option("--once", is_flag=True, help="End after the summary.")
@click.option(
    "--mail",
    type=click.Path(exists=True, resolve_path=True, path_type=Path),
    help="Folder of .eml files, or an mbox, to serve as the mailbox.",
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
    help="Latency of the provider.",
)
@click.option("--quota", metavar="UNITS/SECONDS", help="The provider's quota, such as 6000/60.")
@click.option("--fault", "faults", multiple=True, help="What goes wrong; see dcs sandbox --help.")
@json_option
def command(
    once: bool,
    mail: Path | None,
    messages: int,
    seed: int,
    latency_ms: int,
    quota: str | None,
    faults: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show it all with a sandbox account, in a throwaway data directory.

    Starts the providers' side and the server, connects an account through the real OAuth dance,
    fetches its data, and says what came of it. Set DCS_HOME to keep the vault. Ctrl-C stops
    everything.
    """
    out = Output(as_json=as_json)
    _check(mail, quota, faults)
    arguments = ["--messages", str(messages), "--seed", str(seed), "--latency-ms", str(latency_ms)]
    arguments += ["--mail", str(mail)] if mail else []
    arguments += ["--quota", quota] if quota else []
    for fault in faults:
        arguments += ["--fault", fault]
    with _home(out) as kept:
        complete = _demo(arguments, quota, out, once=once)
        kept.fine = complete
    if not complete:
        raise click.exceptions.Exit(FAILED)


def _check(mail: Path | None, quota: str | None, faults: tuple[str, ...]) -> None:
    """Raise `Fail` with the sandbox's own words, before it is started as a process of its own."""
    from sandbox.faults import Fault
    from sandbox.mail.source import FileSource
    from sandbox.options import Quota

    try:
        if mail:
            FileSource(mail, "", 0)
        if quota:
            Quota.parse(quota)
        for fault in faults:
            Fault.parse(fault)
    except ValueError as error:
        raise Fail(str(error)) from None


@dataclass(slots=True)
class _Kept:
    """Whether all went well, and the logs are not needed."""

    fine: bool = False


@contextlib.contextmanager
def _home(out: Output) -> Iterator[_Kept]:
    """The data directory: the one given, else one that is thrown away when all went well."""
    result = _Kept()
    if os.environ.get("DCS_HOME"):
        yield result
        return
    folder = Path(tempfile.mkdtemp(prefix="dcs-demo-"))
    os.environ["DCS_HOME"] = str(folder)
    try:
        yield result
    except KeyboardInterrupt:
        result.fine = True
        raise
    finally:
        del os.environ["DCS_HOME"]
        if result.fine:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            out.note(f"data and logs are left in {folder}")


def _demo(arguments: list[str], quota: str | None, out: Output, *, once: bool) -> bool:
    """Run the demo; whether everything listed was kept."""
    home = load().home
    with Children(home / "logs") as twin:
        url = _start_sandbox(twin, arguments)
        settings = _point_at(url, quota)
        needs = Needs(web=True, worker=True, own=True, stays=not once)
        with running(settings, needs, command="demo", tell=out.note) as runtime:
            with runtime.services() as services:
                summaries = _show(runtime, services, url, out)
            _print(summaries, out)
            complete = bool(summaries) and all(summary.complete for summary in summaries)
            if not once:
                _stay(runtime, twin, out)
    return complete


def _start_sandbox(children: Children, arguments: list[str]) -> str:
    sandbox = load().sandbox
    port = free_port(sandbox.host, sandbox.port)
    place = ["--host", sandbox.host, "--port", str(port)]
    children.start_dcs("sandbox", ["sandbox", *place, *arguments], {})
    wait_for_port(sandbox.host, port, children, _SANDBOX_SECONDS)
    return f"http://{sandbox.host}:{port}"


def _point_at(url: str, quota: str | None) -> Settings:
    """Settings that use the sandbox, in this process and those it starts."""
    from cli.twins import environment_of
    from sandbox.options import Quota, SandboxOptions

    os.environ.pop("DCS_REDIS_URL", None)
    os.environ.update(
        environment_of(url, SandboxOptions(quota=Quota.parse(quota) if quota else None))
    )
    web = load().web
    port = free_port(web.host, web.port)
    os.environ["DCS_WEB__PORT"] = str(port)
    if web.public_url is not None:
        os.environ["DCS_WEB__PUBLIC_URL"] = f"http://{web.host}:{port}"
    return load().model_copy(update={"redis_url": None})


@dataclass(frozen=True, slots=True)
class Part:
    """What came of one handler.

    Args:
        handler: Its id.
        label: What people call it.
        listed: Items that the provider lists for it.
        kept: Of these, how many are in the vault, by id.
        quarantined: Of these, how many are in quarantine.
        requests: Requests that the provider has answered.
    """

    handler: str
    label: str
    listed: int
    kept: int
    quarantined: int
    requests: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of one account.

    Args:
        provider: Its provider's id.
        connection: Its connection.
        listed: Items that the provider lists.
        kept: Of these, how many are in the vault, by id.
        quarantined: Of these, how many are in quarantine.
        missing: Ids of the first few that are not kept.
        seconds: From the start of the sync to its end.
        rate: Records kept a second.
        requests: Requests that the provider has answered.
        reasons: What else is not complete.
        handlers: The same, for each handler.
    """

    provider: str
    connection: str
    listed: int
    kept: int
    quarantined: int
    missing: list[str]
    seconds: float
    rate: float
    requests: int
    reasons: list[str]
    handlers: list[Part]

    @property
    def complete(self) -> bool:
        """Whether everything listed is kept and the sync came to its end."""
        return self.kept == self.listed and not self.reasons


def _show(runtime: Runtime, services: Services, url: str, out: Output) -> list[Summary]:
    from cli.twins import played

    return [_account(runtime, services, provider, url, out) for provider in played()]


def _account(runtime: Runtime, services: Services, provider: str, url: str, out: Output) -> Summary:
    """Connect the sandbox's account at one provider, and fetch all it has."""
    from cli.commands.sync import choose_jobs, sync_jobs

    out.note(f"connecting a {provider} account at the sandbox ({url}) ...")
    started = time.monotonic()
    connection = _connect(services, provider, url)
    out.note(f"connected: {connection.id}")
    jobs = choose_jobs(services, provider, connection.id)
    results = sync_jobs(runtime, services, jobs, out, to_end=True)
    seconds = time.monotonic() - started
    return summarize(services, connection, results, url, seconds)


def _connect(services: Services, provider: str, url: str) -> Connection:
    from cli import browser
    from web.signin import make_sign_in_link, sign_in_request

    def phone() -> bool:
        with _sandbox() as session:
            asked = {"provider": provider, "account": 0}
            answer = session.post(f"{url}/_sandbox/scan", json=asked, timeout=30)
            return bool(answer.json().get("scanned"))

    link = make_sign_in_link(services, f"/connect/{provider}?from=terminal")
    browser.connect(*sign_in_request(link), phone)
    vault = services.vaults.open(OWNER, create=True)
    for connection in vault.connections():
        if connection.provider == provider:
            return connection
    raise Fail(f"connecting {provider} did not work; see logs/web.log in the data directory")


def summarize(
    services: Services, connection: Connection, results: list[Rested], url: str, seconds: float
) -> Summary:
    """Compare what the provider lists with what the vault holds, by id.

    Args:
        services: Where the vault comes from.
        connection: Whose data.
        results: How the runs ended.
        url: The sandbox's root: it is asked what it lists.
        seconds: How long it took.
    """
    from cli.watch import missing

    listed = listed_ids(url, connection)
    vault = services.vaults.open(OWNER)
    provider = services.provider(connection.provider)
    held = {(item.handler_id, item.source_id) for item in vault.quarantine(connection.id)}
    parts: list[Part] = []
    absent: list[str] = []
    for result in results:
        handler = result.job.handler
        wanted = set(listed.get(handler, ()))
        kept = wanted & set(vault.kept(connection.id, handler).source_ids())
        absent += sorted(wanted - kept)
        parts.append(
            Part(
                handler=handler,
                label=provider.handler(handler).label,
                listed=len(wanted),
                kept=len(kept),
                quarantined=sum((handler, key) in held for key in wanted),
                requests=int((result.view.stats or {}).get("requests", 0)),
            )
        )
    total = sum(part.kept for part in parts)
    return Summary(
        provider=connection.provider,
        connection=connection.id,
        listed=sum(part.listed for part in parts),
        kept=total,
        quarantined=sum(part.quarantined for part in parts),
        missing=absent[:10],
        seconds=round(seconds, 2),
        rate=round(total / seconds, 1) if seconds else 0.0,
        requests=sum(part.requests for part in parts),
        reasons=missing(results, services),
        handlers=parts,
    )


def listed_ids(url: str, connection: Connection) -> dict[str, list[str]]:
    """The ids of all that the sandbox lists for a connection, by handler.

    Raises:
        Fail: The sandbox does not know the account.
    """
    with _sandbox() as session:
        state = session.get(f"{url}/_sandbox/state", timeout=30).json()
    accounts: dict[str, dict[str, list[str]]] = state["holdings"].get(connection.provider, {})
    if connection.account_id not in accounts:
        raise Fail("the sandbox does not know the account that was connected")
    return accounts[connection.account_id]


def _sandbox() -> requests.Session:
    """A session for the sandbox's own controls."""
    import requests

    session = requests.Session()
    # A proxy of the environment is not for this machine's own servers.
    session.trust_env = False
    return session


def _print(summaries: list[Summary], out: Output) -> None:
    def human() -> None:
        out.table(
            ("provider", "data", "listed", "kept", "quarantined", "requests"),
            (
                (
                    summary.provider,
                    part.label,
                    str(part.listed),
                    str(part.kept),
                    str(part.quarantined),
                    str(part.requests),
                )
                for summary in summaries
                for part in summary.handlers
            ),
        )
        for s in summaries:
            click.echo(
                f"{s.provider}: {s.kept} of {s.listed} kept in {s.seconds:.1f} s "
                f"({s.rate:.0f} records/s, {s.requests} requests)"
            )
        for summary in summaries:
            for reason in summary.reasons:
                click.echo(reason)
            if summary.missing:
                click.echo(f"{summary.provider}: not kept: {', '.join(summary.missing)} ...")

    data = [{**asdict(summary), "complete": summary.complete} for summary in summaries]
    out.result({"complete": all(s.complete for s in summaries), "accounts": data}, human)


def _stay(runtime: Runtime, twin: Children, out: Output) -> None:
    """Show the way to the dashboard and stay until the person has seen enough."""
    from cli.commands.up import announce, stay

    announce(runtime, out)
    with contextlib.suppress(KeyboardInterrupt):
        stay(out, runtime.children, twin)
    out.note("stopping ...")
