"""`python -m tests.chaos`: hurts a real server in every way we know, and counts what is lost.

Examples:
  python -m tests.chaos --runs 200 --seed 7
  python -m tests.chaos --only "redis wiped" --runs 5
  python -m tests.chaos --seed 7 --only-run 31
  python -m tests.chaos --packed 6 --seed 7
  python -m tests.chaos --runs 200 --seed 7 --json chaos.json --write-docs

Ends with a table by fault. Exit code 0: nothing was lost, duplicated or stuck, and nothing else
was wrong; 1: something was, and the folder that is named tells of it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import lanes, report
from tests.chaos.run import Result
from tests.chaos.series import LeftOut, Plan, all_faults, named

_DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the series that the arguments ask for; the exit code."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        for kind in all_faults():
            print(kind.name)  # noqa: T201
        return 0
    faults = tuple([named(name) for name in asked.only] if asked.only else all_faults())
    plan = Plan(asked.seed, faults, mixed=not asked.only, packed=asked.packed)
    own = Path(tempfile.gettempdir()) / f"dcs-chaos-failed-{asked.seed}-{os.getpid()}"
    folder = Path(asked.keep) if asked.keep else own
    # What is mounted and started is cleared away then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    numbers = list(range(len(plan.packs()) if plan.packed else asked.runs))
    if asked.only_run is not None:
        numbers = [asked.only_run]
    results: list[Result] = []
    left_out: dict[str, str] = {}
    began = time.monotonic()
    for found in lanes.go(plan, folder, numbers, asked.lanes, keep_all=asked.keep_all):
        if isinstance(found, LeftOut):
            left_out |= found.reasons
            continue
        results.append(found)
        _line(found, len(results), len(numbers), asked.seed)
    results.sort(key=lambda result: result.number)
    print(report.as_markdown(results, left_out))  # noqa: T201
    broken = [result for result in results if not result.sound]
    _tell(
        f"{len(results)} runs in {time.monotonic() - began:.0f} s, {len(broken)} with something wrong"
    )
    if asked.json:
        report.save(Path(asked.json), results, left_out, asked.seed)
    if asked.write_docs:
        command = f"make chaos RUNS={asked.runs} SEED={asked.seed}"
        report.write_docs(_DOCS, results, left_out, command)
    if broken:
        _tell(f"what happened in them: {folder}")
    return 1 if broken or not results else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=50, help="how many (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="decides everything (default: 1)")
    parser.add_argument("--only-run", type=int, metavar="N", help="run N of this seed alone")
    parser.add_argument(
        "--only", action="append", metavar="FAULT", help="this fault alone; may be repeated"
    )
    parser.add_argument(
        "--packed", type=int, default=0, metavar="N", help="each fault once, N in turn in a run"
    )
    parser.add_argument(
        "--lanes", type=int, default=2, help="servers that are hurt side by side (default: 2)"
    )
    parser.add_argument("--list", action="store_true", help="list the faults")
    parser.add_argument("--json", metavar="FILE", help="write rows and runs here too")
    parser.add_argument("--keep", metavar="FOLDER", help="where failed runs' logs go")
    parser.add_argument("--keep-all", action="store_true", help="keep sound runs' logs too")
    parser.add_argument("--write-docs", action="store_true", help="put the table in the docs")
    return parser


def _line(result: Result, number: int, of: int, seed: int) -> None:
    state = "ok" if result.sound else "WRONG"
    seconds = "-" if result.seconds is None else f"{result.seconds:.1f} s"
    unmet = [name for name in result.faults if name not in result.met]
    _tell(
        f"[{number}/{of}] run {seed}/{result.number} {state}: "
        f"{' + '.join(result.met) or 'nothing was met'}: "
        f"{result.toll.kept} of {result.toll.expected} kept, whole after {seconds}, "
        f"took {result.took:.1f} s"
    )
    for remark in result.remarks:
        _tell(f"    {remark}")
    if unmet:
        _tell(f"    (injected, not met: {', '.join(unmet)})")
    for note in result.notes:
        _tell(f"    ({note})")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
