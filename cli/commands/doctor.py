"""`dcs doctor`: looks the server over and says what to do about what it finds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.doctor.findings import Finding, guarded, many, size
from cli.errors import FAILED
from cli.output import Output, json_option
from config.settings import Settings, load

if TYPE_CHECKING:
    from cli.doctor.vaults import Tell

EPILOG = """\b
Examples:
  dcs doctor
  dcs doctor --offline --quick
  dcs doctor --json
  docker compose exec web dcs doctor

\b
Exit codes: 0 nothing is a problem; 1 something is.
"""

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}
#: Vaults from this many bytes on are announced on a pipe too: they take a while.
_LONG = 100_000_000


@click.command(epilog=EPILOG)
@click.option("--offline", is_flag=True, help="Leave the providers' hosts out.")
@click.option("--quick", is_flag=True, help="Open the vaults, but do not look through them whole.")
@json_option
def command(offline: bool, quick: bool, as_json: bool) -> None:
    """Look the server over: keys, vaults, disk, Redis, clock, workers, queues, providers.

    It changes nothing, and works while the server runs and when it is stopped. Each finding is
    ok, a warning or a problem, and says what to do.
    """
    out = Output(as_json=as_json)
    found: list[Finding] = []
    with _progress(out) as tell:
        for finding in _begun(tell, offline=offline, quick=quick):
            found.append(finding)
            if not as_json:
                _show(out, finding)
    problems = sum(finding.level == "problem" for finding in found)
    warnings = sum(finding.level == "warning" for finding in found)
    out.result(
        {
            "healthy": not problems,
            "problems": problems,
            "warnings": warnings,
            "findings": [asdict(finding) for finding in found],
        },
        lambda: click.echo(f"{many(problems, 'problem')}, {many(warnings, 'warning')}"),
    )
    if problems:
        raise click.exceptions.Exit(FAILED)


def _begun(tell: Tell, *, offline: bool, quick: bool) -> Iterator[Finding]:
    from cli.doctor import advice, storage

    try:
        settings = load()
        unusable = storage.usable(settings)
    except OSError as error:
        # The settings' file lies in the data directory: without it nothing is known.
        path = Path(str(error.filename or "."))
        text = f"the settings cannot be read, so nothing was looked at: {advice.reason(error)}"
        yield Finding("files", "problem", text, advice.advice_on(error, path))
        return
    if unusable is not None:
        yield unusable
        return
    yield from _all(settings, tell, offline=offline, quick=quick)


def _all(settings: Settings, tell: Tell, *, offline: bool, quick: bool) -> Iterator[Finding]:
    from cli import home
    from cli.doctor import providers, storage
    from cli.doctor.vaults import vaults

    used: set[str] = set()
    note = home.read_note(settings.home)
    base_urls = note.base_urls if note is not None else {}
    yield from guarded("files", lambda: storage.files(settings))
    yield from guarded("keys", lambda: storage.keys(settings))
    yield from guarded("disk", lambda: storage.disk(settings))
    yield from guarded("vaults", lambda: vaults(settings, tell, used, quick=quick))
    yield from guarded("redis", lambda: _running(settings))
    if not offline:
        yield from guarded(
            "providers", lambda: providers.providers(settings, frozenset(used), base_urls)
        )


def _running(settings: Settings) -> Iterator[Finding]:
    """What the server's running parts say; that there are none is a mere fact."""
    import redis

    from cli import home
    from cli.doctor import server
    from vault.vaults import Vaults
    from worker.heartbeats import impatient

    note = home.read_note(settings.home)
    embedded = note is not None and note.ready
    if embedded and note is not None:
        where = f" at {note.web_url}" if note.web_url else ""
        yield Finding("server", "ok", f"dcs {note.command} runs{where} (process {note.pid})")
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    if embedded and note is not None and note.redis_url:
        url = note.redis_url
    if url is None:
        text = "the server is not running (`dcs up` starts it); Redis and workers are left out"
        yield Finding("server", "ok", text)
        return
    client = impatient(redis.Redis.from_url(url), seconds=5.0)
    try:
        yield from server.redis_server(client)
    except redis.RedisError as error:
        yield Finding(
            "redis",
            "problem",
            f"Redis does not answer ({type(error).__name__})",
            "Stop `dcs up` and start it again." if embedded else "Start it, or mend DCS_REDIS_URL.",
        )
        return
    people = Vaults(settings).people()
    with client:
        yield from guarded("clock", lambda: server.clock(client))
        yield from guarded("parts", lambda: server.parts(client, settings, embedded=embedded))
        yield from guarded("queue", lambda: server.queues(client, settings))
        yield from guarded("runs", lambda: server.runs(client, settings, people))


def _show(out: Output, finding: Finding) -> None:
    from rich.text import Text

    line = Text(f"{finding.level:<8} ", style=_COLOURS[finding.level])
    line.append(f"{finding.area:<10} ", style="bold")
    out.console.print(line.append(finding.text, style="default"))
    if finding.advice and finding.level != "ok":
        out.console.print(Text(f"{'':<20}{finding.advice}"))


@contextlib.contextmanager
def _progress(out: Output) -> Iterator[Tell]:
    """Says which vault is looked through: a spinner on a terminal, lines for long ones elsewhere."""
    if out.as_json or not out.notes.is_terminal:

        def line(person: str, number: int, of: int, length: int) -> None:
            if length >= _LONG:
                out.note(
                    f"looking through the vault of {person} ({size(length)}, {number} of {of})"
                )

        yield line
        return
    with out.notes.status("looking ...") as status:

        def spin(person: str, number: int, of: int, length: int) -> None:
            text = f"looking through the vault of {person} ({size(length)}, {number} of {of}) ..."
            status.update(text)

        yield spin
