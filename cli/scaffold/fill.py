"""A new connector's files, made of the templates."""

from __future__ import annotations

import keyword
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

_ID = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
#: Letters of Latin alphabets: a label stands in code, where letters that look alike are errors.
_LABEL = re.compile(r"[A-Za-z0-9À-ÖØ-öø-ÿ][A-Za-z0-9À-ÖØ-öø-ÿ .&+'!-]{0,39}")
#: Imports that stand together, one a line.
_IMPORTS = re.compile(r"(?:^from \S+ import [^(\n]+\n)+", re.MULTILINE)
_SHORTEST, _LONGEST = 2, 30
_ICON = 256
#: Where a word may stand that a provider has for its id; the house rules look at the rest.
_FREE = frozenset(
    {"tests", "docs", "bench", "build", "dist", "__pycache__", "secrets"}
    | {"README.md", "constraints.txt", "dcs.example.toml", "providers.toml", "pyproject.toml"}
)
_TEXT = frozenset(
    {"", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt"}
    | {".yaml", ".yml"}
)


class BadNameError(ValueError):
    """A name or label cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the templates are filled with.

    Args:
        name: The provider's id, which is also its folders' name.
        label: What people call it.
    """

    name: str
    label: str

    @classmethod
    def of(cls, name: str, label: str | None = None) -> Names:
        """The names, checked.

        Args:
            name: The provider's id.
            label: What people call it; default: made of the id.

        Raises:
            BadNameError: One of them cannot be used.
        """
        if not _ID.fullmatch(name) or not _SHORTEST <= len(name) <= _LONGEST:
            raise BadNameError(
                f"a provider's id is {_SHORTEST} to {_LONGEST} lower-case letters, digits and "
                f"single underscores, a letter first, not {name!r}"
            )
        if keyword.iskeyword(name) or name in sys.stdlib_module_names:
            raise BadNameError(f"{name} means something else in Python; try {name}app")
        if name == "sdk":
            raise BadNameError("sdk is what all connectors share; choose another id")
        chosen = label or name.replace("_", " ").title()
        if not _LABEL.fullmatch(chosen):
            raise BadNameError(f"a label is up to 40 Latin letters and digits, not {chosen!r}")
        return cls(name, chosen)

    def values(self) -> dict[str, str]:
        """The templates' variables."""
        made = "".join(part.capitalize() for part in self.name.split("_"))
        return {
            "name": self.name,
            "label": self.label,
            "upper": self.name.upper(),
            "class_": made,
            "config_class": f"{made}Config",
            "side_class": f"{made}Side",
            # Names of hosts know no underscore.
            "host": f"{self.name.replace('_', '-')}.example",
        }


def connector(names: Names) -> dict[str, bytes]:
    """The connector's files, by their paths from the root of the checkout."""
    made = {f"connectors/{names.name}/icon.png": icon(names.name)}
    folders = {
        "connectors": f"connectors/{names.name}",
        "sandbox": f"sandbox/{names.name}",
        "tests": f"tests/connectors/{names.name}",
    }
    for source, target in folders.items():
        for template in _templates().joinpath(source).iterdir():
            path = f"{target}/{template.name.removesuffix('.txt')}"
            made[path] = _filled(template, names).encode()
    return made


def settings_section(names: Names) -> str:
    """What `docs/settings.md` says of the connector's settings."""
    return _filled(_templates().joinpath("settings.md.txt"), names)


def used_in(root: Path, name: str) -> str | None:
    """A file of the checkout in which the name is a word already; None when there is none.

    A test holds that a provider is named in its own folders alone, and cannot tell a provider from
    an ordinary word.
    """
    word = re.compile(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", re.IGNORECASE)
    for path in _texts(root):
        if word.search(path.read_text(encoding="utf-8", errors="replace")):
            return path.relative_to(root).as_posix()
    return None


def icon(name: str) -> bytes:
    """A square of one colour, which depends on the name: a placeholder for the service's icon.

    https://www.w3.org/TR/png-3/
    """
    colour = zlib.crc32(name.encode()).to_bytes(4, "big")[:3]
    rows = (b"\0" + colour * _ICON) * _ICON
    header = struct.pack(">IIBBBBB", _ICON, _ICON, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _templates() -> Traversable:
    return resources("cli.scaffold").joinpath("templates")


def _filled(template: Traversable, names: Names) -> str:
    text = Template(template.read_text(encoding="utf-8")).substitute(names.values())
    # Where a line belongs among its neighbours depends on the name.
    return _IMPORTS.sub(_in_order, text) if ".py" in template.name else text


def _in_order(imports: re.Match[str]) -> str:
    return "".join(sorted(imports[0].splitlines(keepends=True), key=lambda line: line.split()[1]))


def _texts(root: Path) -> Iterator[Path]:
    """The text files in which no provider may be named."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in _FREE or path.suffix == ".egg-info":
            continue
        if path.is_dir():
            yield from _texts(path)
        elif path.suffix in _TEXT and path.name != "dcs.toml":
            yield path
