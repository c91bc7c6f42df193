"""A machine without Chromium: what a run of the tests says there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INSTALL = "apt-get install chromium chromium-driver"


def run_without_browser(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run a test of the browser where no program is found; the exit code and what was said."""
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    variables |= {"PATH": str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(HERE / "test_hostile.py")],
        cwd=HERE.parents[1],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_without_a_browser_its_tests_are_left_out_and_the_summary_says_so(tmp_path: Path) -> None:
    code, said = run_without_browser(tmp_path, "--collect-only")
    assert code == 5  # nothing is left to run
    assert f"browser tests left out: no chromium; {INSTALL}" in said


def test_in_continuous_integration_a_missing_browser_fails(tmp_path: Path) -> None:
    code, said = run_without_browser(tmp_path, "--maxfail=1", CI="true")
    assert code == 1
    assert f"no chromium and chromedriver on PATH: {INSTALL}" in said
    assert "left out" not in said
