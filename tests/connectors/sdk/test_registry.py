"""The registry over folders of good and broken providers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import connectors
from connectors.sdk import registry
from connectors.sdk.errors import ConfigurationError
from connectors.sdk.provider import Provider
from connectors.sdk.registry import Broken
from connectors.sdk.schemas.email import Email

Add = Callable[[str, str], None]

GOOD = '''
"""A provider of a test's own."""
from connectors.sdk.http import classify_by_status
from connectors.sdk.oauth import OAuth2
from connectors.sdk.provider import Provider
from connectors.sdk.records import Account

class Good(Provider):
    id = "{id}"
    label = "Good"
    url = "https://good.example"
    oauth = OAuth2("https://good.example/a", "https://good.example/t")
    handlers = ()

    def account(self, api):
        return Account("1")

    def classify(self, status, headers, body):
        return classify_by_status(status, headers, body)
'''


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Add]:
    """Adds a provider to an empty root of providers."""
    root = tmp_path / "connectors"
    root.mkdir()
    monkeypatch.setattr(registry, "_ROOT", root)
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(root)])
    before = set(sys.modules)

    def made(name: str, code: str) -> None:
        folder = root / name
        folder.mkdir()
        (folder / "__init__.py").write_text('"""A provider."""\n')
        (folder / "provider.py").write_text(code)

    yield made
    for name in set(sys.modules) - before:
        if name.startswith("connectors."):
            del sys.modules[name]


def test_a_provider_is_a_folder_with_a_provider_module(add: Add, tmp_path: Path) -> None:
    add("zebra", GOOD.format(id="zebra"))
    add("acme", GOOD.format(id="acme"))
    add("sdk", "")
    (tmp_path / "connectors" / "empty").mkdir()
    assert registry.provider_ids() == ["acme", "zebra"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ('"""Nothing in it."""', "no Provider"),
        (GOOD.format(id="bad").replace('    label = "Good"\n', ""), "must set label"),
        (GOOD.format(id="bad").replace("def classify", "def other"), "classify"),
        ("raise SystemExit('no licence')", "SystemExit"),
    ],
    ids=["import", "syntax", "fails", "empty", "attribute", "abstract", "exits"],
)
def test_a_broken_provider_shows_as_broken_and_the_rest_work(
    add: Add, code: str, reason: str
) -> None:
    add("bad", code)
    add("good", GOOD.format(id="good"))
    bad, good = registry.providers()
    assert isinstance(bad, Broken)
    assert bad.id == "bad"
    assert reason in bad.reason
    assert not isinstance(good, Broken)
    assert registry.provider("good", {}).label == "Good"
    with pytest.raises(ConfigurationError, match="bad is broken"):
        registry.provider("bad", {})


def test_a_mended_provider_works_without_a_restart(add: Add, tmp_path: Path) -> None:
    add("bad", "1 / 0")
    assert isinstance(registry.providers()[0], Broken)
    code = GOOD.format(id="bad") + "# mended\n"
    (tmp_path / "connectors" / "bad" / "provider.py").write_text(code)
    assert registry.provider("bad", {}).id == "bad"


def test_an_imported_provider_class_is_not_taken_for_the_modules_own(add: Add) -> None:
    add("good", GOOD.format(id="good"))
    add("heir", "from connectors.good.provider import Good\n")
    assert isinstance(registry.providers()[1], Broken)


def test_an_unknown_provider_is_refused_with_those_that_are_there(add: Add) -> None:
    add("good", GOOD.format(id="good"))
    with pytest.raises(ConfigurationError, match="there is no provider acme; there are: good"):
        registry.provider_class("acme")


@pytest.mark.parametrize("name", ["../good", "good.provider", "", "sdk"])
def test_a_name_that_is_no_folders_imports_nothing(add: Add, name: str) -> None:
    add("good", GOOD.format(id="good"))
    with pytest.raises(ConfigurationError, match="no provider"):
        registry.provider_class(name)


def test_a_configuration_reaches_its_provider(add: Add) -> None:
    add("good", GOOD.format(id="good"))
    made = registry.provider("good", {"good": {"client_id": "me"}, "other": {"x": 1}})
    assert isinstance(made, Provider)
    assert made.config.client_id == "me"


def test_listing_providers_imports_none() -> None:
    code = (
        "import sys\n"
        "from connectors.sdk import registry\n"
        "ids = registry.provider_ids()\n"
        "assert ids, ids\n"
        "sys.exit(', '.join(m for m in sys.modules for i in ids"
        " if m.startswith(f'connectors.{i}')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr.strip() == ""


def test_schemas_are_found_by_their_slugs() -> None:
    assert registry.schemas()["email"] is Email
