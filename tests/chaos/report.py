"""The table by fault, for people and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.chaos.run import Result

_HEAD = (
    "fault", "injected", "met", "expected", "kept", "lost", "duplicated", "stuck", "median s",
    "worst s",
)  # fmt: skip
_LEGEND = (
    "`injected`: how often the fault was there; `met`: how often the server ran into it, by what"
    " the harness, the sandbox, Redis or the server's log counted. Only the runs in which it was"
    " met stand in the rest of its row, and those in which something was wrong."
)
_FROM, _TO = "<!-- measured: from -->", "<!-- measured: to -->"


def rows(results: Iterable[Result], left_out: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each fault, then one for all runs; a mixed run counts in each of its faults.

    Args:
        results: Of the runs.
        left_out: Why a fault could not be injected on this machine, by its name.
    """
    found = list(results)
    names = sorted({name for result in found for name in result.faults} | set(left_out))
    table = [_of_fault(name, found) for name in names]
    injected, met = (sum(row[key] for row in table) for key in ("injected", "met"))
    return [*table, _row("all runs", injected, met, found)]


def _of_fault(name: str, results: list[Result]) -> dict[str, Any]:
    injected = [result for result in results if name in result.faults]
    met = [result for result in injected if name in result.met]
    # Whether it was met is not asked where it may be the cause of something wrong.
    counted = [result for result in injected if name in result.met or not result.sound]
    return _row(name, len(injected), len(met), counted)


def _row(name: str, injected: int, met: int, results: list[Result]) -> dict[str, Any]:
    seconds = [result.seconds for result in results if result.seconds is not None]
    return {
        "fault": name,
        "injected": injected,
        "met": met,
        "runs": len(results),
        "expected": sum(result.toll.expected for result in results),
        "kept": sum(result.toll.kept for result in results),
        "lost": sum(result.toll.lost for result in results),
        "duplicated": sum(result.toll.doubled for result in results),
        "stuck": sum(result.stuck for result in results),
        "median s": round(statistics.median(seconds), 1) if seconds else None,
        "worst s": round(max(seconds), 1) if seconds else None,
    }


def as_markdown(results: Iterable[Result], left_out: Mapping[str, str]) -> str:
    """The table, aligned, and why some faults were left out."""
    lines = [_cells(row, left_out) for row in rows(results, left_out)]
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
    told = [f"- Left out: {name}: {reason}." for name, reason in sorted(left_out.items())]
    return "\n".join([line(_HEAD), line(rule), *map(line, lines), *([""] if told else []), *told])


def _cells(row: Mapping[str, Any], left_out: Mapping[str, str]) -> list[str]:
    """A row's cells; of a fault that nothing is known of, no numbers that look like success."""
    if not row["injected"] and row["fault"] in left_out:
        return [row["fault"], "left out", *["-"] * (len(_HEAD) - 2)]
    blank = set() if row["runs"] else set(_HEAD[3:])
    return [str("-" if row[key] is None or key in blank else row[key]) for key in _HEAD]


def save(path: Path, results: list[Result], left_out: Mapping[str, str], seed: int) -> None:
    """Write rows, runs, and what was left out, as JSON."""
    data = {
        "seed": seed,
        "faults": rows(results, left_out),
        "left_out": dict(left_out),
        "runs": [
            {
                "number": result.number,
                "injected": result.faults,
                "met": result.met,
                "seconds": result.seconds,
                "took": round(result.took, 2),
                "remarks": result.remarks,
                "notes": result.notes,
            }
            for result in results
        ],
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def write_docs(
    path: Path, results: list[Result], left_out: Mapping[str, str], command: str
) -> None:
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
    said = f"`{command}`: {len(results)} runs, {broken} with something wrong. {_LEGEND}"
    table = as_markdown(results, left_out)
    path.write_text(f"{before}{_FROM}\n{said}\n\n{table}\n{_TO}{after}", encoding="utf-8")
