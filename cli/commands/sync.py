"""`dcs sync`: fetch what is new and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import FAILED, Fail
from cli.output import Output, json_option
from cli.runtime import Needs, Runtime, running
from cli.watch import Rested, missing, name, progress_of, wait_for
from config.settings import OWNER, load

if TYPE_CHECKING:
    from worker.keys import Job
    from worker.services import Services

EPILOG = """\b
Examples:
  dcs sync
  dcs sync PROVIDER --handler HANDLER
  dcs sync --to-end
  dcs sync --no-wait

\b
Exit codes: 0 everything listed at the providers is kept (with --no-wait: is queued);
1 something is missing, and it says what and why.
"""


@click.command(epilog=EPILOG)
@click.argument("provider", required=False)
@click.option("--account", metavar="ID", help="Only this account: its id, connection or address.")
@click.option("--handler", metavar="ID", help="Only this handler.")
@click.option("--force", is_flag=True, help="Even when paused, disabled or in error.")
@click.option("--to-end", is_flag=True, help="Wait out long waits too, such as for a quota.")
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Wait until it rests (default), or leave it to a running `dcs up`.",
)
@json_option
def command(
    provider: str | None,
    account: str | None,
    handler: str | None,
    force: bool,
    to_end: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Fetch what is new and what is missing, and wait for it.

    Without PROVIDER all connections are synced. A running `dcs up` does the work; without one it
    is done here.
    """
    out = Output(as_json=as_json)
    settings = load()
    with running(settings, Needs(worker=True), command="sync", tell=out.note) as runtime:
        if not wait and not runtime.shared:
            raise click.UsageError("--no-wait needs a running `dcs up`, which does the work")
        with runtime.services() as services:
            jobs = choose_jobs(services, provider, account, handler, force=force)
            if not wait:
                _enqueue(services, jobs, force=force)
                out.result(
                    {"queued": [name(job) for job in jobs]},
                    lambda: click.echo(f"queued: {', '.join(map(name, jobs))}"),
                )
                return
            complete = sync_and_report(runtime, services, jobs, out, force=force, to_end=to_end)
    if not complete:
        raise click.exceptions.Exit(FAILED)


def choose_jobs(
    services: Services,
    provider: str | None,
    account: str | None,
    handler: str | None = None,
    *,
    force: bool = False,
) -> list[Job]:
    """The handlers that are meant; disabled ones only when asked for by name or by force.

    Raises:
        Fail: There is none; says what to do.
    """
    from cli.accounts import chosen
    from worker.keys import Job

    vault, connections = chosen(services.vaults, provider, account)
    jobs = [
        Job(OWNER, connection.id, state.handler_id)
        for connection in connections
        for state in vault.handlers(connection.id)
        if handler in {None, state.handler_id} and (force or handler or state.status != "disabled")
    ]
    if not jobs:
        wanted = f"handler {handler}" if handler else "enabled handler"
        raise Fail(f"no {wanted} there; `dcs connections` lists them")
    return jobs


def sync_and_report(
    runtime: Runtime,
    services: Services,
    jobs: list[Job],
    out: Output,
    *,
    force: bool = False,
    to_end: bool = False,
) -> bool:
    """Sync the jobs, wait, and print what came of it.

    Returns:
        Whether everything listed is kept.
    """
    results = sync_jobs(runtime, services, jobs, out, force=force, to_end=to_end)
    lines = missing(results, services)
    rows = [_row(result, services) for result in results]

    def human() -> None:
        out.table(
            ("connection", "handler", "status", "kept", "changed", "quarantined"),
            (
                [str(row[key]) for key in ("connection", "handler", "status")]
                + [str(row[key]) for key in ("kept", "changed", "quarantined")]
                for row in rows
            ),
        )
        for line in lines:
            click.echo(line)

    out.result({"complete": not lines, "missing": lines, "handlers": rows}, human)
    return not lines


def sync_jobs(
    runtime: Runtime,
    services: Services,
    jobs: list[Job],
    out: Output,
    *,
    force: bool = False,
    to_end: bool = False,
) -> list[Rested]:
    """Enqueue the jobs and wait until each rests, showing progress."""
    vault = services.vaults.open(OWNER)
    before = {job: vault.handler(job.connection, job.handler).kept for job in jobs}
    _enqueue(services, jobs, force=force)
    with progress_of(out, before) as show:
        return wait_for(services, jobs, to_end=to_end, show=show, keep=runtime.children.keep)


def _enqueue(services: Services, jobs: list[Job], *, force: bool) -> None:
    for job in jobs:
        services.queue.sync(job.person, job.connection, job.handler, force=force)


def _row(result: Rested, services: Services) -> dict[str, Any]:
    job, view = result.job, result.view
    state = services.vaults.open(job.person).handler(job.connection, job.handler)
    return {
        "connection": job.connection,
        "handler": job.handler,
        "run": view.run_id,
        "status": view.status,
        "kept": state.kept,
        "changed": view.kept,
        "deleted": view.deleted,
        "quarantined": state.quarantined,
        "message": view.message,
        "not_before": view.not_before,
        "stats": view.stats,
    }
