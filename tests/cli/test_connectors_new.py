"""`dcs connectors new`: what it writes passes lint, types, house rules and the contract suite."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import connectors
from cli.scaffold import fill

ROOT = Path(__file__).resolve().parents[2]
#: Short and long, before and after `sdk` in the alphabet, with and without a label.
NAMES = {"acme": None, "qx": "eBay & Söhne", "zebra_" + "q" * 24: None}

Dcs = Callable[..., Result]


class Checkout:
    """A copy of this checkout, without what is not the repository's.

    Args:
        root: Where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        leave_out = shutil.ignore_patterns(
            ".*", "__pycache__", "*.egg-info", "build", "dist", "browser", "chaos", "compose"
        )
        shutil.copytree(ROOT, root, ignore=leave_out)

    def run(self, *command: str) -> str:
        """What a command says; it must succeed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DCS_")}
        environment |= {
            # Before the editable install of the checkout that the test runs in.
            "PYTHONPATH": str(self.root),
            # What one command compiles the next one need not, and nothing of it is written here.
            "PYTHONPYCACHEPREFIX": str(self.root.parent / "compiled"),
        }
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def python(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", *arguments)

    def written(self) -> list[str]:
        """The folders that were written."""
        return [
            path
            for name in NAMES
            for path in (f"connectors/{name}", f"sandbox/{name}", f"tests/connectors/{name}")
        ]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which connectors were written."""
    made = Checkout(tmp_path_factory.mktemp("new") / "checkout")
    for name, label in NAMES.items():
        out = made.python(
            "cli.main", "connectors", "new", name, "--json", *(["--label", label] if label else [])
        )
        answer = json.loads(out)
        assert answer["root"] == str(made.root)
        assert all((made.root / path).is_file() for path in answer["files"])
        assert f"dcs connectors check {name}" in answer["next"][0]
    return made


def test_lint_finds_nothing(checkout: Checkout) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    checkout.run(ruff, "check", "--no-cache", *checkout.written())
    checkout.run(ruff, "format", "--no-cache", "--check", *checkout.written())


def test_types_are_right(checkout: Checkout) -> None:
    cache = checkout.root.parent / "types"
    copy_types(cache)
    own = [f"{room}/{name}" for room in ("connectors", "sandbox") for name in NAMES]
    checkout.python("mypy", "--cache-dir", str(cache), *own)


def copy_types(cache: Path) -> None:
    """Copy what mypy knows of this checkout, as far as it has been run: it takes ten times as long
    without. It looks for itself whether a file is the one that it knows.
    """
    for kept in (ROOT / ".mypy_cache").rglob("*.db"):
        copied = cache / kept.relative_to(ROOT / ".mypy_cache")
        copied.parent.mkdir(parents=True, exist_ok=True)
        # A plain copy might be torn: somebody may run mypy meanwhile.
        with (
            closing(sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True)) as known,
            closing(sqlite3.connect(copied)) as copy,
        ):
            known.backup(copy)


def test_house_rules_pages_and_its_own_tests_hold(checkout: Checkout) -> None:
    own = [f"tests/connectors/{name}" for name in NAMES]
    # One process for all: each takes seconds to start.
    rooms = ["tests/tree", "tests/docs", *own]
    out = checkout.python("pytest", *rooms, "-k", "not test_pages or setting")
    for room in rooms:
        assert f"\n{room}/test_" in out, f"{room} was not run"


def test_the_contract_suite_passes(checkout: Checkout) -> None:
    # Whether the suite sees mistakes is for its own tests, in the checkout that this one copies.
    sound = ("tests/contract", "--provider", "acme", "-k", "not test_suite_catches")
    out = checkout.python("pytest", "-q", *sound)
    assert " passed" in out


def test_other_users_can_read_what_is_written(checkout: Checkout) -> None:
    for name in checkout.written():
        folder = checkout.root / name
        assert folder.stat().st_mode & 0o777 == 0o755
        assert {path.stat().st_mode & 0o777 for path in folder.glob("*.*")} == {0o644}


def test_the_icon_is_a_png_of_256_by_256() -> None:
    data = fill.icon("acme")
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (256, 256)
    assert data != fill.icon("qx")


@pytest.mark.parametrize(
    "name",
    ["", "a", "Acme", "1st", "_acme", "acme_", "ac__me", "ac-me", "ac.me", "../x", "a" * 31,
     "sdk", "class", "json", "ächme"],
)  # fmt: skip
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(fill.BadNameError):
        fill.Names.of(name)


@pytest.mark.parametrize(
    "label", [" x", 'a"b', "a\\b", "a\nb", "a|b", "x" * 41, "\u0410cme", "{x}"]
)
def test_a_label_that_code_cannot_hold_is_refused(label: str) -> None:
    with pytest.raises(fill.BadNameError):
        fill.Names.of("acme", label)


def test_a_label_is_made_of_the_name() -> None:
    assert fill.Names.of("my_acme2").label == "My Acme2"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What looks like a checkout, and that the command is made to take for its own."""
    for folder in ("connectors", "sandbox", "docs", "tests/contract", "tests/connectors"):
        (tmp_path / "checkout" / folder).mkdir(parents=True)
    root = tmp_path / "checkout"
    (root / "docs" / "settings.md").write_text("# Settings\n")
    (root / "connectors" / "other.py").write_text("# A line of the Code_Base.\n")
    monkeypatch.setattr(connectors, "__file__", str(root / "connectors" / "__init__.py"))
    return root


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", ["connectors", "sandbox", "tests/connectors"])
def test_nothing_that_exists_is_overwritten(dcs: Dcs, small: Path, folder: str) -> None:
    (small / folder / "acme").mkdir()
    before = files(small)
    result = dcs("connectors", "new", "acme")
    assert result.exit_code == 2
    assert f"there is a acme already: {folder}/acme" in result.stderr
    assert files(small) == before


def test_a_word_that_the_code_uses_is_refused(dcs: Dcs, small: Path) -> None:
    before = files(small)
    for name in ("line", "of", "base"):
        result = dcs("connectors", "new", name)
        assert result.exit_code == 2
        assert f"try {name}app" in result.stderr
        assert "connectors/other.py" in result.stderr
    assert files(small) == before
    assert dcs("connectors", "new", "lineapp").exit_code == 0


def test_a_person_is_told_what_was_written_and_what_comes_next(dcs: Dcs, small: Path) -> None:
    result = dcs("connectors", "new", "acme", "--label", "The Acme")
    assert result.exit_code == 0
    assert "wrote connectors/acme/provider.py\n" in result.stdout
    assert "dcs connectors check acme" in result.stdout
    assert 'label = "The Acme"' in (small / "connectors/acme/provider.py").read_text()
    assert "`providers.acme.page_size`" in (small / "docs" / "settings.md").read_text()


def test_what_is_wrong_with_a_name_is_said(dcs: Dcs, small: Path) -> None:
    result = dcs("connectors", "new", "Acme", "--json")
    answer: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 2
    assert "lower-case letters" in answer["error"]["message"]


def test_an_installed_package_is_no_place_to_write(dcs: Dcs, small: Path) -> None:
    shutil.rmtree(small / "tests" / "contract")
    before = files(small)
    result = dcs("connectors", "new", "acme")
    assert result.exit_code == 1
    assert "is no checkout of the server" in result.stderr
    assert files(small) == before


def test_a_checkout_that_cannot_be_written_is_refused(
    dcs: Dcs, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.commands.connectors.os.access", lambda *_: False)
    result = dcs("connectors", "new", "acme")
    assert result.exit_code == 1
    assert "cannot write to" in result.stderr
