from __future__ import annotations

import importlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

from cli.main import COMMANDS, cli

Dcs = Callable[..., Result]


def _all() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        command = importlib.import_module(f"cli.commands.{name.replace('-', '_')}").command
        yield name, command
        if isinstance(command, click.Group):
            for sub, inner in command.commands.items():
                yield f"{name} {sub}", inner


def test_help_is_fast_and_imports_no_command() -> None:
    code = "import sys; sys.argv[1:] = ['--help']\nimport cli.main\ntry: cli.main.main()\nfinally: print([m for m in sys.modules if m.startswith(('cli.commands', 'rich', 'pydantic', 'flask'))])"
    took = []
    for _ in range(3):
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        took.append(time.monotonic() - started)
    assert done.returncode == 0
    assert done.stdout.endswith("[]\n")
    assert min(took) < 0.4


def test_every_module_is_a_command_of_the_table() -> None:
    import cli.commands as package

    files = {path.stem for path in Path(package.__path__[0]).glob("[a-z]*.py")}
    assert files == {name.replace("-", "_") for name in COMMANDS}


def test_the_table_says_what_each_command_says() -> None:
    for name, command in _all():
        if " " not in name:
            first = (command.help or "").split("\n\n")[0]
            assert " ".join(first.split()) == COMMANDS[name]


def test_every_command_has_json_and_examples() -> None:
    for name, command in _all():
        if not isinstance(command, click.Group):
            assert any("--json" in parameter.opts for parameter in command.params), name
        assert "Examples:" in (command.epilog or ""), name


def _examples() -> Iterator[str]:
    commands = [cli.epilog or "", *(command.epilog or "" for _, command in _all())]
    for text in commands:
        for line in text.splitlines():
            if line.startswith("  ") and "dcs " in line:
                yield line[line.index("dcs ") :]


def test_every_example_is_understood(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{}")
    examples = list(dict.fromkeys(_examples()))
    assert len(examples) > 25
    for example in examples:
        words = shlex.split(example.replace("~/Mail/archive", str(tmp_path)))[1:]
        words = [str(tmp_path / word) if word == "tokens.json" else word for word in words]
        context = cli.make_context("dcs", list(words))
        while isinstance(context.command, click.Group):
            name, command, words = context.command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert command is not None
            context = command.make_context(name, words, parent=context)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_help_is_printed(dcs: Dcs, name: str) -> None:
    result = dcs(name, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_an_unknown_command_is_a_usage_error(dcs: Dcs) -> None:
    result = dcs("snyc")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "snyc" in result.stderr
    assert "dcs --help" in result.stderr


def test_errors_are_json_where_json_was_asked_for(dcs: Dcs) -> None:
    result = dcs("data", "nothing", "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == 1
    assert "there is no schema nothing; there are:" in error["message"]
    assert result.stderr == ""


def test_usage_errors_are_json_too(dcs: Dcs) -> None:
    result = dcs("data", "--json", "--limit", "x", "email")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == 2


def test_a_bug_is_one_line_without_the_errors_own_text(
    dcs: Dcs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> None:
        raise KeyError("a person's own words")

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr("cli.commands.providers.load", broken)
    result = dcs("providers")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    log = (home / "logs" / "cli.log").read_text()
    assert "KeyError" in log
    assert "own words" not in result.stderr + log


def test_a_wrong_setting_is_named_without_its_value(
    dcs: Dcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCS_WEB__PORT", "hunter2")
    result = dcs("settings")
    assert result.exit_code == 1
    assert "web.port" in result.stderr
    assert "hunter2" not in result.stderr
    assert result.stderr.count("\n") == 1
