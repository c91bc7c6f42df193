"""`dcs connectors check`: runs the contract suite and says in plain words what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from cli.errors import FAILED, USAGE, Fail
from cli.output import Output, json_option

EPILOG = """\b
Examples:
  dcs connectors check PROVIDER
  dcs connectors check PROVIDER --handler HANDLER
  dcs connectors check PROVIDER --live --account ada@example.org

\b
Exit codes: 0 every check passed; 1 some failed.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check of one handler found.

    Args:
        handler: The handler's id.
        check: The check's name.
        outcome: `passed`, `failed` or `skipped`; one that was skipped is no success.
        message: What is wrong, or what was seen.
    """

    handler: str
    check: str
    outcome: str
    message: str


@click.command("check", epilog=EPILOG)
@click.argument("provider")
@click.option("--handler", help="Check this handler alone.")
@click.option(
    "--live",
    is_flag=True,
    help="Run the read-only part against a real connection in place of the sandbox.",
)
@click.option("--account", help="Which connection, with --live: its id or address.")
@json_option
def check(
    provider: str, handler: str | None, live: bool, account: str | None, as_json: bool
) -> None:
    """Run the contract suite over a provider's handlers.

    Every handler is synced from the sandbox through the real engine into a real vault: whole,
    killed at every batch, with items that come, change and go meanwhile, with refusals, faults
    and odd items. Each check that fails says what is wrong.
    """
    from cli.commands.connectors import checkout

    out = Output(as_json=as_json)
    root = checkout()
    handlers = _handlers(provider, handler)
    if account and not live:
        raise Fail("--account goes with --live", USAGE)
    if live:
        found = _live(root, provider, handlers, account, out)
    else:
        found = _suite(root, provider, handlers, alone=handler is not None, quiet=as_json)
    _print(found, out)
    if not found or any(result.outcome != "passed" for result in found):
        raise click.exceptions.Exit(FAILED)


def _handlers(provider: str, handler: str | None) -> list[str]:
    """The handlers that are meant; raises `ConfigurationError` where there is no such."""
    from connectors.sdk import registry

    made = registry.provider(provider, {})
    return [made.handler(handler).id] if handler else [each.id for each in made.handlers]


def _suite(
    root: Path, provider: str, handlers: list[str], *, alone: bool, quiet: bool
) -> list[Result]:
    if find_spec("pytest") is None:
        raise Fail("the suite needs pytest and its plug-ins: `make lint` installs them")
    with tempfile.TemporaryDirectory(prefix="dcs-check-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/contract", "--provider", provider]
        command += ["--handler", handlers[0]] if alone else []
        command += ["-n", "2", "--dist", "worksteal"]
        command += ["-q", "--tb=no", "--no-summary", f"--junitxml={report}"]
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            command, cwd=root, stdout=subprocess.DEVNULL if quiet else sys.stderr, check=False
        )
        if not report.is_file():
            raise Fail(f"the suite did not run (pytest ended with {done.returncode})")
        if done.returncode not in (0, 1):
            raise Fail(f"the suite broke off (pytest ended with {done.returncode})")
        return list(_read(report, provider, handlers))


def _read(report: Path, provider: str, handlers: list[str]) -> Iterator[Result]:
    """The results of pytest's report; what a machine wrote for us on this machine."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314
        handler, check = _named(case.get("name", ""), provider, handlers)
        problem = next(
            (found for kind in ("failure", "error", "skipped") for found in case.findall(kind)),
            None,
        )
        if problem is None:
            yield Result(handler, check, "passed", "")
        else:
            outcome = "skipped" if problem.tag == "skipped" else "failed"
            words = problem.get("message", "").removeprefix("AssertionError: ")
            yield Result(handler, check, outcome, words.partition("\nassert ")[0])


def _named(case: str, provider: str, handlers: list[str]) -> tuple[str, str]:
    """Handler and check of a test's name, such as `test_x[example/some-posts-full_sync]`."""
    name, _, parameters = case.partition("[")
    # The longest first: one handler's id may begin another's.
    for handler in sorted(handlers, key=len, reverse=True):
        subject = f"{provider}/{handler}"
        rest = parameters.removesuffix("]")
        if rest == subject or rest.startswith(f"{subject}-"):
            return handler, rest.removeprefix(subject).removeprefix("-") or name
    return "all", name


def _live(
    root: Path, provider: str, handlers: list[str], account: str | None, out: Output
) -> list[Result]:
    """Run the read-only part with the person's own connection."""
    from cli.accounts import chosen
    from cli.runtime import Needs, running
    from config.settings import load

    with running(load(), Needs(), command="connectors check", tell=out.note) as runtime:
        with runtime.services() as services:
            _, connections = chosen(services.vaults, provider, account)
        if len(connections) > 1:
            known = ", ".join(connection.id for connection in connections)
            raise Fail(f"there are several accounts; choose with --account: {known}", USAGE)
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "tests.contract.live", connections[0].id, *handlers],
            cwd=root,
            env={**os.environ, "DCS_REDIS_URL": runtime.redis_url},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    results = [Result(**json.loads(line)) for line in done.stdout.splitlines()]
    if done.returncode or not results:
        raise Fail(f"the live checks broke off (exit code {done.returncode})")
    return results


def _print(results: list[Result], out: Output) -> None:
    failed = [result for result in results if result.outcome != "passed"]

    def human() -> None:
        passed = Counter(result.handler for result in results if result.outcome == "passed")
        missed = Counter(result.handler for result in failed)
        out.table(
            ("handler", "passed", "failed"),
            (
                (handler, str(passed[handler]), str(missed[handler]))
                for handler in dict.fromkeys(result.handler for result in results)
            ),
        )
        for result in failed:
            click.echo(f"{result.handler}: {result.check}: {result.message}")

    out.result({"passed": not failed, "results": [asdict(result) for result in results]}, human)
