"""Writes what was measured into docs/performance.md, between comments that mark the places."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def read(folder: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The results that there are, by benchmark.

    Args:
        folder: Where the benchmarks wrote them.
        names: The benchmarks.
    """
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }


def write(results: dict[str, dict[str, Any]], page: Path = PAGE) -> list[str]:
    """Put results into the page; what was only tried (`--quick`) is left out.

    Args:
        results: By benchmark.
        page: The page.

    Returns:
        The benchmarks that were written.

    Raises:
        ValueError: The page has no place for one of them.
    """
    text = page.read_text(encoding="utf-8")
    written = [name for name, result in results.items() if not result["quick"]]
    for name in written:
        begin, end = f"<!-- figures: {name} -->", f"<!-- end: {name} -->"
        place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        told = "\n".join([begin, *_section(results[name]), end])
        # As a replacement, a backslash of its own would be read as an escape.
        text, found = place.subn(told.replace("\\", r"\\"), text)
        if not found:
            raise ValueError(f"{page.name} has no place for {name}: {begin} ... {end}")
    page.write_text(text, encoding="utf-8")
    return written


def _section(result: dict[str, Any]) -> list[str]:
    machine = result["machine"]
    where = f"{machine['cpus']} CPUs ({machine['cpu']}), {machine['system']}"
    when = f"Python {machine['python']}; took {result['seconds']:.0f} s."
    lines = [f"{result['date'][:10]}, {where}, {when}", ""]
    for table in result["tables"]:
        lines += [f"{table['title']}:", "", _row(table["columns"])]
        lines += [_row(["---", *["---:"] * (len(table["columns"]) - 1)])]
        lines += [_row(row) for row in table["rows"]] + [""]
    if result["aims"]:
        lines += [_row(["aim", "found", ""]), _row(["---"] * 3)]
        lines += [
            _row([aim["aim"], aim["found"], "met" if aim["met"] else "**not met**"])
            for aim in result["aims"]
        ]
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
