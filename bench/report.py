"""What a benchmark found: tables for people, JSON for programs, aims met or not."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure that was measured several times.

    Args:
        median: The one in the middle.
        least: The smallest.
        most: The largest.
        count: How often it was measured.
    """

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    def text(self, factor: float = 1.0, unit: str = "") -> str:
        """Median, and least to most where there was more than one value."""
        shown = f"{number(self.median * factor)}{unit}"
        if self.count == 1:
            return shown
        return f"{shown} ({number(self.least * factor)} to {number(self.most * factor)})"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Args:
        title: What it shows, units included.
        columns: Their heads.
        rows: Cells, ready to be read.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Aim:
    """What was hoped for.

    Args:
        aim: In words, with its number.
        found: What was measured, in words.
        met: Whether that is enough; computed from the figures.
    """

    aim: str
    found: str
    met: bool


def _console() -> Console:
    # Where nobody looks, as in a file, lines may be long.
    console = Console()
    return console if console.is_terminal else Console(width=160)


@dataclass(slots=True)
class Report:
    """All that a benchmark tells; filled while it runs.

    Args:
        name: The benchmark's.
        quick: Whether sizes were so small that the figures only show that it runs.
        console: Where it tells how it goes.
        figures: Numbers by name, for programs.
        grids: The tables.
        aims: What was hoped for.
    """

    name: str
    quick: bool
    console: Console = field(default_factory=_console)
    figures: dict[str, Any] = field(default_factory=dict)
    grids: list[Grid] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Say what goes on."""
        self.console.print(f"{self.name}: {text}", highlight=False, markup=False)

    def show(self) -> None:
        """Print tables and aims."""
        for grid in self.grids:
            table = Table(*grid.columns, title=grid.title, title_justify="left")
            for row in grid.rows:
                table.add_row(*row)
            self.console.print(table)
        for aim in self.aims:
            self.tell(f"aim: {aim.aim}: {'met' if aim.met else 'not met'} ({aim.found})")

    def to_json(self, seconds: float) -> dict[str, Any]:
        """What the file holds.

        Args:
            seconds: How long the benchmark took.
        """
        return {
            "benchmark": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "quick": self.quick,
            "seconds": round(seconds, 1),
            "figures": self.figures,
            "tables": [asdict(grid) for grid in self.grids],
            "aims": [asdict(aim) for aim in self.aims],
        }


def run(name: str, out: Path, *, quick: bool, measure: Callable[[Report], None]) -> None:
    """Run a benchmark: print what it finds and write it to `<out>/<name>.json`.

    Args:
        name: The benchmark's.
        out: Folder for the file; made when missing.
        quick: Whether the sizes are small.
        measure: Fills the report.
    """
    report = Report(name, quick)
    started = time.perf_counter()
    measure(report)
    found = report.to_json(time.perf_counter() - started)
    report.show()
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    report.tell(f"{found['seconds']} s; figures in {path}")


def machine() -> dict[str, Any]:
    """What the figures depend on, without the machine's name."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def number(value: float) -> str:
    """A number with three digits that matter, thousands separated."""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def quick_option(function: Callable[..., None]) -> Callable[..., None]:
    """`--quick`: sizes so small that all runs in seconds."""
    return click.option("--quick", is_flag=True, help="Small sizes: shows only that it runs.")(
        function
    )


def out_option(function: Callable[..., None]) -> Callable[..., None]:
    """`--out`: where the JSON goes."""
    kind = click.Path(file_okay=False, path_type=Path)
    return click.option(
        "--out", type=kind, default=RESULTS, show_default="bench/results", help="Folder for JSON."
    )(function)
