"""Each provider's `quality.yaml`: what it says is done is done, as far as a machine can see."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.sdk import registry
from connectors.sdk.errors import AccessDeniedError, RateLimitedError, TransientError
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider, ProviderConfig
from sandbox.options import SandboxOptions
from sandbox.side import Side
from sandbox.world import World

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = (
    "1. Keys",
    "2. Configuration",
    "3. Limits",
    "4. Where the data does not fit the schema",
    "5. Schemas",
    "6. What could come",
    "7. Performance",
    "8. Known issues of the API",
)
#: What a connector must not import: the engine and the tiers do that part of the work.
FOREIGN = {
    "celery", "cli", "click", "config", "flask", "flask_dance", "redis", "rich", "sandbox",
    "sentry_sdk", "sqlalchemy", "sqlcipher3", "vault", "web", "worker",
}  # fmt: skip

#: What is wrong, in words; nothing where a rule is kept.
Problems = Iterator[str]


def readme(name: str) -> str:
    path = ROOT / "connectors" / name / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def readme_problems(text: str) -> Problems:
    sections = dict(re.findall(r"(?ms)^## (.+?)$(.*?)(?=^## |\Z)", text))
    for heading in HEADINGS:
        if not sections.get(heading, "").strip():
            yield f"README.md says nothing under '## {heading}'"
    if "TODO" in text:
        yield "README.md holds a TODO"


def icon_problems(data: bytes) -> Problems:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        yield "icon.png is no PNG"
    elif struct.unpack(">II", data[16:24]) != (256, 256):
        yield "icon.png is not 256x256"


def eight_points(name: str) -> Problems:
    return readme_problems(readme(name))


def icon(name: str) -> Problems:
    path = ROOT / "connectors" / name / "icon.png"
    return icon_problems(path.read_bytes() if path.is_file() else b"")


def oauth_as_data(name: str) -> Problems:
    oauth = provider(name).oauth
    if not isinstance(oauth, OAuth2):
        yield "oauth is no OAuth2"
        return
    for url in (oauth.authorize_url, oauth.token_url):
        if not url.startswith("https://"):
            yield f"{url} is not encrypted"


def sdk_alone(name: str) -> Problems:
    for path in sorted((ROOT / "connectors" / name).rglob("*.py")):
        for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
            first, _, rest = module.partition(".")
            other = first == "connectors" and rest.partition(".")[0] not in {"sdk", name}
            if first in FOREIGN or other:
                yield f"{path.name} imports {module}"


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def config_typed(name: str) -> Problems:
    kind = provider(name).config_class
    for key, field in kind.model_fields.items():
        if field.is_required() or not field.description:
            yield f"the setting {key} lacks a default or a description"
    for handler in provider(name).handlers:
        for key in handler.sizes:
            bounds = {type(bound).__name__ for bound in kind.model_fields[key].metadata}
            if not {"Ge", "Le"} <= bounds:
                yield f"the setting {key}, which sizes requests, lacks bounds"


def config_documented(name: str) -> Problems:
    for key in provider(name).config_class.model_fields:
        if f"`{key}`" not in readme(name):
            yield f"README.md does not name the setting `{key}`"


def options_documented(name: str) -> Problems:
    for handler in provider(name).handlers:
        for option in handler.options:
            option.check(option.default)
            if f"`{option.id}`" not in readme(name):
                yield f"README.md does not name the option `{option.id}` of {handler.id}"


def errors_table(name: str) -> Problems:
    classify = provider(name).configured({}).classify
    # A refusal that is not in the provider's form may be a proxy's: it denies nothing.
    refused = (AccessDeniedError, TransientError)
    wanted = {429: RateLimitedError, 503: TransientError, 403: refused, 200: type(None)}
    for status, error in wanted.items():
        for body in (b"", b"<html>", b"[]", b'{"error": {"errors": 7}}', b"\xff"):
            if not isinstance(made := classify(status, {}, body), error):
                yield f"classify makes {type(made).__name__} of {status} with {body!r}"


def facts_cited(name: str) -> Problems:
    for handler in provider(name).handlers:
        path = ROOT.joinpath(*handler.__module__.split(".")).with_suffix(".py")
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if "https://" not in said:
            yield f"{path.name} links no page of the provider"
    if "https://" not in readme(name):
        yield "README.md links no page of the provider"


def standard_schema(name: str) -> Problems:
    for handler in provider(name).handlers:
        for uri in handler.schemas():
            if not uri.startswith("https://common.schemas.verida.io/"):
                yield f"{handler.id} has a schema of its own: {uri}"


def edits(name: str) -> Problems:
    if not any(held.tells_edits for held in side(name).holdings(0).values()):
        yield "no handler follows edits, as sandbox/ has it"


def change_feed(name: str) -> Problems:
    if not any(held.has_feed for held in side(name).holdings(0).values()):
        yield "no handler reads a change feed, as sandbox/ has it"


def quota_budget(name: str) -> Problems:
    made = provider(name).configured({})
    for handler in made.handlers:
        if made.quota(handler.service) is None:
            yield f"{handler.id} has no quota"


def sandbox_side(name: str) -> Problems:
    if not (ROOT / "sandbox" / name / "side.py").is_file():
        yield f"there is no sandbox/{name}/side.py"
        return
    for handler in provider(name).handlers:
        if handler.id not in side(name).holdings(0):
            yield f"the sandbox has no holding for {handler.id}"
        if missing := handler.scopes - set(side(name).scopes):
            yield f"the sandbox cannot grant {', '.join(sorted(missing))}"


def has_tests(name: str) -> Problems:
    folder = ROOT / "tests" / "connectors" / name
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    for handler in provider(name).handlers:
        if not any(re.search(rf'\b{handler.__name__}\b|"{handler.id}"', text) for text in texts):
            yield f"no test in tests/connectors/{name} is of {handler.id}"


def nothing(name: str) -> Problems:
    """What only a person can tell."""
    yield from ()


#: Every rule, with what looks whether it is kept.
RULES: dict[str, Callable[[str], Problems]] = {
    "readme-eight-points": eight_points,
    "icon-256": icon,
    "oauth-as-data": oauth_as_data,
    "official-client": nothing,
    "sdk-alone": sdk_alone,
    "config-typed": config_typed,
    "config-documented": config_documented,
    "options-documented": options_documented,
    "scopes-minimal": nothing,
    "errors-table": errors_table,
    "facts-cited": facts_cited,
    "standard-schema": standard_schema,
    "change-feed": change_feed,
    "edits": edits,
    "deletions": nothing,
    "backfill-resumable": nothing,
    "position-bounded": nothing,
    "quota-budget": quota_budget,
    "sandbox-side": sandbox_side,
    "sandbox-validated": nothing,
    "contract-suite": sandbox_side,
    "tests": has_tests,
    "live-checked": nothing,
}


@cache
def provider(name: str) -> type[Provider]:
    return registry.provider_class(name)


@cache
def world() -> World:
    return World(SandboxOptions(messages=1, items=1))


def side(name: str) -> Side:
    return world().sides[name]


def form_problems(sheet: Any) -> Problems:
    """What is wrong with a checklist's form: rules that are not there, reasons that lack."""
    if not isinstance(sheet, dict):
        yield "it is no table of rules"
        return
    yield from (f"{rule} is missing" for rule in RULES if rule not in sheet)
    for rule, entry in sheet.items():
        if rule not in RULES:
            yield f"there is no rule {rule}"
        elif entry == "done":
            continue
        elif not isinstance(entry, dict) or set(entry) != {"status", "reason"}:
            yield f"{rule} is neither done nor has status and reason"
        elif entry["status"] not in ("todo", "exempt"):
            yield f"{rule} has the status {entry['status']!r}"
        elif not isinstance(entry["reason"], str) or not entry["reason"].strip():
            yield f"{rule} has no reason"


def checklist(name: str) -> Any:
    path = ROOT / "connectors" / name / "quality.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None


@pytest.mark.parametrize("name", registry.provider_ids())
def test_a_checklist_has_every_rule_and_each_reason(name: str) -> None:
    assert not list(form_problems(checklist(name)))


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("name", registry.provider_ids())
def test_what_is_said_to_be_done_is_done(name: str, rule: str) -> None:
    if (checklist(name) or {}).get(rule) == "done":
        assert not list(RULES[rule](name))


def test_every_rule_is_explained() -> None:
    page = (ROOT / "docs" / "build-a-connector.md").read_text(encoding="utf-8")
    rules = re.findall(r"(?m)^\| `([a-z0-9-]+)` \| .+ \|$", page.partition("## The checklist")[2])
    assert rules == list(RULES)


GOOD = "# It\n" + "".join(f"\n## {heading}\n\nwords\n" for heading in HEADINGS)


@pytest.mark.parametrize(
    "text",
    ["", GOOD.replace("## 3. Limits\n\nwords", "## 3. Limits\n"), GOOD + "TODO: more",
     GOOD.replace("7. Performance", "7. Speed")],
)  # fmt: skip
def test_a_readme_that_leaves_a_point_out_is_noticed(text: str) -> None:
    assert not list(readme_problems(GOOD))
    assert list(readme_problems(text))


def test_an_icon_of_another_size_is_noticed() -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    assert not list(icon_problems(png + struct.pack(">II", 256, 256)))
    assert list(icon_problems(png + struct.pack(">II", 256, 255)))
    assert list(icon_problems(b"GIF89a" + bytes(40)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"edits": None}, "edits is neither"),
        ({"edits": {"status": "todo"}}, "edits is neither"),
        ({"edits": {"status": "exempt", "reason": " "}}, "edits has no reason"),
        ({"edits": {"status": "done", "reason": "because"}}, "edits has the status 'done'"),
        ({"edit": "done"}, "there is no rule edit"),
    ],
)
def test_a_checklist_of_another_form_is_noticed(change: dict[str, Any], words: str) -> None:
    good: dict[str, Any] = dict.fromkeys(RULES, "done")
    assert not list(form_problems(good))
    assert words in next(form_problems({**good, **change}))
    assert list(form_problems({})) == [f"{rule} is missing" for rule in RULES]


def test_an_import_from_elsewhere_is_noticed() -> None:
    code = "import os, flask.views\nfrom connectors.sdk import http\nfrom . import near"
    assert list(imported(ast.parse(code))) == ["os", "flask.views", "connectors.sdk"]


def test_settings_of_every_provider_have_the_common_ones() -> None:
    for name in registry.provider_ids():
        assert issubclass(provider(name).config_class, ProviderConfig)
