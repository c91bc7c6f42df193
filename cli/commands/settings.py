"""`dcs settings`: every setting, its value, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cli.output import Output, json_option
from config.settings import Settings, load


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Args:
        name: As in `dcs.toml`, with dots between levels.
        variable: Its environment variable.
        value: In force; secrets are masked.
        default: Where none is set; secrets are masked.
        meaning: What it does.
    """

    name: str
    variable: str
    value: str
    default: str
    meaning: str


EPILOG = """\b
Examples:
  dcs settings
  dcs settings --json
"""


@click.command(epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """List every setting: its value, default and meaning.

    A value comes from the environment, else from dcs.toml, else it is the default. Secrets are
    masked.
    """
    out = Output(as_json=as_json)
    found = list(all_settings(load()))
    out.result(
        [asdict(setting) for setting in found],
        lambda: out.table(
            ("setting", "value", "default", "meaning", "variable"),
            ((s.name, s.value, s.default, s.meaning, s.variable) for s in found),
        ),
    )


def all_settings(settings: Settings) -> Iterator[Setting]:
    """Every setting of the server and of each provider that works."""
    yield from _walk("", settings, type(settings).model_fields)
    yield from _of_providers(settings)


def _walk(prefix: str, group: BaseModel, fields: Mapping[str, FieldInfo]) -> Iterator[Setting]:
    for key, field in fields.items():
        value = getattr(group, key)
        if isinstance(value, BaseModel):
            yield from _walk(f"{prefix}{key}.", value, type(value).model_fields)
        elif not isinstance(value, dict):
            yield _setting(f"{prefix}{key}", value, field)


def _of_providers(settings: Settings) -> Iterator[Setting]:
    from connectors.sdk import registry

    for found in registry.providers():
        if isinstance(found, registry.Broken):
            continue
        chosen = settings.providers.get(found.id, {})
        for key, field in found.config_class.model_fields.items():
            value = chosen.get(key, field.get_default(call_default_factory=False))
            yield _setting(f"providers.{found.id}.{key}", _as_secret(value, field), field)


def _as_secret(value: Any, field: FieldInfo) -> Any:
    """The value, made secret where the field is: raw configuration is plain text."""
    secret = "SecretStr" in str(field.annotation)
    return SecretStr(value) if secret and isinstance(value, str) else value


def _setting(name: str, value: Any, field: FieldInfo) -> Setting:
    default = (
        "depends on the machine"
        if field.default_factory is not None
        else _shown(field.get_default(call_default_factory=False))
    )
    variable = "DCS_" + name.upper().replace(".", "__")
    return Setting(name, variable, _shown(value), default, field.description or "")


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case SecretStr():
            return "(secret, set)" if value.get_secret_value() else "-"
        case bool():
            return str(value).lower()
        case _:
            return str(value) or "-"
