"""`dcs connectors`: writing connectors, in a checkout of the server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from cli.connectors_check import check
from cli.errors import USAGE, Fail
from cli.output import Output, json_option

EPILOG = """\b
Examples:
  dcs connectors new NAME
  dcs connectors check NAME
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Write a connector of your own, in a checkout of the server.

    docs/build-a-connector.md tells how.
    """


@command.command(
    "new",
    epilog="""\b
Examples:
  dcs connectors new NAME
  dcs connectors new NAME --label "The Service"
""",
)
@click.argument("name")
@click.option("--label", help="What people call the service; default: made of NAME.")
@json_option
def new(name: str, label: str | None, as_json: bool) -> None:
    """Write a provider with one handler that works, to be changed into your own.

    NAME is the provider's id: lower-case letters, digits and single underscores. Its sandbox side,
    test, README, icon and checklist come along, and the contract suite passes as it stands.
    Nothing that exists is overwritten.
    """
    from cli.scaffold import fill

    out = Output(as_json=as_json)
    root = checkout()
    try:
        names = fill.Names.of(name, label)
    except fill.BadNameError as error:
        raise Fail(str(error), USAGE) from None
    made = fill.connector(names)
    _require_free(root, name, list(made))
    if where := fill.used_in(root, name):
        raise Fail(
            f"{name} is a word that {where} uses already, so it cannot be told from the provider; "
            f"try {name}app",
            USAGE,
        )
    for path, content in made.items():
        _write(root / path, content)
    settings = root / "docs" / "settings.md"
    with settings.open("a", encoding="utf-8") as file:
        file.write(fill.settings_section(names))
    steps = [
        f"dcs connectors check {name}: the contract suite, green before you begin",
        f"connectors/{name}/provider.py: the service's own addresses for OAuth and its API",
        f"connectors/{name}/posts.py and sandbox/{name}/: its data, as it documents it",
        f"connectors/{name}/README.md and quality.yaml: what is still to do",
        "docs/build-a-connector.md tells more of each",
    ]

    def human() -> None:
        for path in sorted(made):
            click.echo(f"wrote {path}")
        click.echo("added to docs/settings.md\n\nNext:")
        for step in steps:
            click.echo(f"  {step}")

    out.result({"provider": name, "root": str(root), "files": sorted(made), "next": steps}, human)


def checkout() -> Path:
    """The root of the checkout that this program runs from.

    Raises:
        Fail: It runs from an installed package, or the checkout cannot be written.
    """
    import connectors

    root = Path(connectors.__file__).resolve().parents[1]
    if not (root / "tests" / "contract").is_dir():
        raise Fail(
            f"{root} is no checkout of the server; clone it, `make test` there, and call "
            ".venv/bin/dcs"
        )
    if not os.access(root / "connectors", os.W_OK):
        raise Fail(f"cannot write to {root}; use a checkout of your own")
    return root


def _require_free(root: Path, name: str, paths: list[str]) -> None:
    """Refuse to write where something is.

    Raises:
        Fail: A folder of that name exists.
    """
    folders = {(root / path).parent for path in paths}
    taken = sorted(str(folder.relative_to(root)) for folder in folders if folder.exists())
    if taken:
        raise Fail(f"there is a {name} already: {', '.join(taken)}; choose another id", USAGE)


def _write(path: Path, content: bytes) -> None:
    """Write a file that others may read: `main` lets nobody else read what it makes."""
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_bytes(content)
    path.chmod(0o644)


command.add_command(check)
