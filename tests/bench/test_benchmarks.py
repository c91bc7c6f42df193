"""Each benchmark runs at a tiny size and gives the JSON that it promises."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.__main__ import NAMES
from bench.docs import PAGE

#: Smaller than `--quick`, where that starts more than one worker.
SIZES = {"memory": ["--messages", "20"]}


def ran(name: str, out: Path) -> dict[str, Any]:
    """What a benchmark wrote."""
    command = importlib.import_module(f"bench.{name}").main
    done = CliRunner().invoke(
        command, ["--quick", "--out", str(out), *SIZES.get(name, [])], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_and_writes_its_figures(name: str, tmp_path: Path) -> None:
    found = ran(name, tmp_path)
    assert found["benchmark"] == name
    assert found["quick"]
    assert {"date", "seconds", "figures", "aims"} <= set(found)
    assert {"cpus", "python"} <= set(found["machine"])
    assert found["tables"]
    for table in found["tables"]:
        assert table["rows"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    for aim in found["aims"]:
        assert aim["aim"]
        assert aim["found"]
        assert isinstance(aim["met"], bool)
    CHECKS[name](found["figures"])


def check_mailbox(figures: dict[str, Any]) -> None:
    (case,) = figures["cases"]
    assert case["raw_seconds"] > 0
    assert case["one_at_a_time_ms"] > 0
    assert case["times_raw"] == pytest.approx(case["seconds"] / case["raw_seconds"])
    assert case["parts"]["requests"] > 0


def check_quota(figures: dict[str, Any]) -> None:
    assert len(figures["cases"]) == 3
    for case in figures["cases"]:
        assert case["missing"] == 0
        assert case["windows"] > 1
        # Nobody can be quicker than the quota allows.
        assert case["over"] > 0
    assert all(case["refused"] for case in figures["cases"] if case["mistake"] > 1)


def check_nothing_new(figures: dict[str, Any]) -> None:
    assert figures["one"][0]["requests"] == 1
    assert figures["one"][0]["log_growth"] > 0
    assert figures["many"][0]["a_minute"] > 0


def check_people(figures: dict[str, Any]) -> None:
    (many,) = figures["many"]
    assert many["records"] == 50
    assert many["batches"] >= many["people"]
    assert many["redis_commands"] > many["batches"]
    assert many["small"]["worst"] <= many["seconds"]
    ticks = figures["schedule"]["ticks"]
    assert ticks["due"]["redis_commands"] > ticks["none_due"]["redis_commands"]
    assert {pool["pool"] for pool in figures["pools"]} == {"threads"}


def check_memory(figures: dict[str, Any]) -> None:
    (case,) = figures["cases"]
    assert case["peak_kb"] >= case["idle_kb"] > 1000


def check_vault(figures: dict[str, Any]) -> None:
    (case,) = figures["cases"]
    assert all(one["vault_ms"] > 0 and one["plain_ms"] > 0 for one in case["operations"])
    assert case["vault_mb"] > 0


CHECKS = {
    name.removeprefix("check_"): check
    for name, check in globals().items()
    if name.startswith("check_")
}


def test_the_page_has_a_place_for_each_benchmark() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in NAMES:
        assert page.index(f"<!-- figures: {name} -->") < page.index(f"<!-- end: {name} -->")
