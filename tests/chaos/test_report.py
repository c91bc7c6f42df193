"""The table says what was met, and what could not be tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.people import Toll
from tests.chaos.run import Result

_REASON = "no such library here"


def _results() -> list[Result]:
    return [
        Result(0, ["a", "b"], ["a"], Toll(10, 10), seconds=1.0),
        Result(1, ["b"], ["b"], Toll(7, 7), seconds=3.0),
        Result(2, ["c"], [], Toll(5, 5), seconds=2.0),
    ]


def test_a_fault_that_was_not_met_is_not_counted_as_survived() -> None:
    a, b, c, whole = report.rows(_results(), {})
    assert (a["injected"], a["met"], a["expected"]) == (1, 1, 10)
    assert (b["injected"], b["met"], b["expected"], b["median s"]) == (2, 1, 7, 3.0)
    assert (c["injected"], c["met"], c["expected"]) == (1, 0, 0)
    assert (whole["injected"], whole["met"], whole["expected"]) == (4, 2, 22)


def test_what_went_wrong_is_told_of_a_fault_though_nobody_saw_it_met() -> None:
    _, b, *_ = report.rows([Result(0, ["a", "b"], ["a"], Toll(10, 9, 1))], {})
    assert (b["met"], b["lost"]) == (0, 1)


def test_a_row_of_a_fault_that_nobody_met_shows_no_numbers() -> None:
    line = next(line for line in _table({}) if line.startswith("| c "))
    assert [cell.strip() for cell in line.strip("|").split("|")] == ["c", "1", "0", *["-"] * 7]


def test_what_was_left_out_stands_in_table_json_and_docs_with_its_reason(tmp_path: Path) -> None:
    left_out = {"d": _REASON}
    lines = _table(left_out)
    assert any(line.startswith("| d ") and "left out" in line for line in lines)
    assert f"- Left out: d: {_REASON}." in lines

    report.save(tmp_path / "told.json", _results(), left_out, 1)
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["left_out"] == left_out
    assert [row["met"] for row in told["faults"] if row["fault"] == "d"] == [0]
    assert [run["met"] for run in told["runs"]] == [["a"], ["b"], []]

    document = tmp_path / "document.md"
    document.write_text(f"before {report._FROM} old {report._TO} after")
    report.write_docs(document, _results(), left_out, "make chaos")
    text = document.read_text()
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert " old " not in text
    assert _REASON in text


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the marks"):
        report.write_docs(document, _results(), {}, "make chaos")
    assert document.read_text() == "no marks"


def _table(left_out: dict[str, str]) -> list[str]:
    return report.as_markdown(_results(), left_out).splitlines()
