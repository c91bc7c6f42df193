"""`python -m bench`: all benchmarks, or some, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from bench import docs
from bench.report import RESULTS

#: In the order in which they run.
NAMES = ("mailbox", "quota", "nothing_new", "people", "memory", "vault")


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Run these alone.")
@click.option("--quick", is_flag=True, help="Small sizes: shows only that they run.")
@click.option("--write-docs", is_flag=True, help="Put the figures into docs/performance.md.")
@click.option("--no-run", is_flag=True, help="Measure nothing; for --write-docs alone.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    show_default="bench/results",
    help="Folder for JSON.",
)
def main(only: tuple[str, ...], quick: bool, write_docs: bool, no_run: bool, out: Path) -> None:
    """Measure the product; run nothing else on the machine meanwhile."""
    if quick and write_docs:
        raise click.UsageError("figures of a quick run mean nothing: they are not written down")
    names = only or NAMES
    failed = [] if no_run else [name for name in names if not _ran(name, quick, out)]
    if write_docs:
        written = docs.write(docs.read(out, [name for name in names if name not in failed]))
        click.echo(f"written into docs/performance.md: {', '.join(written) or 'nothing'}")
    if failed:
        raise click.ClickException(f"these did not come to their end: {', '.join(failed)}")


def _ran(name: str, quick: bool, out: Path) -> bool:
    """Run one in a process of its own, since memory and imports would carry over."""
    command = [sys.executable, "-m", f"bench.{name}", "--out", str(out)]
    started = time.monotonic()
    ended = subprocess.run(command + ["--quick"] * quick, check=False)
    click.echo(f"-- {name}: {time.monotonic() - started:.0f} s\n")
    return ended.returncode == 0


if __name__ == "__main__":
    main()
