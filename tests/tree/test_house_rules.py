"""Rules of the house that a machine can hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sdk import registry

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
TEXT = {
    "", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt",
    ".yaml", ".yml",
}  # fmt: skip

#: What may be in a working copy and is no part of the repository.
FOREIGN = {
    ".git", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".ruff_cache", ".venv", "build",
    "dist", "__pycache__", "secrets",
}  # fmt: skip

#: Files besides a provider's own folders that may name it, and why.
MAY_NAME_PROVIDERS = {
    "README.md": "a newcomer connects a real account",
    "config/providers.toml": "holds each provider's defaults",
    "constraints.txt": "the provider's official client is a package with its name",
    "dcs.example.toml": "shows a person's own values, which are a provider's",
    "pyproject.toml": "the provider's official client is a package with its name",
    "sandbox/options.py": "puts together what it plays",
    "sandbox/world.py": "puts together what it plays",
}

ELSEWHERE = re.compile(
    r"pypi\.(?:org|python)|pythonhoste[d]|test\.pypi|npmjs\.|crates\.io|proxy\.golang|rubygems\."
    r"|docker\.io|ghcr\.io|quay\.io|(?:^|\s)--(?:extra-)?index-url|--find-link[s]",
    re.MULTILINE,
)
SOMEBODYS_PATH = re.compile(
    r"(?<![\w.~}$-])/(?:home|Users|root|work|mnt|srv)/[\w.-]+|[A-Z]:\\Users"
)


def rooms() -> list[str]:
    """The top-level packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    return [name.rstrip("*") for name in included]


def files() -> Iterator[tuple[str, str]]:
    """Path, from the root, and content of every text file of the repository."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if FOREIGN.intersection(parts) or any(part.endswith(".egg-info") for part in parts):
            continue
        if parts == ("dcs.toml",) or not path.is_file() or path.suffix not in TEXT:
            continue
        yield "/".join(parts), path.read_text(encoding="utf-8", errors="replace")


def offences(pattern: re.Pattern[str], *, but: re.Pattern[str] | None = None) -> list[str]:
    """`path:line: text` of all lines that match."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files()
        if but is None or not but.match(name)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_module_is_long() -> None:
    long = {
        name: lines
        for name, text in files()
        if name.endswith(".py") and (lines := len(text.splitlines())) > MOST_LINES
    }
    assert not long


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        name
        for name, text in files()
        if name.endswith("__init__.py") and not ast.get_docstring(ast.parse(text))
    ]
    assert not silent


@pytest.mark.parametrize("room", rooms())
def test_every_room_has_tests(room: str) -> None:
    assert list((ROOT / "tests" / room).rglob("test_*.py"))


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_names_a_registrys_host_or_somebodys_machine() -> None:
    assert not offences(ELSEWHERE)
    assert not offences(SOMEBODYS_PATH)


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z][\w-]*):(?!=)", makefile))
    pages = [(name, text) for name, text in files() if name.endswith(".md")]
    assert pages
    for name, text in pages:
        named = set(re.findall(r"`make ([a-z][\w-]*)", text))
        named |= set(re.findall(r"(?m)^\s*(?:\$ )?make ([a-z][\w-]*)", code_of(text)))
        assert named <= targets, name


def code_of(page: str) -> str:
    """The fenced code of a Markdown page."""
    return "\n".join(re.findall(r"```[^\n]*\n(.*?)```", page, re.DOTALL))


def test_every_link_from_page_to_file_leads_somewhere() -> None:
    for name, text in files():
        if name.endswith(".md"):
            for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
                assert (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"


@pytest.mark.parametrize("provider", registry.provider_ids())
def test_a_provider_is_named_in_its_own_folders_alone(provider: str) -> None:
    word = re.compile(rf"(?<![a-z0-9]){re.escape(provider)}(?![a-z0-9])", re.IGNORECASE)
    own = "|".join(
        [rf"connectors/{provider}/", rf"sandbox/{provider}/", "tests/", "docs/", "bench/"]
        + [rf"{re.escape(name)}$" for name in MAY_NAME_PROVIDERS]
    )
    assert not offences(word, but=re.compile(own))


def test_what_may_name_providers_needs_to() -> None:
    ids = "|".join(registry.provider_ids())
    for name, reason in MAY_NAME_PROVIDERS.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(ids, text, re.IGNORECASE), f"{name} no longer does: {reason}"
