"""The table by fault, for people and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.chaos.run import Result

_HEAD = (
    "fault", "times", "expected", "kept", "lost", "duplicated", "stuck", "median s", "worst s",
)  # fmt: skip
_FROM, _TO = "<!-- measured: from -->", "<!-- measured: to -->"


def rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """A row for each fault, then one for all runs; a mixed run counts in each of its faults."""
    found = list(results)
    names = sorted({name for result in found for name in result.faults})
    table = [_row(name, [r for r in found if name in r.faults]) for name in names]
    return [*table, _row("all runs", found)]


def _row(name: str, results: list[Result]) -> dict[str, Any]:
    seconds = [result.seconds for result in results if result.seconds is not None]
    return {
        "fault": name,
        "times": len(results),
        "expected": sum(result.toll.expected for result in results),
        "kept": sum(result.toll.kept for result in results),
        "lost": sum(result.toll.lost for result in results),
        "duplicated": sum(result.toll.doubled for result in results),
        "stuck": sum(result.stuck for result in results),
        "median s": round(statistics.median(seconds), 1) if seconds else None,
        "worst s": round(max(seconds), 1) if seconds else None,
    }


def as_markdown(results: Iterable[Result]) -> str:
    """The table, aligned."""
    lines = [[str("-" if row[key] is None else row[key]) for key in _HEAD] for row in rows(results)]
    widths = [max(len(line[n]) for line in [list(_HEAD), *lines]) for n in range(len(_HEAD))]

    def line(cells: Iterable[str]) -> str:
        padded = [
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * width if number == 0 else "-" * (width - 1) + ":"
        for number, width in enumerate(widths)
    ]
    return "\n".join([line(_HEAD), line(rule), *map(line, lines)])


def save(path: Path, results: list[Result], seed: int) -> None:
    """Write rows and runs as JSON."""
    data = {
        "seed": seed,
        "faults": rows(results),
        "runs": [
            {
                "number": result.number,
                "faults": result.faults,
                "seconds": result.seconds,
                "took": round(result.took, 2),
                "remarks": result.remarks,
                "notes": result.notes,
            }
            for result in results
        ],
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def write_docs(path: Path, results: list[Result], command: str) -> None:
    """Put the table between the marks of a document.

    Raises:
        ValueError: The document has no such marks.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_FROM)
    _, end, after = rest.partition(_TO)
    if not begin or not end:
        raise ValueError(f"{path} lacks the marks {_FROM} and {_TO}")
    broken = sum(not result.sound for result in results)
    said = f"`{command}`: {len(results)} runs, {broken} with something wrong."
    path.write_text(
        f"{before}{_FROM}\n{said}\n\n{as_markdown(results)}\n{_TO}{after}", encoding="utf-8"
    )
