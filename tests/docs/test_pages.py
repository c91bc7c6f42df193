"""The pages in `docs/` name all that there is, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.commands.settings import Setting, all_settings
from cli.main import COMMANDS, cli
from config.settings import load
from web.app import create_app
from worker.services import Services

DOCS = Path(__file__).resolve().parents[2] / "docs"
API = "/api/rest/v1"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def settings() -> list[Setting]:
    return list(all_settings(load()))


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    lines = set(page("settings.md").splitlines())
    rows = {f"| `{one.name}` | {one.default} | {one.meaning} |" for one in settings()}
    assert not rows - lines


def test_no_setting_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"(?m)^\| `([\w.-]+)` \|", page("settings.md")))
    assert named == {one.name for one in settings()}


def test_every_variable_that_a_page_names_is_a_setting() -> None:
    known = {one.variable for one in settings()}
    for path in DOCS.glob("*.md"):
        for variable in re.findall(r"\bDCS_[A-Z_]+\b", path.read_text(encoding="utf-8")):
            if not variable.startswith("DCS_PROVIDERS__NAME__"):
                assert variable in known, f"{path.name}: {variable}"


def commands(
    group: click.Group = cli, path: tuple[str, ...] = ("dcs",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command with all its words, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join([*path, name]), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(("words", "command"), list(commands()))
def test_every_command_is_documented_with_its_options(words: str, command: click.Command) -> None:
    section = re.search(
        rf"(?ms)^#{{3,4}} `{re.escape(words)}(?: [A-Z\[][^`]*)?`$(.*?)(?=^#{{1,4}} |\Z)",
        page("commands.md"),
    )
    assert section, f"{words} is not in docs/commands.md"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("as_json", "help"):
            assert f"`{parameter.opts[0]}" in section[1], f"{words} {parameter.opts[0]}"


def test_every_command_that_a_page_calls_exists() -> None:
    for path in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(
            r"(?:^|`|exec \w+ |[A-Z]=\S+ )dcs ([a-z][a-z-]*)", text, re.MULTILINE
        ):
            assert name in COMMANDS, f"{path.name}: dcs {name}"


def in_braces(rule: str) -> str:
    """A route as OpenAPI writes it: `/records/{schema}`."""
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule)


def test_every_route_of_the_api_is_documented(services: Services) -> None:
    app = create_app(services)
    routes = {
        f"{method} {in_braces(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(API) and not rule.rule.endswith("openapi.json")
    }
    assert routes
    documented = set(re.findall(r"(?m)^\| `([A-Z]+ /api/rest/v1[^`]*)`", page("api.md")))
    assert documented == routes


def test_every_address_of_ours_that_the_api_page_names_exists(services: Services) -> None:
    app = create_app(services)
    rules = {in_braces(rule.rule) for rule in app.url_map.iter_rules()}
    for address in re.findall(r"`(/[a-z][^`\s]*)`", page("api.md")):
        assert address == API or address in rules, address
