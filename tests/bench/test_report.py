"""Figures become text, JSON and tables in the documentation."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import __main__ as all_benchmarks
from bench import docs, report
from bench.report import Aim, Grid, Report, Spread, number

PLACE = "before\n<!-- figures: some -->\nold\n<!-- end: some -->\nafter\n"


def fill(found: Report, *, met: bool) -> None:
    found.figures["speed"] = 7
    found.grids.append(Grid("Speeds", ["what", "m/s"], [["a|b \\1", "7.00"]]))
    found.aims.append(Aim("7 at least", "7", met))


def result(tmp_path: Path, *, quick: bool = False, met: bool = True) -> dict[str, Any]:
    report.run("some", tmp_path, quick=quick, measure=partial(fill, met=met))
    return docs.read(tmp_path, ["some", "another"])["some"]


def test_a_spread_tells_the_median_and_how_far_the_others_are_off() -> None:
    assert Spread.of([3.0, 1.0, 20.0]) == Spread(3.0, 1.0, 20.0, 3)
    assert Spread.of([3.0, 1.0, 20.0]).text() == "3.00 (1.00 to 20.0)"
    assert Spread.of([0.0025]).text(1000, " ms") == "2.50 ms"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.000"), (0.0001, "1.0e-04"), (0.5, "0.500"), (12.34, "12.3"), (12345.6, "12,346")],
)
def test_a_number_shows_the_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_a_benchmark_that_was_not_run_has_no_result(tmp_path: Path) -> None:
    assert docs.read(tmp_path, ["some"]) == {}


def test_results_go_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PLACE, encoding="utf-8")
    assert docs.write({"some": result(tmp_path)}, page) == ["some"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- figures: some -->\n20")
    assert text.endswith("| 7 at least | 7 | met |\n<!-- end: some -->\nafter\n")
    assert "old" not in text
    assert "| a\\|b \\1 | 7.00 |" in text
    # A second time changes nothing but what was measured.
    docs.write({"some": result(tmp_path, met=False)}, page)
    assert page.read_text(encoding="utf-8") == text.replace("| met |", "| **not met** |")


def test_a_quick_run_is_never_written_down(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PLACE, encoding="utf-8")
    assert docs.write({"some": result(tmp_path, quick=True)}, page) == []
    assert page.read_text(encoding="utf-8") == PLACE
    done = CliRunner().invoke(all_benchmarks.main, ["--quick", "--write-docs", "--no-run"])
    assert done.exit_code == 2


def test_a_result_without_a_place_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for some"):
        docs.write({"some": result(tmp_path)}, page)


def test_the_file_says_on_what_it_was_measured(tmp_path: Path) -> None:
    result(tmp_path)
    found = json.loads((tmp_path / "some.json").read_text(encoding="utf-8"))
    assert found["machine"]["cpus"] >= 1
    assert found["figures"] == {"speed": 7}
